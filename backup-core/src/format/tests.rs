//! Proof of the format: golden examples, round trips, and what decoders make of bytes that no writer of ours wrote.

mod digest;
mod example;
mod golden;
mod hostile;
mod mutation;
mod note;
mod round_trip;
mod run;
mod sealed_again;
