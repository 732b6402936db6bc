//! Programs elsewhere that ask by signed messages.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use ureq::Agent;

use crate::harness::{Daemon, Installation, Kind, decide, redeem};
use crate::webhook::{EARLIER, Program};

/// The secret that [`Program::share`] writes.
const SECRET: &[u8] = b"twenty-four bytes of key";

/// A program that sends messages, and the daemon that takes them.
struct Desk {
    clavis: Installation,
    daemon: Daemon,
    agent: Agent,
}

/// A message before it is sent.
struct Message<'a> {
    id: &'a str,
    at: i64,
    body: &'a str,
}

impl Desk {
    fn new(more: &str) -> Self {
        let clavis = Installation::new(&Kind::Files);
        let secret = Program::share(&clavis);
        Program::share_as(&clavis, "earlier.secret", EARLIER);
        let section = format!(
            "[[webhooks_in]]\nname = \"servicedesk\"\nsecret_file = \"{secret}\"\n{more}\n[support]"
        );
        clavis.change("[support]", &section);
        let daemon = clavis.start();
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            clavis,
            daemon,
            agent: config.into(),
        }
    }

    fn send(&self, name: &str, message: &Message<'_>, signature: &str) -> (u16, Value) {
        let call = self.agent.post(format!("{}/hooks/{name}", self.daemon.url));
        let call = call
            .header("content-type", "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.at.to_string())
            .header("webhook-signature", signature);
        let mut answer = call.send(message.body).expect("an answer");
        let body = answer.body_mut().read_to_string().expect("a text");
        let read = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
        (answer.status().as_u16(), read)
    }

    fn send_signed(&self, message: &Message<'_>) -> (u16, Value) {
        self.send("servicedesk", message, &message.signed_with(SECRET))
    }
}

impl Message<'_> {
    fn signed_with(&self, secret: &[u8]) -> String {
        let signed = format!("{}.{}.{}", self.id, self.at, self.body);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, signed.as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(tag))
    }
}

#[expect(clippy::disallowed_methods, reason = "the other side has a real clock")]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn wish() -> String {
    json!({
        "type": "request.create",
        "timestamp": "2026-11-26T08:00:00Z",
        "data": {
            "beneficiary": { "mail": "anna.berg@example.com" },
            "device": "LT-0042",
            "reason": "Since the update.",
        },
    })
    .to_string()
}

#[test]
fn a_signed_message_asks_once_and_takes_back_once() {
    let desk = Desk::new("");
    let body = wish();
    let message = Message {
        id: "msg_1",
        at: now(),
        body: &body,
    };
    let (status, made) = desk.send_signed(&message);
    assert_eq!(status, 201, "{made}");
    let reference = made["reference"].as_str().expect("a reference").to_owned();
    assert_eq!(desk.send_signed(&message), (201, made), "it comes again");

    let mails = &desk.clavis.mails;
    let review = mails.wait("martin.vogt", "Approval Needed", &reference);
    assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
    let letter = mails.wait("anna.berg", "Your Secure Key Link", &reference);
    assert_eq!(redeem(&letter.link("/key/")).status, 200);

    let again = Message {
        id: "msg_2",
        ..message
    };
    let (status, made) = desk.send_signed(&again);
    assert_eq!(status, 201, "{made}");
    let back = json!({ "type": "request.withdraw", "data": { "reference": made["reference"] } });
    let back = back.to_string();
    let back = Message {
        id: "msg_3",
        at: now(),
        body: &back,
    };
    let (status, shown) = desk.send_signed(&back);
    assert_eq!(
        (status, &shown["status"]),
        (200, &json!("withdrawn")),
        "{shown}"
    );
    assert_eq!(desk.send_signed(&back), (200, shown), "it comes again");
    let log = desk.clavis.audit();
    assert_eq!(log.matches("\"name\":\"request.opened\"").count(), 2);
    assert_eq!(log.matches("\"name\":\"request.withdrawn\"").count(), 1);
    assert!(
        log.contains("\"kind\":\"program\",\"name\":\"servicedesk\""),
        "{log}"
    );
}

