//! Where recovery keys lie.

use async_trait::async_trait;

use super::check::Finding;
use crate::devices::{BackendName, Device, DeviceId, EscrowRecord};
use crate::keys::{EscrowedKey, KeyId};
use crate::text::Asset;

/// A place where recovery keys are escrowed.
#[async_trait]
pub trait EscrowBackend: Send + Sync {
    /// The name that the configuration gives it.
    fn name(&self) -> &BackendName;

    /// The devices that an asset names: by name, DNS name, the backend's own ID or path, the ID
    /// that the backend [shares](Device::shared_id) with others, or the whole ID of one of their
    /// keys. None when it names none; several when a name is shared.
    async fn devices(&self, asset: &Asset) -> Result<Vec<Device>, EscrowError>;

    /// What is escrowed for a device, without touching any key. Empty for a device that has
    /// nothing, and for one that is no longer there. In no order.
    async fn records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, EscrowError>;

    /// The keys of a device with these IDs; those that are gone are left out. Called in a
    /// redemption and nowhere else. No memory of a key may outlast what is returned.
    async fn keys(&self, device: &DeviceId, ids: &[KeyId])
    -> Result<Vec<EscrowedKey>, EscrowError>;

    /// Whether a [shared ID](Device::shared_id) of its devices makes them one with those of other
    /// backends. Where that was taken back since, what was linked by it no longer is.
    fn shares_ids(&self) -> bool {
        true
    }

    /// Whether it may say in which [unit](Device::units) a device lies.
    fn knows_units(&self) -> bool {
        false
    }

    /// Asks for the keys of a device to be replaced by new ones. What is asked for may come about
    /// later, or never: it is the device itself that makes a new key.
    ///
    /// An error says that the order was surely not carried out, and may be given again.
    async fn rotate(&self, _device: &DeviceId) -> Result<Rotation, EscrowError> {
        Ok(Rotation::Unsupported)
    }

    /// Tries the backend for real: reached, trusted, signed in, and with the rights that it needs
    /// and no more.
    async fn check(&self) -> Vec<Finding>;
}

/// What became of the wish for new keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The device was told to make new ones.
    Asked,
    /// The order was given and no answer came: it may have been carried out.
    Unsure,
    /// The device is not managed, or no longer: nobody can tell it anything.
    NotManaged,
    /// The backend has no way to ask for it.
    Unsupported,
}

/// A backend did not answer as it should.
#[derive(Debug, thiserror::Error)]
#[error("{backend}: {fault}")]
pub struct EscrowError {
    /// Which backend.
    pub backend: BackendName,
    /// What kind of trouble, for those who must choose what to do.
    pub fault: EscrowFault,
    /// What lies under it, for the log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What kind of trouble a backend has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EscrowFault {
    /// Not reached, not in time, or not for now: worth another try.
    #[error("cannot be reached at present")]
    Unavailable,
    /// It refuses the account or the call: an operator has to mend it.
    #[error("refuses access")]
    Denied,
    /// It answered what makes no sense.
    #[error("answered what could not be understood")]
    Nonsense,
}
