//! The pages as a browser meets them.

mod audit;
mod frame;
mod journeys;
mod keys;
mod providers;
mod refusals;
mod routes;
