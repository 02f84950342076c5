//! Proof of the format: golden examples, round trips, and what decoders make of bytes that no writer of ours wrote.

mod example;
mod golden;
mod hostile;
mod mutation;
mod round_trip;
mod sealed_again;
