//! Recovery keys by a program of the operator's, which is run once for each call: the request on
//! its standard input, the answer on its standard output, both in JSON. The agreement with it is
//! written down in `docs/command-backend.md`.

#[cfg(test)]
mod agreement;
mod answers;
mod aside;
mod check;
mod escapes;
#[cfg(test)]
mod fuzz;
mod program;
mod reading;
mod requests;
mod settings;
mod trouble;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::devices::{BackendName, Device, DeviceId, EscrowRecord};
use clavis_broker::keys::{EscrowedKey, KeyId};
use clavis_broker::ports::{Clock, EscrowBackend, EscrowError, Finding};
use clavis_broker::text::Asset;

pub(super) use settings::KIND;
pub use settings::{CommandSettings, Reach, Variables};

use program::{Answer, Program};
use requests::Call;
use trouble::Trouble;

/// Recovery keys that a program knows.
pub struct CommandEscrow {
    name: BackendName,
    program: Program,
    known_device: Option<String>,
    trust_shared_ids: bool,
    clock: Arc<dyn Clock>,
}

impl CommandEscrow {
    /// A backend of this name. The clock tells which moments are still to come. Runs nothing: that
    /// happens at the first call.
    pub fn new(name: BackendName, settings: CommandSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            name,
            known_device: settings.known_device.clone(),
            trust_shared_ids: settings.trust_shared_ids,
            clock,
            program: Program::new(settings),
        }
    }

    async fn find(&self, asset: &str) -> Result<Vec<Device>, Trouble> {
        let answer = self.ask(&Call::Devices { asset }).await?;
        let mut devices = answers::devices(answer.bytes(), &self.name)?;
        if !self.trust_shared_ids {
            for device in &mut devices {
                device.shared_id = None;
            }
        }
        Ok(devices)
    }

    async fn find_records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, Trouble> {
        if device.backend != self.name {
            return Ok(Vec::new());
        }
        let device = &device.native;
        let answer = self.ask(&Call::Records { device }).await?;
        answers::records(answer.bytes(), &self.name, self.clock.now())
    }

    async fn read_keys(
        &self,
        device: &DeviceId,
        ids: &[KeyId],
    ) -> Result<Vec<EscrowedKey>, Trouble> {
        if ids.is_empty() || device.backend != self.name {
            return Ok(Vec::new());
        }
        let device = &device.native;
        let answer = self.ask(&Call::Keys { device, ids }).await?;
        answers::keys(answer.bytes(), ids)
    }

    /// Runs the program, and gives what it says beside its answer to the log.
    async fn ask(&self, call: &Call<'_>) -> Result<Answer, Trouble> {
        let (outcome, aside) = self.program.run(call).await;
        let lines = aside.lines();
        for line in &lines {
            tracing::warn!(
                backend = %self.name,
                call = call.name(),
                line,
                "the program of a command backend wrote to its standard error"
            );
        }
        outcome.map_err(|trouble| trouble.beside(lines))
    }

    fn error(&self, trouble: Trouble) -> EscrowError {
        EscrowError {
            backend: self.name.clone(),
            fault: trouble.fault(),
            source: Some(Box::new(trouble)),
        }
    }
}

impl fmt::Debug for CommandEscrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandEscrow")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EscrowBackend for CommandEscrow {
    fn name(&self) -> &BackendName {
        &self.name
    }

    fn shares_ids(&self) -> bool {
        self.trust_shared_ids
    }

    async fn devices(&self, asset: &Asset) -> Result<Vec<Device>, EscrowError> {
        let found = self.find(asset.as_str()).await;
        found.map_err(|trouble| self.error(trouble))
    }

    async fn records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, EscrowError> {
        let found = self.find_records(device).await;
        found.map_err(|trouble| self.error(trouble))
    }

    async fn keys(
        &self,
        device: &DeviceId,
        ids: &[KeyId],
    ) -> Result<Vec<EscrowedKey>, EscrowError> {
        let read = self.read_keys(device, ids).await;
        read.map_err(|trouble| self.error(trouble))
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(self).await
    }
}
