//! Any body, query and key, from programs that may send them: over the API and in signed messages.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::http::Method;
use bolero::check;
use clavis_broker::lifecycle::State;
use clavis_broker::ports::{Sender, Signed, Store, Unsigned};
use clavis_broker::programs::{ProgramName, Scope};
use clavis_broker::testing::{altered, spelled};
use jiff::Timestamp;
use serde_json::json;

use super::{World, for_anna};

/// What JSON, queries and keys are made of, and values that are impossible somewhere.
const PIECES: &[&str] = &[
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "1e400",
    "18446744073709551616",
    "\"requester\":",
    "\"beneficiary\":",
    "{\"login\":\"anna\"}",
    "{\"mail\":\"boss@example.com\"}",
    "\"key_id\":",
    "\"comment\":",
    "approve",
    "decline",
    "request.withdraw",
    "&after=",
    "&limit=",
    "%00",
    "\\u0000",
    "\\ud83d",
    "\u{202e}",
    "é",
    "\n",
    " ",
];

/// A program elsewhere whose every message is taken for its own.
struct Believed {
    name: ProgramName,
}

impl Sender for Believed {
    fn name(&self) -> &ProgramName {
        &self.name
    }

    fn scopes(&self) -> &[Scope] {
        &Scope::ALL
    }

    fn verify(&self, _message: &Signed<'_>, _now: Timestamp) -> Result<(), Unsigned> {
        Ok(())
    }
}

fn world() -> World {
    let name = ProgramName::parse("believed").unwrap();
    World::with(|parts| parts.senders = vec![Arc::new(Believed { name })])
}

#[test]
fn whatever_a_program_sends_the_answer_is_as_described_and_no_key_is_nearer() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let runtime = AssertUnwindSafe(runtime);
    let ask = for_anna().to_string();
    let message = json!({"type": "request.create", "data": for_anna()}).to_string();
    check!().for_each(|bytes: &[u8]| {
        let (which, rest) = bytes.split_first().unwrap_or((&0, &[]));
        let (which, json_is_said) = (which % 5, which % 2 == 0);
        let (key, changes) = rest.split_at(rest.len().min(2));
        let key = format!("k{}", spelled(key, PIECES));
        let key: String = key.chars().filter(|c| !c.is_control()).collect();
        let kind = if json_is_said {
            "application/json"
        } else {
            "Application/JSON; charset=utf-8"
        };
        runtime.block_on(async {
            let world = world();
            let desk = world.program("desk", &Scope::ALL[..3], None).await;
            let boss = world
                .program("script", &[Scope::Read, Scope::Decide], Some("boss"))
                .await;
            let siem = world.program("siem", &[Scope::Events], None).await;
            let reference = desk.ask("first").await.reference();
            let head = [("content-type", kind), ("idempotency-key", key.as_str())];
            let post = Method::POST;
            let answer = match which {
                0 | 1 => {
                    let body = altered(&ask, changes, PIECES);
                    desk.send(post, "/api/v1/requests", &head, body).await
                }
                2 => {
                    let path = format!("/api/v1/requests/{reference}/decision");
                    let body = altered(r#"{"choice":"decline","comment":"no"}"#, changes, PIECES);
                    boss.send(post, &path, &head, body).await
                }
                3 => {
                    let query = altered("after=0&limit=3", changes, PIECES);
                    let plain = |c: char| c.is_ascii_graphic() && !"\"<>{}|\\^`#".contains(c);
                    let query: String = query.chars().filter(|c| plain(*c)).collect();
                    siem.get(&format!("/api/v1/events?{query}")).await
                }
                _ => {
                    let head = [head[0], ("webhook-id", key.as_str()), TIMESTAMP, SIGNATURE];
                    let body = altered(&message, changes, PIECES);
                    let stranger = world.stranger();
                    stranger.call(&post, "/hooks/believed", &head, body).await
                }
            };
            assert!(!answer.status.is_server_error(), "{}", answer.body);
            // Nobody but the approver says yes, and no program opens a link.
            let open = world.store.open_requests(10).await.unwrap();
            for stored in open {
                let request = stored.request;
                let by_boss = which == 2 && request.reference.to_string() == reference;
                assert!(
                    matches!(request.state, State::Pending { .. }) || by_boss,
                    "{request:?}"
                );
            }
        });
    });
}

const TIMESTAMP: (&str, &str) = ("webhook-timestamp", "1");
const SIGNATURE: (&str, &str) = ("webhook-signature", "v1,believed");
