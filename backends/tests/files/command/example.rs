//! The worked example of the documents keeps the contract of every escrow.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use boon::{Compiler, Schemas};
use clavis_backends::escrow::{CommandEscrow, CommandSettings, Variables};
use clavis_broker::keys::KeyId;
use clavis_broker::people::PersonId;
use clavis_broker::ports::{EscrowBackend, EscrowFault, Severity};
use clavis_broker::testing::contract::escrow::{self, EscrowFacts, KnownDevice, KnownKey};
use clavis_broker::text::Asset;
use rusqlite::Connection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{device, script};

const SCHEMA: &str = include_str!("../../../../docs/command-backend.schema.json");
const TABLES: &str = include_str!("../../../../docs/examples/escrow.sql");
const ONE: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
const TWO: &str = "000022-000022-720885-123453-000000-700007-111111-222222";
const DAMAGED: &str = "000012-000022-720885-123453-000000-700007-111111-222222";
/// A passphrase of LUKS, and what is none.
const LUKS: &str = " two  words, and <\"'&\\é鍵\u{1f511}> ";
const TWO_LINES: &str = "two\nlines";

/// A database that `escrow.sql` made, and the folder that it lies in.
struct Database {
    folder: tempfile::TempDir,
    connection: Connection,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("escrow.db")).unwrap();
        connection.execute_batch(TABLES).unwrap();
        Self { folder, connection }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("escrow.db")
    }

    fn hold(
        &self,
        native: &str,
        name: &str,
        shared_id: Option<Uuid>,
        keys: &[(u128, &str)],
    ) -> KnownDevice {
        let insert = "INSERT INTO device VALUES ($1, $2, 'Hamburg', $3, 'anna')";
        let shared = shared_id.map(|id| id.to_string());
        self.connection
            .execute(insert, (native, name, shared))
            .unwrap();
        let keys = keys.iter().map(|(number, key)| {
            let id = KeyId(Uuid::from_u128(number << 96));
            let is_passphrase = [LUKS, TWO_LINES].contains(key);
            let insert = "INSERT INTO recovery_key
                VALUES ($1, $2, NULL, 'fixed_data', '2026-09-01T08:30:00Z', $3, $4)";
            let digits = (!is_passphrase).then_some(key);
            let passphrase = is_passphrase.then_some(key);
            self.connection
                .execute(insert, (id.to_string(), native, digits, passphrase))
                .unwrap();
            let is_sound = ![DAMAGED, "né", TWO_LINES].contains(key);
            KnownKey {
                id,
                sound: is_sound.then(|| (*key).to_owned()),
            }
        });
        KnownDevice {
            id: device(native),
            shared_id,
            name: name.into(),
            keys: keys.collect(),
        }
    }
}

fn example(database: &Path) -> CommandSettings {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/escrow.py");
    let database = database.display().to_string();
    CommandSettings {
        environment: Variables(vec![("ESCROW_DB".into(), database)]),
        trust_shared_ids: true,
        ..script(path, &[])
    }
}

fn over(settings: CommandSettings) -> CommandEscrow {
    super::escrow(settings)
}

#[tokio::test]
async fn the_example_keeps_the_contract_of_an_escrow() {
    let database = Database::new();
    let shared = Some(Uuid::from_u128(7));
    let facts = EscrowFacts {
        full: database.hold("d-1", "LT-0001", shared, &[(1, ONE), (2, TWO), (6, LUKS)]),
        damaged: database.hold(
            "d/2 \"ü\"",
            "LT-0002",
            None,
            &[(3, DAMAGED), (4, ONE), (5, "né"), (7, TWO_LINES), (8, LUKS)],
        ),
        empty: database.hold("d-3", "LT-0003", None, &[]),
        absent: device("absent"),
    };
    escrow::whole_suite(&over(example(&database.path())), &facts).await;
}

#[tokio::test]
async fn the_example_tells_what_it_knows_and_checks_itself() {
    let database = Database::new();
    database.hold("d-1", "LT-0001", None, &[(1, ONE)]);
    let settings = CommandSettings {
        known_device: Some("LT-0001".into()),
        ..example(&database.path())
    };
    let escrow = over(settings.clone());
    let found = escrow
        .devices(&Asset::parse("lt-0001").unwrap())
        .await
        .unwrap();
    assert_eq!(found[0].detail.as_deref(), Some("Hamburg"));
    assert_eq!(found[0].owners, [PersonId("anna".into()).into()]);
    let records = escrow.records(&found[0].id).await.unwrap();
    assert_eq!(records[0].escrowed_at.to_string(), "2026-09-01T08:30:00Z");

    let whats = |settings: CommandSettings| async {
        let findings = over(settings).check().await;
        let ours = findings
            .into_iter()
            .filter(|it| !it.what.contains("Another account"));
        ours.map(|it| (it.severity, it.what)).collect::<Vec<_>>()
    };
    assert_eq!(
        whats(settings.clone()).await,
        [
            (Severity::Ok, "Keys in escrow: 1.".to_owned()),
            (
                Severity::Ok,
                "The known device LT-0001 is found, with its records.".to_owned()
            ),
        ]
    );
    for (name, told, severity) in [
        (Some("LT-0002"), "is not found", Severity::Failure),
        (None, "No device", Severity::Warning),
    ] {
        let settings = CommandSettings {
            known_device: name.map(str::to_owned),
            ..settings.clone()
        };
        let findings = whats(settings).await;
        assert!(findings[1].1.contains(told), "{findings:?}");
        assert_eq!(findings[1].0, severity);
    }
}

