//! Storages for tests: one that [fails](Faulty) as planned, one that [records](Recording) its calls.
//!
//! Both wrap any storage and are shared as `Arc`: keep one clone to plan and look, hand the other to what is tested.

mod faulty;
mod operation;
mod recording;

pub use faulty::{Fault, Faulty, Harm};
pub use operation::Operation;
pub use recording::{Call, Recording};
