//! An escrow backend in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::{INTERNALS, locked};
use crate::devices::{BackendName, Device, DeviceId, EscrowRecord};
use crate::keys::{EscrowedKey, Form, KeyId, RecoveryKey};
use crate::ports::{EscrowBackend, EscrowError, EscrowFault, Finding, Rotation};
use crate::text::Asset;

/// Of more devices than these, it is not said whose each is.
const MANY: usize = 10;

/// An escrow backend in memory. What it holds can be changed at any time.
pub struct MemoryEscrow {
    name: BackendName,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    devices: Vec<Held>,
    trouble: Option<EscrowFault>,
    trouble_with_keys: Option<EscrowFault>,
    /// What is answered to the wish for new keys.
    rotation: Option<Rotation>,
    rotated: Vec<DeviceId>,
    keeps_ids: bool,
    too_wide: Vec<&'static str>,
    /// What happens while keys are read the next time.
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

struct Held {
    device: Device,
    kept: Vec<Kept>,
}

struct Kept {
    record: EscrowRecord,
    form: Form,
    text: String,
}

impl MemoryEscrow {
    /// A backend of this name that holds nothing yet.
    pub fn new(name: BackendName) -> Self {
        Self {
            name,
            inner: Mutex::default(),
        }
    }

    /// Holds a device with these records and what lies there for their keys, sound or not.
    pub fn hold(&self, device: Device, records: &[(EscrowRecord, &str)]) {
        let kept = records.iter().map(|(record, text)| Kept {
            record: record.clone(),
            form: Form::Digits,
            text: (*text).to_owned(),
        });
        locked(&self.inner).devices.push(Held {
            device,
            kept: kept.collect(),
        });
    }

    /// Holds one record more for a device, with what lies there for its passphrase.
    pub fn hold_passphrase(&self, device: &DeviceId, record: EscrowRecord, text: &str) {
        let mut inner = locked(&self.inner);
        let mut devices = inner.devices.iter_mut();
        let held = devices.find(|held| held.device.id == *device);
        held.expect("a device of the twin").kept.push(Kept {
            record,
            form: Form::Passphrase,
            text: text.to_owned(),
        });
    }

    /// Puts this in the place of a key's text.
    pub fn replace_key(&self, id: KeyId, text: &str) {
        let mut inner = locked(&self.inner);
        let mut kept = inner.devices.iter_mut().flat_map(|held| &mut held.kept);
        let found = kept.find(|kept| kept.record.key_id == id);
        text.clone_into(&mut found.expect("a key of the twin").text);
    }

    /// Forgets a key and its record.
    pub fn forget_key(&self, id: KeyId) {
        for held in &mut locked(&self.inner).devices {
            held.kept.retain(|kept| kept.record.key_id != id);
        }
    }