#[tokio::test]
async fn a_shared_id_counts_only_where_the_section_says_so() {
    let database = Database::new();
    let shared = Uuid::from_u128(7);
    database.hold("d-1", "LT-0001", Some(shared), &[(1, ONE)]);
    for (trust_shared_ids, wanted) in [(true, Some(shared)), (false, None)] {
        let settings = CommandSettings {
            trust_shared_ids,
            ..example(&database.path())
        };
        let asset = Asset::parse("LT-0001").unwrap();
        let found = over(settings).devices(&asset).await.unwrap();
        let shared: Vec<_> = found.iter().map(|it| it.shared_id).collect();
        assert_eq!(shared, [wanted]);
    }
}

#[tokio::test]
async fn what_is_left_out_is_read_all_the_same() {
    let database = Database::new();
    database.hold("d-1", "LT-0001", Some(Uuid::max()), &[]);
    for trust_shared_ids in [true, false] {
        let settings = CommandSettings {
            trust_shared_ids,
            ..example(&database.path())
        };
        let asset = Asset::parse("LT-0001").unwrap();
        let error = over(settings).devices(&asset).await.unwrap_err();
        let told = error.source.unwrap().to_string();
        assert!(
            told.ends_with("devices[0].shared_id: stands for no machine; leave it out"),
            "{told}"
        );
    }
}

#[test]
fn what_the_example_answers_is_valid_by_the_schema() {
    let database = Database::new();
    let shared = Some(Uuid::from_u128(7));
    let known = database.hold(
        "d-1",
        "LT-0001",
        shared,
        &[(1, ONE), (2, DAMAGED), (3, LUKS)],
    );
    database.hold("d-2", "LT-0002", None, &[]);
    let ids: Vec<_> = known.keys.iter().map(|key| key.id.to_string()).collect();
    let lost = database.folder.path().join("none.db");
    for (call, asked) in [
        ("devices", json!({ "asset": "LT-0001" })),
        ("devices", json!({ "asset": "LT-0002" })),
        ("devices", json!({ "asset": "LT-0003" })),
        ("records", json!({ "device": "d-1" })),
        ("records", json!({ "device": "d-3" })),
        ("keys", json!({ "device": "d-1", "ids": ids })),
        ("check", json!({})),
    ] {
        let mut request = asked;
        request["clavis"] = json!(1);
        request["call"] = json!(call);
        valid(&format!("{call}_request"), &request);
        let answer = answer(&example(&database.path()), &request);
        assert_eq!(answer.get("error"), None, "{answer}");
        valid(&format!("{call}_answer"), &answer);
        let answer = self::answer(&example(&lost), &request);
        assert_eq!(answer["error"], "unavailable");
        valid(&format!("{call}_answer"), &answer);
    }
}

#[tokio::test]
async fn the_example_says_when_it_cannot_reach_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let escrow = over(example(&folder.path().join("none.db")));
    let error = escrow.records(&device("d-1")).await.unwrap_err();
    assert_eq!(error.fault, EscrowFault::Unavailable);
    let told = error.source.unwrap().to_string();
    let begins = "the program says that it cannot reach what it asks: unable to open";
    assert!(told.starts_with(begins), "{told}");
    let findings = escrow.check().await;
    let last = findings.last().unwrap();
    assert_eq!(last.severity, Severity::Failure);
    assert!(last.what.contains("The call `check` failed"), "{last:?}");
}

/// What the program itself answers.
fn answer(settings: &CommandSettings, request: &Value) -> Value {
    let mut child = Command::new(&settings.program)
        .args(&settings.arguments)
        .envs(settings.environment.0.clone())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{request}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Holds a value to a part of the schema.
fn valid(definition: &str, value: &Value) {
    let mut compiler = Compiler::new();
    let schema = serde_json::from_str(SCHEMA).unwrap();
    compiler.add_resource("schema.json", schema).unwrap();
    let mut schemas = Schemas::new();
    let place = format!("schema.json#/$defs/{definition}");
    let index = compiler.compile(&place, &mut schemas).unwrap();
    let judged = schemas.validate(value, index);
    assert!(judged.is_ok(), "{value}: {}", judged.unwrap_err());
}
