//! What the escrow backend and the directory share of Active Directory: reaching it and reading its values.
//!
//! A [`Domain`] is asked with a [`Search`] and answers with [`Entry`]s, or with [`Trouble`].

mod check;
mod connection;
mod controllers;
mod device;
mod discovery;
mod domain;
mod entry;
mod filter;
mod search;
mod trouble;
mod values;

#[cfg(test)]
mod fuzz;

pub(crate) use check::{base_finding, trouble_finding, wide_membership};
pub(crate) use device::{device, device_attributes, tell_apart};
pub(crate) use domain::Domain;
pub(crate) use entry::Entry;
pub(crate) use filter::{
    COMPUTER, PERSON, and, any_of, begins, equal, equal_guid, present, within_group,
};
pub(crate) use search::{Scope, Search};
pub(crate) use trouble::Trouble;
pub(crate) use values::{expiry, generalized_time, guid_base, parent_dn};
