//! The API, as a service desk without an adapter uses it, and under a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use ureq::Agent;

use crate::harness::{Daemon, Installation, Kind, ask, redeem, sign_in};

const ANNA: &str = "anna.berg@example.com";

/// A program that holds a token.
struct Program {
    url: String,
    token: String,
    agent: Agent,
}

fn token(clavis: &Installation, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clavis"));
    command
        .arg("token")
        .args(words)
        .arg("--config")
        .arg(clavis.config());
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Program {
    /// A program that an operator makes a token for.
    fn new(clavis: &Installation, daemon: &Daemon, words: &[&str]) -> Self {
        let made = token(clavis, &[&["make"], words].concat());
        assert!(made.status.success(), "{}", text(&made.stderr));
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            url: format!("{}/api/v1", daemon.url),
            token: text(&made.stdout).trim().to_owned(),
            agent: config.into(),
        }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let call = self.agent.get(format!("{}{path}", self.url));
        let call = call.header("authorization", format!("Bearer {}", self.token));
        Self::read(call.call().expect("an answer"))
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let call = self.agent.post(format!("{}{path}", self.url));
        let call = call
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        Self::read(call.send(body.to_string()).expect("an answer"))
    }

    fn read(mut answer: ureq::http::Response<ureq::Body>) -> (u16, Value) {
        let body = answer.body_mut().read_to_string().expect("a text");
        let read = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
        (answer.status().as_u16(), read)
    }
}

fn for_anna() -> Value {
    json!({"beneficiary": {"mail": ANNA}, "device": "LT-0042", "reason": "Since the update."})
}

const DESK: [&str; 3] = [
    "servicedesk",
    "--scope",
    "requests:create,requests:read,requests:withdraw",
];

#[test]
fn a_desk_without_an_adapter_asks_and_an_approver_decides_by_their_own_token() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = Daemon::start(&clavis.config());
    let desk = Program::new(&clavis, &daemon, &DESK);
    let martin = [
        "martins",
        "--scope",
        "requests:read,requests:decide",
        "--person",
    ];
    let martin = [&martin[..], &["martin.vogt@example.com"]].concat();
    let martin = Program::new(&clavis, &daemon, &martin);
    let siem = Program::new(&clavis, &daemon, &["siem", "--scope", "events:read"]);

    let (status, made) = desk.post("/requests", "ticket-4711", &for_anna());
    assert_eq!(status, 201, "{made}");
    let again = desk.post("/requests", "ticket-4711", &for_anna());
    assert_eq!(again, (201, made.clone()));
    let reference = made["reference"].as_str().expect("a reference");
    let path = format!("/requests/{reference}");
    assert_eq!(desk.get(&path).1["status"], "pending");
    clavis
        .mails
        .wait("martin.vogt", "Approval Needed", reference);
    let yes = json!({"choice": "approve", "comment": "He called me."});
    // The desk has no such scope, and its person has.
    assert_eq!(desk.post(&format!("{path}/decision"), "-", &yes).0, 403);
    let (status, decided) = martin.post(&format!("{path}/decision"), "-", &yes);
    assert_eq!(status, 200, "{decided}");
    let link = clavis
        .mails
        .wait("anna.berg", "Your Secure Key Link", reference);
    assert_eq!(redeem(&link.link("/key/")).status, 200);
    let over = desk.get(&path).1;
    assert_eq!(over["status"], "redeemed");
    assert_eq!(over["approvals"][0]["by"], "Martin Vogt");
    let events = siem.get("/events?limit=500").1;
    let of = |name: &str| {
        let events = events["events"].as_array().expect("events").iter();
        let mut events = events.filter(|it| it["event"] == name && it["request"] == reference);
        events
            .next()
            .cloned()
            .unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(of("request.opened")["program"], "servicedesk");
    assert_eq!(of("request.approved")["program"], "martins");
    assert_eq!(of("link.redeemed")["by"], "holder");

    let log = clavis.run(&["audit", "show", "--json"]);
    let log = text(&log.stdout);
    assert!(!log.contains("clv_") && !log.contains(&desk.token[4..]));
    assert!(!daemon.log().contains(&desk.token[4..]));
}

