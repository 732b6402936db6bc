//! Places that keys come from: each with many devices, of one key each.

use std::cell::Cell;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use super::pieces::{Cut, Pieces};
use crate::harness::cloud::{device, guid, recovery_key, user};
use crate::harness::{Cloud, Installation, Kind, domain_escrow, server_folder};

/// A device, and its key.
pub(super) struct Drive {
    pub(super) device: String,
    pub(super) key: String,
}

/// An installation that gets its keys from somewhere, and its people from a tenant of Entra ID.
pub(super) struct Source {
    pub(super) clavis: Installation,
    pub(super) people: Cloud,
    pub(super) drives: Vec<Drive>,
    asked: Cell<u32>,
}

/// People who ask. One person may ask for some keys in a row, and not for hundreds.
const PEOPLE: u32 = 8;

impl Source {
    /// The mail address of somebody who has not asked for anything yet.
    pub(super) fn requester(&self) -> String {
        let number = self.asked.get();
        assert!(number < PEOPLE, "there are too few people");
        self.asked.set(number + 1);
        format!("{}@example.com", login(number))
    }

    /// The domain controller, over LDAPS or StartTLS.
    pub(super) fn active_directory(security: &str) -> Self {
        let (clavis, people) = installation(json!({}));
        add(&clavis, &domain_escrow(security));
        let drives = drives_of_the_domain();
        Self {
            clavis,
            people,
            drives,
            asked: Cell::default(),
        }
    }

    /// The tenant.
    pub(super) fn graph(count: usize) -> Self {
        let drives: Vec<_> = (0..)
            .take(count)
            .map(|number| drive("CL", number))
            .collect();
        let id = |number| guid(1000 + number);
        let devices = (0..).zip(&drives);
        let devices: Vec<_> = devices
            .map(|(at, it)| device(&id(at), &it.device, 1))
            .collect();
        let keys = (0..).zip(&drives).map(|(at, it)| {
            recovery_key(
                &guid(5000 + at),
                &id(at),
                "operatingSystemVolume",
                5,
                &it.key,
            )
        });
        let (clavis, people) = installation(json!({
            "devices": devices,
            "recoveryKeys": keys.collect::<Vec<_>>(),
        }));
        add(
            &clavis,
            "[[escrow]]\nname = \"cloud\"\nkind = \"entra\"\nentra = \"contoso\"\n",
        );
        Self {
            clavis,
            people,
            drives,
            asked: Cell::default(),
        }
    }

    /// A program, which has the answer about each device in a file named like it. Every other key is a
    /// passphrase to it, as a text with an escape in it.
    pub(super) fn command(count: usize) -> Self {
        let drives: Vec<_> = (0..)
            .take(count)
            .map(|number| drive("PR", number))
            .collect();
        let (clavis, people) = installation(json!({}));
        let folder = clavis.path().join("keys");
        fs::create_dir(&folder).expect("a folder");
        for (number, drive) in (0..).zip(&drives) {
            let key = if number % 2 == 0 {
                format!("\"key\":\"{}\"", drive.key)
            } else {
                format!(
                    "\"passphrase\":\"{}\"",
                    drive.key.replacen('-', "\\u002d", 1)
                )
            };
            let line = format!("{} {key}\n", guid(number));
            fs::write(folder.join(&drive.device), line).expect("a file");
        }
        let program = clavis.path().join("escrow.sh");
        fs::write(&program, PROGRAM).expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("executable");
        let section = format!(
            "[[escrow]]\nname = \"program\"\nkind = \"command\"\nprogram = \"{}\"\n\
             environment = [\"KEYS={}\"]\n",
            program.display(),
            folder.display()
        );
        add(&clavis, &section);
        Self {
            clavis,
            people,
            drives,
            asked: Cell::default(),
        }
    }
}

