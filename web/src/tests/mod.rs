//! The pages as a browser meets them.

mod frame;
mod journeys;
mod keys;
mod providers;
mod refusals;
