//! Devices and keys in a TOML file, for demonstrations and tests: the keys lie there in plain.

mod contents;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::devices::{BackendName, Device, DeviceId, EscrowRecord};
use clavis_broker::keys::{EscrowedKey, KeyId, RecoveryKey};
use clavis_broker::ports::{EscrowBackend, EscrowError, EscrowFault, Finding};
use clavis_broker::text::Asset;
use clavis_config::document::Section;
use clavis_config::escrow::{EscrowKind, Planned, Surroundings};
use clavis_config::needs::Needs;
use clavis_config::problems::Problems;

use contents::{Stocked, read};

use super::{EscrowPlan, Plan};
use crate::Supplies;

/// An escrow backend that is a file. What is known without the keys is read once; keys are read
/// anew each time, and only they that are asked for stay.
pub struct FileEscrow {
    name: BackendName,
    path: PathBuf,
    stock: Vec<Stocked>,
}

/// The kind.
pub(in crate::escrow) const KIND: EscrowKind<Plan> = EscrowKind {
    name: "file",
    read: plan,
};

#[derive(Debug)]
struct FilePlan {
    path: PathBuf,
}

impl EscrowPlan for FilePlan {
    fn backend(
        &self,
        name: &BackendName,
        _: &Supplies,
    ) -> Result<Arc<dyn EscrowBackend>, Problems> {
        let backend = FileEscrow::open(name.clone(), self.path.clone())?;
        Ok(Arc::new(backend))
    }

    fn needs(&self) -> Needs {
        Needs::default().reading_anew(&self.path)
    }

    fn is_for_demonstrations(&self) -> bool {
        true
    }
}

fn plan(section: &Section<'_>, around: &Surroundings<'_>) -> Planned<Plan> {
    let path = section.required("path", |value| around.path(value));
    Planned::alone(path.map(|path| Arc::new(FilePlan { path }) as Plan))
}

impl FileEscrow {
    /// Reads the file.
    ///
    /// # Errors
    /// Everything that is wrong with it, except damaged keys: those show when they are asked for.
    pub fn open(name: BackendName, path: PathBuf) -> Result<Self, Problems> {
        let stock = read(&name, &path, &mut |_, _, _| ())?;
        Ok(Self { name, path, stock })
    }

    fn error(&self, fault: EscrowFault, problems: Problems) -> EscrowError {
        EscrowError {
            backend: self.name.clone(),
            fault,
            source: Some(Box::new(problems)),
        }
    }
}

#[async_trait]
impl EscrowBackend for FileEscrow {
    fn name(&self) -> &BackendName {
        &self.name
    }

    async fn devices(&self, asset: &Asset) -> Result<Vec<Device>, EscrowError> {
        let asset = asset.as_str();
        let key_id: Option<KeyId> = asset.parse().ok();
        let same = |text: &str| text.to_lowercase() == asset.to_lowercase();
        Ok(self
            .stock
            .iter()
            .filter(|stocked| {
                let shared_id = stocked.device.shared_id;
                same(&stocked.device.name)
                    || (shared_id.is_some() && shared_id == key_id.map(|id| id.0))
                    || same(&stocked.device.id.native)
                    || stocked.dns_name.as_deref().is_some_and(same)
                    || stocked.records.iter().any(|it| Some(it.key_id) == key_id)
            })
            .map(|stocked| stocked.device.clone())
            .collect())
    }

    async fn records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, EscrowError> {
        Ok(self
            .stock
            .iter()
            .filter(|stocked| stocked.device.id == *device)
            .flat_map(|stocked| stocked.records.clone())
            .collect())
    }