/// Answers the three calls. The name of a device is its ID.
const PROGRAM: &str = r#"#!/bin/sh
read -r request
device=${request#*'"asset":"'}
device=${device#*'"device":"'}
device=${device%%'"'*}
[ -e "$KEYS/$device" ] && read -r id key <"$KEYS/$device"
case $request in
*'"call":"keys"'*) answer="\"keys\":[{\"key_id\":\"$id\",$key}]" ;;
*'"call":"records"'*) answer="\"records\":[{\"key_id\":\"$id\",\"escrowed_at\":\"2026-09-01T08:30:00Z\"}]" ;;
*'"call":"devices"'*) answer="\"devices\":[{\"id\":\"$device\",\"name\":\"$device\"}]" ;;
esac
printf '{"clavis":1,%s}' "$answer"
"#;

/// People and their manager are in a tenant; what else is there comes along.
fn installation(mut tenant: Value) -> (Installation, Cloud) {
    let mut users = vec![user(1, "bert.boss", "Bert Boss", None)];
    users
        .extend((0..PEOPLE).map(|number| user(100 + number, &login(number), "Anna Berg", Some(1))));
    tenant["users"] = users.into();
    let people = Cloud::with(tenant);
    let clavis = Installation::new(&Kind::CloudPeople(people.clone()));
    // It is reached as in production: what TLS has read waits in buffers of its own.
    clavis.change(&people.text("graph"), &people.text("tls"));
    // The daemon is stopped for some of it.
    clavis.change("timeout = \"5s\"", "timeout = \"15s\"");
    (clavis, people)
}

fn login(number: u32) -> String {
    format!("anna.{number}")
}

fn add(clavis: &Installation, section: &str) {
    let text = fs::read_to_string(clavis.config()).expect("the configuration");
    fs::write(clavis.config(), text + section).expect("the configuration");
}

fn drive(kind: &str, number: u32) -> Drive {
    Drive {
        device: format!("{kind}-{number:04}"),
        key: new_key(),
    }
}

/// What the binary holds by itself: keys of the demonstration. Of hundreds of keys, some piece of one is
/// among them by chance, once in many runs.
const DEMONSTRATION: &str = include_str!("../../../demo/escrow.toml");

/// A sound key that nobody has seen before, in no piece.
fn new_key() -> String {
    loop {
        let key = [random_key()];
        let pieces = Pieces::of(&key, Cut::MEMORY);
        if pieces.in_memory(DEMONSTRATION.as_bytes()).is_empty() {
            let [key] = key;
            return key;
        }
    }
}

fn random_key() -> String {
    let mut bytes = [0; 16];
    let mut source = fs::File::open("/dev/urandom").expect("a source of random bytes");
    source.read_exact(&mut bytes).expect("random bytes");
    let groups = bytes.chunks_exact(2).map(|pair| {
        let number = u32::from(u16::from_le_bytes([pair[0], pair[1]]));
        format!("{:06}", number * 11)
    });
    groups.collect::<Vec<_>>().join("-")
}

/// The devices of the domain that have one key each (`many_devices` in
/// `tests/domain-controller/fill.py`).
fn drives_of_the_domain() -> Vec<Drive> {
    let folder = server_folder("CLAVIS_TEST_DC");
    let address = fs::read_to_string(folder.join("address")).expect("its address");
    let found = Command::new("ldapsearch")
        .env("LDAPTLS_CACERT", folder.join("ca.pem"))
        .args(["-LLL", "-x", "-o", "ldif-wrap=no", "-H"])
        .arg(format!("ldaps://{}", address.trim()))
        .args(["-D", "svc-clavis@corp.example.com", "-y"])
        .arg(folder.join("svc-clavis.password"))
        .args(["-b", "OU=Bulk,OU=Devices,DC=corp,DC=example,DC=com"])
        .args(["-E", "pr=500/noprompt"])
        .args([
            "(objectClass=msFVE-RecoveryInformation)",
            "msFVE-RecoveryPassword",
        ])
        .output()
        .expect("ldapsearch runs");
    let text = String::from_utf8(found.stdout).expect("text");
    let drives = text.split("\n\n").filter_map(|entry| {
        let device = entry.split("},CN=").nth(1)?.split(',').next()?;
        let key = entry
            .split("msFVE-RecoveryPassword: ")
            .nth(1)?
            .lines()
            .next()?;
        let (device, key) = (device.to_owned(), key.to_owned());
        Some(Drive { device, key })
    });
    drives.collect()
}
