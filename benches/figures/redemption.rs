//! How long a redemption takes beside a bare `ldapsearch` on the same controller: both sign in on
//! a fresh LDAPS connection and read the recovery records of one computer.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::client::Browser;
use crate::harness::{Installation, Kind, ask, decide, sign_in};
use crate::{median, spread};

const ROUNDS: usize = 40;
const DEVICE: &str = "LT-0001";

pub(crate) fn measure() {
    let Some(controller) = std::env::var_os("CLAVIS_TEST_DC").map(PathBuf::from) else {
        println!(
            "redemption: not measured; start a controller with tests/domain-controller/start and set CLAVIS_TEST_DC"
        );
        return;
    };
    let clavis = Installation::new(&Kind::Domain);
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let (mut redemptions, mut searches) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let reference = ask(&anna, DEVICE, "locked");
        let review = clavis.mails.wait("", "Approval Needed", &reference);
        assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
        let link = clavis
            .mails
            .wait("", "Your Secure Key Link", &reference)
            .link("/key/");
        let browser = Browser::new(&daemon.url);
        let landing = browser.open(&link).unwrap();
        let begun = Instant::now();
        let page = browser.submit(&landing, &[]).unwrap();
        redemptions.push(begun.elapsed());
        assert!(page.html.contains("class=\"digits\""), "{}", page.html);
        searches.push(bare_search(&controller));
    }
    let ratio = median(redemptions.clone()).as_secs_f64() / median(searches.clone()).as_secs_f64();
    println!("redemption: {}", spread(redemptions));
    println!("ldapsearch: {}", spread(searches));
    println!("redemption / ldapsearch: {ratio:.2}");
}

fn bare_search(controller: &std::path::Path) -> Duration {
    let address = fs::read_to_string(controller.join("address")).unwrap();
    let expected: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(controller.join("expected.json")).unwrap())
            .unwrap();
    let computer = expected["devices"][DEVICE]["dn"].as_str().expect("its DN");
    let begun = Instant::now();
    let found = Command::new("ldapsearch")
        .env("LDAPTLS_CACERT", controller.join("ca.pem"))
        .args([
            "-LLL",
            "-x",
            "-H",
            &format!("ldaps://{}", address.trim()),
            "-D",
            "svc-clavis@corp.example.com",
            "-y",
        ])
        .arg(controller.join("svc-clavis.password"))
        .args([
            "-b",
            computer,
            "-s",
            "one",
            "(objectClass=msFVE-RecoveryInformation)",
        ])
        .args(["msFVE-RecoveryPassword", "msFVE-RecoveryGuid"])
        .output()
        .expect("ldapsearch runs");
    let time = begun.elapsed();
    assert!(
        found.status.success(),
        "{}",
        String::from_utf8_lossy(&found.stderr)
    );
    time
}
