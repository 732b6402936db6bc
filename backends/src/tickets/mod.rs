//! Service desks.

mod halo;

pub use halo::HaloDesk;
