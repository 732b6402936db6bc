//! The pages as a browser meets them.

mod frame;
mod journeys;
mod providers;
mod refusals;
