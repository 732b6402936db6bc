//! The double of Halo: desks in it, and what they saw.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clavis_backends::tickets::HaloDesk;
use clavis_broker::ports::{Clock, TicketSystem};
use clavis_broker::testing::contract::tickets::FarSide;
use clavis_broker::tickets::{DeskName, Ticket, TicketId};
use clavis_config::settings::{Halo, HaloAssetField, HaloStatuses, HaloWebhook};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

/// The object of the user of sound tickets.
pub(crate) const OBJECT: &str = "1ab40ab2-32a8-4b00-b6b5-ba724e407de9";

/// The ID that Intune gives the asset of sound tickets.
pub(crate) const INTUNE: &str = "6f1a2b52-3f0e-4d7b-9a3c-0a9d5a2f1b11";

/// A desk of its own, with its state and its log.
pub(crate) struct Place {
    made: Value,
    http: reqwest::Client,
}

/// The time of this machine, which the double goes by.
pub(crate) struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "the other side has a real clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A sound ticket, with what is other about it.
pub(crate) fn ticket(id: u32, more: Value) -> Value {
    let mut ticket = json!({ "id": id, "user_id": 5, "assets": [{ "id": 42 }] });
    let Value::Object(more) = more else {
        panic!("an object")
    };
    for (name, value) in more {
        ticket[name] = value;
    }
    ticket
}

impl Place {
    /// A new desk in this state, as `tests/halo/start` describes it, with a user and an asset.
    pub(crate) async fn with(mut state: Value) -> Self {
        let folder = std::env::var_os("CLAVIS_TEST_HALO")
            .map(PathBuf::from)
            .expect("these tests need a double of HaloPSA: run them by tests/run");
        let address = std::fs::read(folder.join("address.json"))
            .expect("the double of HaloPSA is not running: run these tests by tests/run");
        let address: Value = serde_json::from_slice(&address).expect("JSON");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let usual = json!({
            "users": [{
                "id": 5, "name": "Anna", "emailaddress": "anna@example.com", "azureoid": OBJECT,
                "networklogin": "anna",
            }],
            "assets": [{
                "id": 42, "name": "Anna's laptop", "inventory_number": "LT-0001",
                "key_field": "LT-0001", "intune_id": INTUNE,
            }],
        });
        for (name, value) in usual.as_object().expect("an object") {
            if state.get(name).is_none() {
                state[name] = value.clone();
            }
        }
        let control = format!("{}/desks", text(&address["control"]));
        let answer = http.post(control).body(state.to_string()).send().await;
        let answer = answer.expect("the double answers");
        assert_eq!(answer.status(), 201, "{state}");
        let bytes = answer.bytes().await.expect("a body");
        let made = serde_json::from_slice(&bytes).expect("JSON");
        Self { made, http }
    }

    /// Sound settings.
    pub(crate) fn settings(&self) -> Halo {
        use HaloAssetField::{IntuneId, InventoryNumber, KeyField};
        Halo {
            url: text(&self.made["url"]).to_owned(),
            client_id: text(&self.made["client_id"]).to_owned(),
            client_secret: text(&self.made["client_secret"]).into(),
            tenant: None,
            ca_file: None,
            timeout: SignedDuration::from_secs(10),
            ticket_type: 30,
            outcome: 40,
            statuses: HaloStatuses {
                done: Some(9),
                declined: Some(8),
                ended: Some(10),
            },
            devices_by: vec![IntuneId, InventoryNumber, KeyField],
            reason_field: None,
            webhook: Some(HaloWebhook {
                user: "halo".to_owned(),
                password: "a password of ours".into(),
            }),
            calls: 240,
        }
    }

    /// The desk as Clavis asks it.
    pub(crate) fn desk(&self) -> HaloDesk {
        desk(self.settings())
    }

    /// The desk with something other in the settings.
    pub(crate) fn desk_with(&self, change: impl FnOnce(&mut Halo)) -> HaloDesk {
        let mut settings = self.settings();
        change(&mut settings);
        desk(settings)
    }

