mod fixed;
pub mod sample;

pub use fixed::{CountingRandom, SetClock};
