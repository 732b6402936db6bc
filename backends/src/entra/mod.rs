//! What all parts share of Entra ID: signing in as an application, and asking Microsoft Graph.
//!
//! A [`Tenant`] is asked with a [`Call`] and answers with what the caller reads it as, or with
//! [`Trouble`].

mod assertion;
mod call;
mod check;
mod client;
mod credentials;
mod device;
mod endpoints;
mod identity;
pub(crate) mod intune;
mod login;
mod paging;
pub(crate) mod permission;
mod retry;
mod roles;
mod tenant;
mod throttle;
mod tokens;
mod transport;
mod trouble;
pub(crate) mod wire;

pub use call::{Call, equals};
pub(crate) use call::{begins, says};
pub use check::trouble_finding;
pub use client::Body;
pub(crate) use device::{
    DEVICE_FIELDS, DEVICES, DeviceObject, DevicesBy, device, devices_with, devices_with_ids,
    tell_apart,
};
pub use endpoints::Scope;
pub(crate) use intune::ManagedBy;
pub use roles::{Part, Uses};
pub use tenant::{FailedOrder, Tenant};
pub use trouble::{Answer, Refusal, Trouble};
