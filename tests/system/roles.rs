//! Roles and the log, as operators and auditors meet them.

use crate::harness::{Installation, Kind, ask, sign_in};

const SIMON: &str = "simon.adler@example.com";

fn with_roles(roles: &str) -> Installation {
    let clavis = Installation::new(&Kind::Files);
    clavis.change("[server]", &format!("[roles]\n{roles}\n[server]"));
    clavis
}

fn said(clavis: &Installation, arguments: &[&str]) -> (Option<i32>, String) {
    let output = clavis.run(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

#[test]
fn a_group_that_gives_a_role_is_looked_up_by_the_check() {
    let clavis = with_roles("auditors = [\"security\"]");
    let (code, text) = said(&clavis, &["check"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("ok       directory: the group security of `auditors` has 1 member\n"),
        "{text}"
    );
    let clavis = with_roles("agents = [\"Nobody's\"]");
    let (code, text) = said(&clavis, &["check"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("FAILURE  directory: the group Nobody's of `agents` is unknown")
            && text.contains("Change `agents` in [roles]"),
        "{text}"
    );
}

#[test]
fn an_auditor_searches_the_log_and_others_find_no_such_page() {
    let clavis = with_roles("auditors = [\"Security\"]");
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, "LT-0042", "It asks for the key.");
    assert_eq!(anna.open("/audit").expect("an answer").status, 404);

    let simon = sign_in(&daemon, &clavis.mails, SIMON);
    let search = format!("/audit?request={reference}&event=request.opened");
    let page = simon.open(&search).expect("an answer");
    assert_eq!(page.status, 200);
    assert!(page.html.contains("request.opened</b> Anna Berg"));
    let table = simon.open("/audit/export.csv?person=ANNA.BERG%40example.com");
    let table = table.expect("an answer");
    assert!(table.html.starts_with("\"seq\",\"at\","), "{}", table.html);
    assert!(table.html.contains("\"access.refused\""), "{}", table.html);

    let lines = |filters: &[&str]| -> Vec<String> {
        let arguments = [&["audit", "show"], filters].concat();
        let (code, text) = said(&clavis, &arguments);
        assert_eq!(code, Some(0), "{text}");
        text.lines().map(str::to_owned).collect()
    };
    let opened = lines(&["--event", "request.opened", "--device", "lt-00"]);
    assert!(
        matches!(&opened[..], [only] if only.contains(&reference)),
        "{opened:?}"
    );
    let refused = lines(&["--person", "anna.berg", "--event", "access.refused"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(lines(&["--to", "2020-01-01"]).len(), 0);
    let all = lines(&["--from", "2020-01-01"]);
    assert_eq!(all, lines(&[]));
    assert_eq!(lines(&["--limit", "2"]), all[..2]);
    let looked = lines(&["--person", SIMON, "--event", "audit.exported"]);
    assert_eq!(looked.len(), 1, "{looked:?}");
    let unknown = clavis.run(&["audit", "show", "--event", "key.stolen"]);
    assert_eq!(unknown.status.code(), Some(1));
}
