//! Sessions that are ended in other browsers, and those that a browser had before.

use super::visitor::Visitor;
use super::{SLUG, installation};
use crate::harness::Daemon;
use crate::harness::cloud::guid;

/// A browser that anna has signed in with at her provider.
fn signed_in(daemon: &Daemon) -> Visitor {
    let mut anna = Visitor::new(daemon);
    sign_in(&mut anna);
    anna
}

fn sign_in(visitor: &mut Visitor) {
    let address = visitor.leave(SLUG, "/");
    let back = visitor.at_provider(&address);
    assert_eq!(visitor.get(&back).status, 303);
    assert!(visitor.is_signed_in());
}

#[test]
fn signing_out_everywhere_ends_the_other_browser() {
    let (clavis, _) = installation("oid", "roles_claim = \"groups\"");
    let daemon = clavis.start();
    let (mut here, there) = (signed_in(&daemon), signed_in(&daemon));
    let token = here.get("/").form_token();
    let out = here.post("/sign-out/everywhere", &[("form_token", &token)]);
    assert_eq!(out.status, 200, "{}", out.body);
    assert!(!here.is_signed_in() && !there.is_signed_in());
    let rows = clavis.rows();
    let row = rows.last().expect("a row");
    assert_eq!(row["name"], "sign_in.ended_everywhere");
    assert_eq!(row["event"]["whose"]["id"], guid(1));
    sign_in(&mut here);

    // An operator does the same, beside the running daemon.
    let end = |mail: &str| clavis.run(&["sessions", "end", "--person", mail]);
    assert!(!end("nobody@example.com").status.success());
    assert!(here.is_signed_in());
    let done = end("anna.berg@example.com");
    assert!(done.status.success());
    let said = String::from_utf8(done.stdout).expect("UTF-8");
    assert!(said.contains("is signed out everywhere"), "{said}");
    assert!(!here.is_signed_in());
    let rows = clavis.rows();
    let row = rows.last().expect("a row");
    assert_eq!(row["actor"]["kind"], "operator");
    assert_eq!(row["event"]["whose"]["id"], guid(1));
}

#[test]
fn a_new_sign_in_ends_the_session_that_the_browser_had_or_was_given() {
    let (clavis, _) = installation("oid", "");
    let daemon = clavis.start();
    // An attacker's own session, which is planted in anna's browser.
    let eve = signed_in(&daemon);
    let planted = eve.cookie("clavis").expect("a session");
    let mut anna = Visitor::new(&daemon);
    anna.plant("clavis", &planted);
    sign_in(&mut anna);
    assert_ne!(anna.cookie("clavis"), Some(planted));
    assert!(!eve.is_signed_in());
    let before = anna.clone();
    sign_in(&mut anna);
    assert!(!before.is_signed_in() && anna.is_signed_in());
}