    async fn keys(
        &self,
        device: &DeviceId,
        ids: &[KeyId],
    ) -> Result<Vec<EscrowedKey>, EscrowError> {
        if device.backend != self.name {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        read(&self.name, &self.path, &mut |native, id, key| {
            if native == device.native && ids.contains(&id) {
                let key = RecoveryKey::parse(key);
                keys.push(EscrowedKey { id, key });
            }
        })
        .map_err(|problems| {
            let unread = problems.iter().any(|problem| problem.line.is_none());
            let fault = if unread {
                EscrowFault::Unavailable
            } else {
                EscrowFault::Nonsense
            };
            self.error(fault, problems)
        })?;
        Ok(keys)
    }

    async fn check(&self) -> Vec<Finding> {
        let shown = self.path.display();
        vec![match read(&self.name, &self.path, &mut |_, _, _| ()) {
            Ok(stock) => Finding::warning(
                format!(
                    "{} devices are read from {shown}, with keys in plain",
                    stock.len()
                ),
                "This is for demonstrations; name the place of the real keys in [[escrow]].",
            ),
            Err(problems) => Finding::failure(
                format!("The file {shown} cannot be used"),
                problems.to_string(),
            ),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "000011-000022-720885-123453-000000-700007-111111-222222";

    fn opened(toml: &str) -> (tempfile::TempDir, Result<FileEscrow, Problems>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("escrow.toml");
        std::fs::write(&path, toml).unwrap();
        let escrow = FileEscrow::open(BackendName("demo".into()), path);
        (folder, escrow)
    }

    fn small() -> String {
        format!(
            r#"
            [[device]]
            id = "d-1"
            name = "LT-0001"
            dns_name = "lt-0001.corp.example.com"
            owner = "anna"
            [[device.record]]
            key_id = "11111111-0000-0000-0000-000000000000"
            kind = "operating_system"
            escrowed_at = "2026-09-01T08:30:00Z"
            key = "{SOUND}"
            [[device.record]]
            key_id = "22222222-0000-0000-0000-000000000000"
            escrowed_at = "2026-09-02T08:30:00Z"
            key = "000012-000022-720885-123453-000000-700007-111111-222222"

            [[device]]
            id = "d-2"
            name = "LT-0001"
            place = "Hamburg"
            "#
        )
    }

    async fn named(escrow: &FileEscrow, asset: &str) -> Vec<String> {
        let devices = escrow.devices(&Asset::parse(asset).unwrap()).await.unwrap();
        devices.into_iter().map(|it| it.id.native).collect()
    }

    #[tokio::test]
    async fn a_device_is_found_by_all_that_names_it() {
        let (_folder, escrow) = opened(&small());
        let escrow = escrow.unwrap();
        assert_eq!(named(&escrow, "lt-0001").await, ["d-1", "d-2"]);
        for asset in [
            "LT-0001.corp.EXAMPLE.com",
            "D-1",
            "{22222222-0000-0000-0000-000000000000}",
        ] {
            assert_eq!(named(&escrow, asset).await, ["d-1"], "{asset}");
        }
        for asset in ["LT-000", "22222222", "*"] {
            assert!(named(&escrow, asset).await.is_empty(), "{asset}");
        }
    }

    #[tokio::test]
    async fn only_the_keys_that_are_asked_for_come_and_damage_shows() {
        let (_folder, escrow) = opened(&small());
        let escrow = escrow.unwrap();
        let device = DeviceId {
            backend: BackendName("demo".into()),
            native: "d-1".into(),
        };
        let records = escrow.records(&device).await.unwrap();
        let ids: Vec<_> = records.iter().map(|record| record.key_id).collect();
        let keys = escrow.keys(&device, &ids).await.unwrap();
        let sound: Vec<_> = keys.iter().map(|key| key.key.is_ok()).collect();
        assert_eq!(sound, [true, false]);
        assert_eq!(escrow.keys(&device, &ids[..1]).await.unwrap().len(), 1);

        let other = DeviceId {
            native: "d-2".into(),
            ..device.clone()
        };
        assert!(escrow.records(&other).await.unwrap().is_empty());
        assert!(escrow.keys(&other, &ids).await.unwrap().is_empty());

        let elsewhere = DeviceId {
            backend: BackendName("corp".into()),
            ..device
        };
        assert!(escrow.records(&elsewhere).await.unwrap().is_empty());
        assert!(escrow.keys(&elsewhere, &ids).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_that_went_away_or_broke_is_told_apart() {
        let (folder, escrow) = opened(&small());
        let escrow = escrow.unwrap();
        let device = DeviceId {
            backend: BackendName("demo".into()),
            native: "d-1".into(),
        };
        let path = folder.path().join("escrow.toml");
        std::fs::write(&path, "[[device]]\nid = 1\n").unwrap();
        let error = escrow.keys(&device, &[]).await.unwrap_err();
        assert_eq!(error.fault, EscrowFault::Nonsense);
        std::fs::remove_file(&path).unwrap();
        let error = escrow.keys(&device, &[]).await.unwrap_err();
        assert_eq!(error.fault, EscrowFault::Unavailable);
    }

    #[test]
    fn every_problem_of_the_file_is_named() {
        let broken = small()
            .replace("\"d-2\"", "\"d-1\"")
            .replace("22222222-", "11111111-")
            .replace("2026-09-02T08:30:00Z", "yesterday")
            .replace("\"operating_system\"", "\"floppy\"")
            .replace("owner", "onwer");
        let (_folder, escrow) = opened(&broken);
        let problems = escrow.err().unwrap().to_string();
        for part in [
            "`escrowed_at` is not a moment",
            "`kind` is no kind",
            "mean `owner`?",
        ] {
            assert!(problems.contains(part), "{problems}");
        }
        let repeated = small()
            .replace("\"d-2\"", "\"d-1\"")
            .replace("22222222-", "11111111-");
        let (_folder, escrow) = opened(&repeated);
        assert_eq!(escrow.err().unwrap().iter().count(), 2);
    }
}
