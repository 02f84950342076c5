//! Doubles of what a host gives, for tests of engines and of hosts.
//!
//! [`SteppingClock`], [`SeededRandom`] and [`RecordingObserver`] make a run repeatable and visible; [`Gate`] is a
//! [`Quiesce`](crate::engine::Quiesce) that records its calls and can misbehave. Storages that fail or record are in
//! [`storage::testing`](crate::storage::testing), and the contract of engines is in
//! [`engine::conformance`](crate::engine::conformance).

mod clock;
mod gate;
mod observer;
mod random;

pub use clock::SteppingClock;
pub use gate::{Gate, GateCall};
pub use observer::{Observed, RecordingObserver};
pub use random::SeededRandom;
