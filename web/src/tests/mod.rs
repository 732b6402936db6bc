//! The pages as a browser meets them.

mod approving;
mod away;
mod frame;
mod gates;
mod journeys;
mod keys;
mod pick_up;
mod providers;
mod refusals;
