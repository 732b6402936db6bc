//! A kind of escrow backend with nothing behind it. The part between the two marks is shown in
//! `docs/architecture.md` to whoever writes one.

use std::path::Path;

use clavis_backends::Supplies;
use clavis_backends::escrow::{EscrowPlan, Plan};
use clavis_broker::ports::{Finding, Severity};
use clavis_broker::testing::{CountingRandom, SetClock};
use clavis_config::OnDisk;

const PAGE: &str = include_str!("../../../docs/architecture.md");
const SOURCE: &str = include_str!("skeleton.rs");

// The page begins.
use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::devices::{BackendName, Device, DeviceId, EscrowRecord};
use clavis_broker::keys::{EscrowedKey, KeyId};
use clavis_broker::ports::{EscrowBackend, EscrowError};
use clavis_broker::text::Asset;
use clavis_config::document::Section;
use clavis_config::escrow::{EscrowKind, Planned, Surroundings};
use clavis_config::needs::Needs;
use clavis_config::problems::Problems;
use clavis_config::values::host;

/// The kind.
pub(super) const KIND: EscrowKind<Plan> = EscrowKind {
    name: "vault",
    read,
};

/// What a section of this kind says.
#[derive(Debug, Clone)]
struct Settings {
    server: String,
}

/// Recovery keys in a vault.
struct Vault {
    name: BackendName,
    settings: Settings,
}

fn read(section: &Section<'_>, _: &Surroundings<'_>) -> Planned<Plan> {
    let server = section.required("server", host);
    Planned::alone(server.map(|server| Arc::new(Settings { server }) as Plan))
}

impl EscrowPlan for Settings {
    fn backend(
        &self,
        name: &BackendName,
        _: &Supplies,
    ) -> Result<Arc<dyn EscrowBackend>, Problems> {
        let (name, settings) = (name.clone(), self.clone());
        Ok(Arc::new(Vault { name, settings }))
    }

    fn needs(&self) -> Needs {
        Needs::default().connecting([443])
    }
}

#[async_trait]
impl EscrowBackend for Vault {
    fn name(&self) -> &BackendName {
        &self.name
    }

    async fn devices(&self, _: &Asset) -> Result<Vec<Device>, EscrowError> {
        Ok(Vec::new())
    }

    async fn records(&self, _: &DeviceId) -> Result<Vec<EscrowRecord>, EscrowError> {
        Ok(Vec::new())
    }

    async fn keys(&self, _: &DeviceId, _: &[KeyId]) -> Result<Vec<EscrowedKey>, EscrowError> {
        Ok(Vec::new())
    }

    async fn check(&self) -> Vec<Finding> {
        let what = format!("{} is not asked for anything.", self.settings.server);
        vec![Finding::warning(what, "Write what asks it.")]
    }
}
// The page ends.

const CONFIGURATION: &str = r#"
    [server]
    listen = "127.0.0.1:8080"
    public_url = "http://127.0.0.1:8080"
    [organisation]
    name = "Example Corp"
    time_zone = "UTC"
    [support]
    phone = "1"
    hours = "always"
    [store]
    kind = "sqlite"
    path = "clavis.db"
    [[escrow]]
    name = "safe"
    kind = "vault"
    server = "vault.example.com"
    [directory]
    kind = "file"
    path = "people.toml"
    [mail]
    kind = "folder"
    from = "clavis@example.com"
    path = "mails"
"#;

#[tokio::test]
async fn a_kind_that_is_brought_along_becomes_a_backend() {
    let file = Path::new("clavis.toml");
    let settings = clavis_config::parse(CONFIGURATION, file, &OnDisk, &[KIND])
        .unwrap_or_else(|problems| panic!("{problems}"));
    let supplies = Supplies {
        clock: Arc::new(SetClock::at(jiff::Timestamp::UNIX_EPOCH)),
        random: Arc::new(CountingRandom::default()),
        tenants: std::collections::BTreeMap::new(),
    };
    let escrow = &settings.escrow[0];
    let backend = escrow.plan.backend(&escrow.name, &supplies).unwrap();
    assert_eq!(backend.name().0, "safe");
    assert!(escrow.plan.needs().connect.contains(&443));
    let findings = backend.check().await;
    assert_eq!(findings[0].severity, Severity::Warning);
    assert!(findings[0].what.starts_with("vault.example.com"));

    let wrong = CONFIGURATION.replace("server = \"vault", "sever = \"vault");
    let problems = clavis_config::parse(&wrong, file, &OnDisk, &[KIND]).unwrap_err();
    assert!(problems.to_string().contains("did you mean `server`?"));
}

#[test]
fn the_page_shows_this_kind() {
    let shown = SOURCE.split("// The page begins.\n").nth(1).unwrap();
    let shown = shown.split("// The page ends.").next().unwrap();
    assert!(
        PAGE.contains(&format!("```rust\n{shown}```")),
        "docs/architecture.md does not show the kind in tests/files/skeleton.rs as it is"
    );
}