#[test]
fn who_sends_messages_that_prove_nothing_is_held_back_and_fills_no_log() {
    let desk = Desk::new("");
    let message = |at| Message {
        id: "msg_1",
        at,
        body: "{}",
    };
    let forged = message(now());
    let signature = forged.signed_with(b"another secret of 24 byte");
    let answers = (0..60).map(|_| desk.send("servicedesk", &forged, &signature).0);
    let mut statuses: Vec<_> = answers.collect();
    statuses.dedup();
    assert_eq!(statuses, [401, 429]);
    // Whoever proves to be the sender is heard all the same, from the same place.
    let sound = message(now());
    let (status, problem) = desk.send_signed(&sound);
    assert_eq!(status, 422, "{problem}");

    // What is logged after all of these is in the log by then.
    let old = message(now() - 360);
    desk.send("servicedesk", &old, &old.signed_with(SECRET));
    desk.daemon.wait_for_log("was not sent within five minutes");
    let log = desk.daemon.log();
    let lines = log.matches("it is signed with none of the secrets");
    assert_eq!(lines.count(), 1, "{log}");
}

#[test]
fn messages_that_are_forged_old_or_replayed_do_nothing() {
    let desk = Desk::new("previous_secret_file = \"earlier.secret\"\nmay = [\"withdraw\"]");
    let body = wish();
    let message = |at| Message {
        id: "msg_1",
        at,
        body: &body,
    };
    let sound = message(now());
    let changed = body.replace("LT-0042", "LT-0001");
    let changed = Message {
        body: &changed,
        ..message(now())
    };
    let other_id = Message {
        id: "msg_2",
        ..message(now())
    };
    let (old, ahead) = (message(now() - 360), message(now() + 360));
    let strangers = [
        ("servicedesk", &sound, String::new()),
        ("servicedesk", &sound, "v1,".to_owned()),
        (
            "servicedesk",
            &sound,
            sound.signed_with(b"another secret of 24 byte"),
        ),
        ("servicedesk", &changed, sound.signed_with(SECRET)),
        ("servicedesk", &other_id, sound.signed_with(SECRET)),
        ("servicedesk", &old, old.signed_with(SECRET)),
        ("servicedesk", &ahead, ahead.signed_with(SECRET)),
        ("another", &sound, sound.signed_with(SECRET)),
    ];
    let mut answers = Vec::new();
    for (name, message, signature) in strangers {
        let (status, problem) = desk.send(name, message, &signature);
        assert_eq!(status, 401, "{problem}");
        answers.push(problem);
    }
    answers.dedup();
    assert_eq!(
        answers.len(),
        1,
        "strangers learn nothing of what was wrong"
    );

    // By either secret, and by one of several signatures, it is believed; and may not ask.
    let both = format!("v1,AAAA {}", sound.signed_with(EARLIER));
    for signature in [sound.signed_with(SECRET), both] {
        let (status, problem) = desk.send("servicedesk", &sound, &signature);
        assert_eq!(
            (status, &problem["type"]),
            (403, &json!("urn:clavis:problem:wrong-scope"))
        );
    }
    for nonsense in ["", "{", "[]", "{\"type\":\"key.show\",\"data\":{}}"] {
        let message = Message {
            id: "msg_4",
            at: now(),
            body: nonsense,
        };
        let (status, problem) = desk.send_signed(&message);
        assert!([400, 422].contains(&status), "{nonsense}: {problem}");
    }
    let long = format!("\"{}\"", "x".repeat(300 * 1024));
    let long = Message {
        id: "msg_5",
        at: now(),
        body: &long,
    };
    let answer = desk
        .agent
        .post(format!("{}/hooks/servicedesk", desk.daemon.url));
    let status = answer
        .send(long.body)
        .map(|answer| answer.status().as_u16());
    assert!(matches!(status, Ok(413) | Err(_)), "{status:?}");
    let rows = desk.clavis.audit();
    assert!(!rows.contains("request.opened"), "{rows}");
    assert!(!desk.daemon.log().contains("whsec_"));
}
