//! Identity providers.

mod oidc;

pub use oidc::{Addresses, OidcProvider};
