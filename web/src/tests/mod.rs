//! The pages as a browser meets them.

mod audit;
mod by_proxy;
mod frame;
mod front;
mod journeys;
mod keys;
mod providers;
mod refusals;
mod routes;
mod sessions;
