//! The pages as a browser meets them.

mod by_proxy;
mod frame;
mod journeys;
mod keys;
mod providers;
mod refusals;
mod sessions;
