//! The pages as a browser meets them.

mod frame;
mod front;
mod journeys;
mod keys;
mod providers;
mod refusals;
