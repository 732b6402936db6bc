//! The pages as a browser meets them.

mod audit;
mod by_proxy;
mod desk;
mod frame;
mod front;
mod journeys;
mod keys;
mod outbox;
mod providers;
mod refusals;
mod routes;
mod sessions;
