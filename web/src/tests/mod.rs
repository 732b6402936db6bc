//! The pages as a browser meets them.

mod approving;
mod audit;
mod away;
mod by_proxy;
mod frame;
mod front;
mod gates;
mod journeys;
mod keys;
mod pick_up;
mod providers;
mod refusals;
mod routes;
mod sessions;
