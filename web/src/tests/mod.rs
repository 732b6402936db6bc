//! The pages as a browser meets them.

mod api;
mod approving;
mod audit;
mod away;
mod by_proxy;
mod desk;
mod frame;
mod front;
mod fuzz;
mod gates;
mod help;
mod journeys;
mod keys;
mod outbox;
mod pick_up;
mod providers;
mod refusals;
mod reviews;
mod routes;
mod sessions;
