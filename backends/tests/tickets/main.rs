//! Service desks as a double of HaloPSA shows them, which `tests/halo/start` runs: it refuses what
//! Halo refuses.

mod approvals;
mod check;
mod contract;
mod double;
mod events;
mod faults;
mod limits;
mod notes;
mod reading;