    /// What is to go wrong from now on, and nothing else.
    pub(crate) async fn faults(&self, faults: Value) {
        self.control(Method::PUT, "/faults", Some(faults)).await;
    }

    /// Changes its state.
    pub(crate) async fn change(&self, state: Value) {
        self.control(Method::PATCH, "", Some(state)).await;
    }

    /// Asks the side that tests hold.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", text(&self.made["control"]));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.http.request(method, url).body(body).send().await;
        let answer = answer.expect("the double answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let bytes = answer.bytes().await.expect("a body");
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// What was posted to a ticket.
    pub(crate) async fn actions(&self, ticket: &TicketId) -> Vec<Value> {
        let path = format!("/tickets/{ticket}/actions");
        let actions = self.control(Method::GET, &path, None).await;
        actions.as_array().expect("a list").clone()
    }

    /// The calls so far: what each was, and its path.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let seen = self.control(Method::GET, "/calls", None).await;
        let calls = seen["calls"].as_array().expect("a list").iter();
        calls
            .map(|call| format!("{} {}", text(&call["method"]), text(&call["path"])))
            .collect()
    }
}

/// A desk of these settings, at which Clavis asks approvers itself.
pub(crate) fn desk(settings: Halo) -> HaloDesk {
    let name = DeskName("halo".to_owned());
    HaloDesk::new(name, false, settings, Arc::new(MachineClock))
}

/// A desk of these settings, whose own approvals count.
pub(crate) fn approving(settings: Halo) -> HaloDesk {
    let name = DeskName("halo".to_owned());
    HaloDesk::new(name, true, settings, Arc::new(MachineClock))
}

/// The ID of a ticket.
pub(crate) fn named(id: &str) -> TicketId {
    TicketId::parse(id).expect("an ID")
}

/// A ticket that is there.
pub(crate) async fn read(desk: &HaloDesk, id: &str) -> Ticket {
    let found = desk.fetch(&named(id), false).await;
    found.expect("an answer").expect("a ticket")
}

#[async_trait]
impl FarSide for Place {
    fn message(&self, tickets: &[&TicketId]) -> (String, Vec<u8>) {
        let credential = BASE64_STANDARD.encode("halo:a password of ours");
        let messages = tickets
            .iter()
            .map(|id| json!({ "event": "x", "ticket": { "id": id } }));
        let mut messages: Vec<_> = messages.collect();
        let body = match &mut messages[..] {
            [one] => one.take(),
            _ => Value::Array(messages),
        };
        (format!("Basic {credential}"), body.to_string().into_bytes())
    }

    fn now(&self) -> Timestamp {
        MachineClock.now()
    }

    async fn make(&self) -> TicketId {
        let ticket = json!({ "user_id": 5, "assets": [{ "id": 42 }] });
        let made = self.control(Method::POST, "/tickets", Some(ticket)).await;
        named(&made["id"].to_string())
    }

    async fn close(&self, ticket: &TicketId) {
        let path = format!("/tickets/{ticket}");
        let closed = Some(json!({ "status_id": 9 }));
        self.control(Method::PATCH, &path, closed).await;
    }

    async fn delete(&self, ticket: &TicketId) {
        let path = format!("/tickets/{ticket}");
        self.control(Method::DELETE, &path, None).await;
    }

    async fn notes(&self, ticket: &TicketId) -> Vec<String> {
        let actions = self.actions(ticket).await;
        let notes = actions.iter().map(|it| text(&it["note"]).to_owned());
        notes.collect()
    }

    async fn lose_an_answer(&self) {
        let lost = json!([{ "match": "^POST /api/Actions", "hangUp": "after", "times": 1 }]);
        self.faults(lost).await;
    }

    async fn refuse_endings(&self, refuses: bool) {
        self.change(json!({ "endingsRefused": refuses })).await;
    }

    async fn break_down(&self, is_broken: bool) {
        let faults = if is_broken {
            json!([{ "status": 503 }])
        } else {
            json!([])
        };
        self.faults(faults).await;
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