#[test]
fn a_desk_takes_a_request_back_and_meets_what_it_may_not() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = Daemon::start(&clavis.config());
    let desk = Program::new(&clavis, &daemon, &DESK);
    let (_, made) = desk.post("/requests", "1", &for_anna());
    let reference = made["reference"].as_str().expect("a reference");
    let taken = desk.post(&format!("/requests/{reference}/withdraw"), "-", &json!({}));
    assert_eq!((taken.0, &taken.1["status"]), (200, &json!("withdrawn")));
    let mut other = for_anna();
    other["device"] = "LT-0017".into();
    let reused = desk.post("/requests", "1", &other);
    assert_eq!(
        reused.1["type"],
        "urn:clavis:problem:idempotency-key-reused"
    );

    // What somebody asked for on a page is not the desk's.
    let anna = sign_in(&daemon, &clavis.mails, ANNA);
    let own = ask(&anna, "LT-0042", "It asks for it.");
    assert_eq!(desk.get(&format!("/requests/{own}")).0, 404);
    assert_eq!(desk.get("/events").0, 403);

    for (words, why) in [
        (
            &["make", "servicedesk", "--scope", "events:read"][..],
            "already",
        ),
        (&["make", "a b", "--scope", "events:read"], "letters"),
        (&["make", "x", "--scope", "requests:decide"], "--person"),
        (&["make", "x", "--scope", "keys:read"], "not a scope"),
        (
            &["make", "x", "--scope", "events:read", "--valid-for", "731d"],
            "730d",
        ),
        (
            &[
                "make",
                "x",
                "--scope",
                "events:read",
                "--person",
                "x@example.com",
            ],
            "no one person",
        ),
        (&["revoke", "x"], "clavis token list"),
    ] {
        let said_no = token(&clavis, words);
        let said = text(&said_no.stderr);
        assert!(
            !said_no.status.success() && said.contains(why),
            "{words:?}: {said}"
        );
        assert!(said_no.stdout.is_empty());
    }
    let listed = text(&token(&clavis, &["list"]).stdout);
    assert!(
        listed.starts_with("servicedesk") && listed.contains("last used"),
        "{listed}"
    );
    assert!(token(&clavis, &["revoke", "servicedesk"]).status.success());
    assert_eq!(desk.get(&format!("/requests/{reference}")).0, 401);
    let log = text(&clavis.run(&["audit", "show"]).stdout);
    for event in ["token.made", "token.refused", "token.revoked"] {
        assert!(log.contains(event), "{log}");
    }
}

#[test]
fn a_token_of_one_organisation_is_nothing_at_the_other() {
    let [one, two] = [0, 1].map(|_| Installation::new(&Kind::Files));
    let url = two.url();
    let (place, near) = (url.replace("http://", ""), one.url().replace("http://", ""));
    two.change(&place, &near);
    two.change(&two.url(), &two.url().replace("127.0.0.1", "localhost"));
    let configs = [one.config(), two.config()];
    let daemon = Daemon::start_all(&[&configs[0], &configs[1]], "info");
    let mut desk = Program::new(&one, &daemon, &DESK);
    desk.url = format!("{}/api/v1", one.url());
    assert_eq!(desk.get("/requests/K7Q-4MX2").0, 404);
    desk.url = format!("{}/api/v1", two.url());
    assert_eq!(desk.get("/requests/K7Q-4MX2").0, 401);
}

#[test]
fn whatever_a_fuzzer_sends_the_answer_is_as_described_and_no_fault() {
    let fuzzer = fuzzer();
    let clavis = Installation::new(&Kind::Files);
    let daemon = Daemon::start(&clavis.config());
    let scopes = "requests:create,requests:read,requests:withdraw,requests:decide,events:read";
    // A token and a source for each phase, so that limits leave something to try.
    let phases = [
        ("examples,coverage", "10"),
        ("fuzzing", "10"),
        ("stateful", "4"),
    ];
    for (at, (phase, examples)) in phases.into_iter().enumerate() {
        let name = format!("fuzzer-{at}");
        let words = [
            &name,
            "--scope",
            scopes,
            "--person",
            "jonas.keller@example.com",
        ];
        let program = Program::new(&clavis, &daemon, &words);
        let run = Command::new(&fuzzer)
            .current_dir(clavis.path())
            .args(["run", &format!("{}/openapi.json", program.url)])
            .args([
                "--header",
                &format!("Authorization: Bearer {}", program.token),
            ])
            .args(["--header", &format!("X-Forwarded-For: 192.0.2.{at}")])
            .args(["--checks", CHECKS, "--phases", phase, "--seed", "20261126"])
            // No faster than one token may call for that long.
            .args([
                "--max-examples",
                examples,
                "--max-time",
                "20",
                "--rate-limit",
                "25/s",
            ])
            .args([
                "--suppress-health-check",
                "all",
                "--generation-database",
                "none",
            ])
            .arg("--no-color")
            .output()
            .expect("schemathesis runs");
        let said = text(&run.stdout) + &text(&run.stderr);
        assert!(run.status.success(), "{said}");
        assert!(said.contains(" passed"), "{said}");
        assert!(!said.contains("Rate limited"), "{said}");
    }
    let log = daemon.log();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}

/// What the fuzzer looks at.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    missing_required_header,unsupported_method,ignored_auth";

/// schemathesis, in a virtual environment that is made on first use.
fn fuzzer() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("tests/schemathesis/make"))
        .output()
        .expect("tests/schemathesis/make is there");
    assert!(
        made.status.success(),
        "tests/schemathesis/make needs python3 with venv, and the packages of PyPI: {}",
        text(&made.stderr)
    );
    let place = text(&made.stdout).trim().to_owned();
    fs::canonicalize(place).expect("the program that it names")
}
