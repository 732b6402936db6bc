//! The key page of a device whose keys a program keeps, some of them passphrases: they are shown,
//! selected and copied as they are.

use std::io::Write;
use std::process::{Command, Stdio};

use fantoccini::key::Key;

use super::chromium::{Chromium, in_chromium};
use crate::harness::{Daemon, Installation, Kind, key_link};

const DIGITS: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
const FILE_VAULT: &str = "X7QZ-24KM-9PLA-00RT-B3VN-HH6C";
const LUKS: &str = "  seven  \"quoted\" <b>sheep</b> & o'clock \\é鍵-> ";

#[test]
fn a_passphrase_is_selected_and_copied_as_it_is() {
    in_chromium(async |browser| {
        let clavis = with_a_program(&[
            ("PC-1", DIGITS, "operating_system", "key"),
            ("PC-1", LUKS, "fixed_data", "passphrase"),
        ]);
        let daemon = clavis.start();
        show(browser, &clavis, &daemon, "PC-1").await;
        browser.look("key-both-forms").await;

        browser.find("code.passphrase").await.click().await.unwrap();
        let selected = browser.eval("return getSelection().toString()").await;
        assert_eq!(selected, LUKS);
        let button = "button[data-copies=key-2]";
        browser.find(button).await.click().await.unwrap();
        browser.until_it_says("#says-2", "Copied").await;
        browser
            .find("label[for=large]")
            .await
            .click()
            .await
            .unwrap();
        browser.look("key-both-forms-large").await;

        browser.open("data:text/html,<textarea></textarea>").await;
        let field = browser.find("textarea").await;
        let paste = format!("{}v", char::from(Key::Control));
        field.send_keys(&paste).await.unwrap();
        let copied = field.prop("value").await.unwrap();
        assert_eq!(copied.as_deref(), Some(LUKS));
    });
}

#[test]
fn the_key_page_of_a_mac_speaks_of_no_digits_to_type() {
    in_chromium(async |browser| {
        let longest = "W".repeat(512);
        let clavis = with_a_program(&[
            ("MAC-1", FILE_VAULT, "operating_system", "passphrase"),
            ("MAC-1", &longest, "unknown", "passphrase"),
        ]);
        let daemon = clavis.start();
        show(browser, &clavis, &daemon, "MAC-1").await;
        let page = browser.text("main").await;
        assert!(page.contains("Start-up drive") && page.contains("exactly as it stands here"));
        assert!(!page.contains("48 digits") && !page.contains("Windows"));
        browser.look("key-passphrases").await;
    });
}

/// The files of the demonstration, and the worked example of the command backend over keys of
/// this device, text, kind of volume and column.
fn with_a_program(keys: &[(&str, &str, &str, &str)]) -> Installation {
    let clavis = Installation::new(&Kind::Files);
    let database = clavis.path().join("escrow.db");
    let rows = keys.iter().enumerate();
    let rows = rows.map(|(row, (device, text, kind, column))| {
        let (text, day) = (text.replace('\'', "''"), row + 1);
        format!(
            "INSERT OR IGNORE INTO device (id, name) VALUES ('{device}', '{device}');
             INSERT INTO recovery_key (key_id, device, kind, escrowed_at, {column})
             VALUES ('{row}D2C4F6E-1B7A-4E55-8C3D-5A6B7C8D9E0F', '{device}', '{kind}',
                     '2026-09-0{day}T08:30:00Z', '{text}');"
        )
    });
    let tables = include_str!("../../../docs/examples/escrow.sql").to_owned();
    let script = std::iter::once(tables).chain(rows).collect::<Vec<_>>();
    let make = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-I", "-c", make])
        .arg(&database)
        .stdin(Stdio::piped())
        .spawn()
        .expect("this test needs Python: apt-get install python3");
    let mut stdin = python.stdin.take().expect("its input");
    stdin
        .write_all(script.concat().as_bytes())
        .expect("it reads");
    drop(stdin);
    assert!(python.wait().expect("its end").success());
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/escrow.py");
    let section = format!(
        "[[escrow]]\nname = \"inventory\"\nkind = \"command\"\nprogram = \"/usr/bin/python3\"\n\
         arguments = [\"-I\", \"{program}\"]\nenvironment = [\"ESCROW_DB={}\"]\n[directory]\n",
        database.display()
    );
    clavis.change("[directory]\n", &section);
    clavis
}

/// Leads to the key page of a device.
async fn show(browser: &Chromium, clavis: &Installation, daemon: &Daemon, device: &str) {
    let (_, link) = key_link(clavis, daemon, device, "martin.vogt");
    browser.open(&link).await;
    browser.press("main button.primary", "/key/").await;
    browser.find("code.passphrase").await;
}