    /// Says of itself that it may do this beyond what is needed.
    pub fn may_also(&self, rights: &[&'static str]) {
        locked(&self.inner).too_wide = rights.to_vec();
    }

    /// Forgets all devices.
    pub fn forget_devices(&self) {
        locked(&self.inner).devices.clear();
    }

    /// Changes what is known of every device.
    pub fn change_devices(&self, change: impl Fn(&mut Device)) {
        for held in &mut locked(&self.inner).devices {
            change(&mut held.device);
        }
    }

    /// Fails like this at everything from now, or works again.
    pub fn break_down(&self, trouble: Option<EscrowFault>) {
        locked(&self.inner).trouble = trouble;
    }

    /// Fails like this at keys alone from now, or works again.
    pub fn break_keys(&self, trouble: Option<EscrowFault>) {
        locked(&self.inner).trouble_with_keys = trouble;
    }

    /// This happens while keys are read the next time.
    pub fn while_keys_are_read(&self, meanwhile: impl FnOnce() + Send + 'static) {
        locked(&self.inner).meanwhile = Some(Box::new(meanwhile));
    }

    /// Answers like this to the wish for new keys from now.
    pub fn answer_rotation(&self, answer: Rotation) {
        locked(&self.inner).rotation = Some(answer);
    }

    /// Is no longer believed on which machines are one.
    pub fn keep_ids(&self) {
        locked(&self.inner).keeps_ids = true;
    }

    /// The devices that were to make new keys, in order.
    pub fn rotated(&self) -> Vec<DeviceId> {
        locked(&self.inner).rotated.clone()
    }

    async fn read<T>(&self, look: impl FnOnce(&[Held]) -> T) -> Result<T, EscrowError> {
        tokio::task::yield_now().await;
        let inner = locked(&self.inner);
        match inner.trouble {
            None => Ok(look(&inner.devices)),
            Some(fault) => Err(self.error(fault)),
        }
    }

    fn error(&self, fault: EscrowFault) -> EscrowError {
        EscrowError {
            backend: self.name.clone(),
            fault,
            source: Some(INTERNALS.into()),
        }
    }
}

impl Held {
    fn goes_by(&self, asset: &str) -> bool {
        let is_key = |kept: &Kept| asset.parse() == Ok(kept.record.key_id);
        let shared = self.device.shared_id.map(|shared| shared.to_string());
        self.device.name.eq_ignore_ascii_case(asset)
            || shared.is_some_and(|shared| shared.eq_ignore_ascii_case(asset))
            || self.device.id.native.eq_ignore_ascii_case(asset)
            || self.kept.iter().any(is_key)
    }
}

impl Kept {
    fn key(&self) -> EscrowedKey {
        EscrowedKey {
            id: self.record.key_id,
            key: match self.form {
                Form::Digits => RecoveryKey::parse(&self.text),
                Form::Passphrase => RecoveryKey::passphrase(&self.text),
            },
        }
    }
}

fn kept_of<'h>(held: &'h [Held], device: &DeviceId) -> impl Iterator<Item = &'h Kept> {
    let of_device = held.iter().filter(move |held| held.device.id == *device);
    of_device.flat_map(|held| &held.kept)
}

#[async_trait]
impl EscrowBackend for MemoryEscrow {
    fn name(&self) -> &BackendName {
        &self.name
    }

    async fn devices(&self, asset: &Asset) -> Result<Vec<Device>, EscrowError> {
        self.read(|held| {
            let found = held.iter().filter(|held| held.goes_by(asset.as_str()));
            let mut found: Vec<_> = found.map(|held| held.device.clone()).collect();
            if found.len() > MANY {
                for device in &mut found {
                    device.owners.clear();
                }
            }
            found
        })
        .await
    }

    async fn records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, EscrowError> {
        self.read(|held| {
            let kept = kept_of(held, device);
            kept.map(|kept| kept.record.clone()).collect()
        })
        .await
    }

    async fn keys(
        &self,
        device: &DeviceId,
        ids: &[KeyId],
    ) -> Result<Vec<EscrowedKey>, EscrowError> {
        let meanwhile = locked(&self.inner).meanwhile.take();
        if let Some(happens) = meanwhile {
            happens();
        }
        let trouble = locked(&self.inner).trouble_with_keys;
        if let Some(fault) = trouble {
            return Err(self.error(fault));
        }
        self.read(|held| {
            kept_of(held, device)
                .filter(|kept| ids.contains(&kept.record.key_id))
                .map(Kept::key)
                .collect()
        })
        .await
    }

    fn shares_ids(&self) -> bool {
        !locked(&self.inner).keeps_ids
    }

    async fn rotate(&self, device: &DeviceId) -> Result<Rotation, EscrowError> {
        self.read(|_| ()).await?;
        let mut inner = locked(&self.inner);
        let answer = inner.rotation.unwrap_or(Rotation::Unsupported);
        if answer == Rotation::Asked {
            inner.rotated.push(device.clone());
        }
        Ok(answer)
    }

    async fn check(&self) -> Vec<Finding> {
        let inner = locked(&self.inner);
        if inner.trouble.is_some() {
            return vec![Finding::failure(INTERNALS, "Let it work again.")];
        }
        let rights = inner.too_wide.iter().copied();
        let wide = Finding::excess("It may do more than it has to", "Take it away.", rights);
        vec![Finding::ok("The keys are in memory"), wide]
    }
}
