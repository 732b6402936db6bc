//! The API: what programs may, and that every answer is as the description says.

mod attacks;
mod described;
mod fuzz;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use boon::{Compiler, Draft, Schemas};
use clavis_broker::people::MailAddress;
use clavis_broker::programs::{ProgramName, ProgramToken, Scope};
use clavis_broker::service::NewToken;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::testing::{LAPTOP, REASON, World};

static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap());

/// A program with a token, or none.
struct Program<'w> {
    world: &'w World,
    token: Option<String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl World {
    /// A program whose token is good for these.
    async fn program(&self, name: &str, scopes: &[Scope], person: Option<&str>) -> Program<'_> {
        let new = NewToken {
            name: ProgramName::parse(name).unwrap(),
            scopes: scopes.to_vec(),
            person: person.map(|name| MailAddress::parse(&format!("{name}@example.com")).unwrap()),
            valid_for: ProgramToken::USUAL,
        };
        let (token, _) = self.broker.make_token(new, "root").await.unwrap();
        Program {
            world: self,
            token: Some(token.expose_of_program()),
        }
    }

    fn stranger(&self) -> Program<'_> {
        Program {
            world: self,
            token: None,
        }
    }
}

impl Program<'_> {
    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.send(Method::POST, path, &headers, body.to_string())
            .await
    }

    async fn ask(&self, key: &str) -> Answer {
        self.post("/api/v1/requests", Some(key), &for_anna()).await
    }

    async fn decide(&self, reference: &str, choice: &str) -> Answer {
        let path = format!("/api/v1/requests/{reference}/decision");
        self.post(&path, None, &json!({"choice": choice})).await
    }

    async fn withdraw(&self, reference: &str) -> Answer {
        let path = format!("/api/v1/requests/{reference}/withdraw");
        self.send(Method::POST, &path, &[], String::new()).await
    }

    async fn read(&self, reference: &str) -> Answer {
        self.get(&format!("/api/v1/requests/{reference}")).await
    }

    /// Calls, and looks whether the answer is as the description says.
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let answer = self.call(&method, path, headers, body).await;
        described::check(&method, path, &answer);
        answer
    }

    /// Calls, and looks whether the answer gives away what it never may.
    async fn call(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let answer = self.world.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        for never in ["/key/", "/review/", "clv_", "000011-", "set-cookie"] {
            assert!(
                !text.contains(never) || path == "/api/v1/openapi.json",
                "{text}"
            );
        }
        assert!(!parts.headers.contains_key("set-cookie"));
        assert!(!parts.headers.contains_key("access-control-allow-origin"));
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: {text}")),
        }
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The end of the problem's type, after its status.
    fn problem(&self) -> String {
        let kind = self.body["type"].as_str().unwrap_or_default();
        let name = kind.strip_prefix("urn:clavis:problem:").unwrap_or("none");
        assert_eq!(self.body["status"], self.status.as_u16());
        format!("{} {name}", self.status.as_u16())
    }

    fn reference(&self) -> String {
        let reference = self.body["reference"].as_str();
        reference
            .unwrap_or_else(|| panic!("{}", self.body))
            .to_owned()
    }
}

fn for_anna() -> Value {
    json!({"beneficiary": {"mail": "anna@example.com"}, "device": LAPTOP, "reason": REASON})
}

#[tokio::test]
async fn the_same_question_makes_one_request_and_has_one_answer() {
    let world = World::new();
    let desk = world.program("desk", &Scope::ALL[..3], None).await;
    let made = desk.ask("ticket-1").await;
    assert_eq!(made.status, StatusCode::CREATED);
    let reference = made.reference();
    assert_eq!(
        made.header("location"),
        format!("/api/v1/requests/{reference}")
    );
    let (mails, again) = (world.mails().len(), desk.ask("ticket-1").await);
    assert_eq!((again.status, &again.body), (made.status, &made.body));
    assert_eq!(world.mails().len(), mails);
    // Written otherwise it is still the same.
    let body = format!(
        "{{ \"reason\":{},\"device\":{},\n\"beneficiary\":{{\"mail\":\"anna@example.com\"}}}}",
        json!(REASON),
        json!(LAPTOP)
    );
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "ticket-1"),
    ];
    let again = desk.send(Method::POST, "/api/v1/requests", &headers, body);
    assert_eq!(again.await.body, made.body);

    let mut other = for_anna();
    other["reason"] = "Another.".into();
    let refused = desk
        .post("/api/v1/requests", Some("ticket-1"), &other)
        .await;
    assert_eq!(refused.problem(), "422 idempotency-key-reused");
    let refused = desk.ask("ticket-2").await;
    assert_eq!(refused.problem(), "409 already-open");
    // Another program's key is another key.
    let other = world.program("other", &[Scope::Create], None).await;
    assert_eq!(other.ask("ticket-1").await.problem(), "409 already-open");

    // What is over stays the answer, for as long as it is kept.
    assert_eq!(desk.withdraw(&reference).await.body["status"], "withdrawn");
    assert_eq!(desk.ask("ticket-1").await.body, made.body);
    assert_eq!(desk.withdraw(&reference).await.problem(), "409 over");
    assert_eq!(desk.ask("ticket-3").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn two_of_the_same_question_at_once_make_one_request() {
    let world = World::new();
    let desk = world.program("desk", &[Scope::Create], None).await;
    let (one, two) = tokio::join!(desk.ask("ticket-1"), desk.ask("ticket-1"));
    assert_eq!(
        (one.status, two.status),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    assert_eq!(one.body, two.body);
}

#[tokio::test]
async fn a_desk_asks_the_approver_decides_and_events_tell_it() {
    let world = World::new();
    let desk = world.program("desk", &Scope::ALL[..3], None).await;
    let boss = world
        .program("bosss-script", &[Scope::Read, Scope::Decide], Some("boss"))
        .await;
    let siem = world.program("siem", &[Scope::Events], None).await;
    let reference = desk.ask("1").await.reference();
    assert_eq!(desk.read(&reference).await.body["status"], "pending");
    assert_eq!(boss.read(&reference).await.body["reason"], REASON);
    let decided = boss.decide(&reference, "approve").await;
    assert_eq!(decided.body["status"], "approved");
    assert_eq!(
        boss.decide(&reference, "decline").await.problem(),
        "409 already-decided"
    );
    let link = world.link("Your Secure Key Link", "key").await;
    let mut anna = world.browser();
    let token = anna.get(&link).await.form_token();
    let opened = anna.post(&link, &[("form_token", token)]).await;
    assert_eq!(opened.status, StatusCode::OK);
    let over = desk.read(&reference).await.body;
    assert_eq!(over["status"], "redeemed");
    assert_eq!(over["ends_at"], Value::Null);
    assert!(!over["approvals"][0]["by"].as_str().unwrap().is_empty());

    let (mut after, mut told) = (0, Vec::new());
    loop {
        let page = siem
            .get(&format!("/api/v1/events?after={after}&limit=3"))
            .await
            .body;
        after = page["next"].as_i64().unwrap();
        told.extend(page["events"].as_array().unwrap().clone());
        if page["more"] == false {
            break;
        }
    }
    let names: Vec<_> = told
        .iter()
        .map(|it| it["event"].as_str().unwrap())
        .collect();
    for name in [
        "request.opened",
        "request.approved",
        "mail.sent",
        "link.redeemed",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let by = |name: &str| {
        let event = told.iter().find(|it| it["event"] == name).unwrap();
        (event["by"].clone(), event["program"].clone())
    };
    assert_eq!(by("request.opened"), ("program".into(), "desk".into()));
    assert_eq!(
        by("request.approved"),
        ("through".into(), "bosss-script".into())
    );
    let whole = Value::Array(told).to_string();
    for personal in ["anna", "Anna", "boss@", "Boss", "LT-42", "my reason", "id-"] {
        assert!(!whole.contains(personal), "{personal}: {whole}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_told_by_its_type() {
    let world = World::new();
    let desk = world.program("desk", &[Scope::Create], None).await;
    let with = |field: &str, value: Value| {
        let mut body = for_anna();
        body[field] = value;
        body
    };
    let cases = [
        (with("device", "NOWHERE".into()), "422 unknown-device"),
        (with("device", "TWIN".into()), "422 ambiguous-device"),
        (with("device", "EMPTY".into()), "422 nothing-escrowed"),
        (with("key_id", "99999999".into()), "422 unknown-key"),
        (
            with("beneficiary", json!({"mail": "x@example.com"})),
            "422 unfit-beneficiary",
        ),
        (
            with("beneficiary", json!({"login": "nobody"})),
            "422 unfit-beneficiary",
        ),
        (
            with("beneficiary", json!({"login": "boss"})),
            "422 nobody-to-ask",
        ),
        (
            with("requester", json!({"login": "nobody"})),
            "422 unfit-requester",
        ),
        (with("beneficiary", "anna".into()), "422 invalid"),
        (
            with("beneficiary", json!({"mail": "a@b.c", "login": "a"})),
            "422 invalid",
        ),
        (
            with("beneficiary", json!({"login": "\u{0}"})),
            "422 invalid",
        ),
        (with("requester", Value::Null), "422 invalid"),
        (with("reason", " ".into()), "422 invalid"),
        (with("reason", "x".repeat(1001).into()), "422 invalid"),
        (with("device", "a\nb".into()), "422 invalid"),
        (with("key_id", "zzz".into()), "422 invalid"),
        (with("more", 1.into()), "422 invalid"),
        (json!([]), "422 invalid"),
        (json!({}), "422 invalid"),
    ];
    for (at, (body, problem)) in cases.into_iter().enumerate() {
        let refused = desk
            .post("/api/v1/requests", Some(&at.to_string()), &body)
            .await;
        assert_eq!(refused.problem(), problem, "{body}");
    }
    for keys in [
        &[][..],
        &["a", "a"],
        &[""],
        &["a b"],
        &["é"],
        &[&"x".repeat(256)],
    ] {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(keys.iter().map(|key| ("idempotency-key", *key)));
        let body = for_anna().to_string();
        let refused = desk
            .send(Method::POST, "/api/v1/requests", &headers, body)
            .await;
        assert_eq!(refused.problem(), "400 no-idempotency-key", "{keys:?}");
    }
    let siem = world.program("siem", &[Scope::Events], None).await;
    for query in [
        "after=-1",
        "after=x",
        "limit=0",
        "limit=501",
        "after=1&after=2",
        "x=1",
    ] {
        let refused = siem.get(&format!("/api/v1/events?{query}")).await;
        assert_eq!(refused.problem(), "422 invalid", "{query}");
    }
}

/// Checks a value against a schema of the description.
fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [schema],
        "components": DESCRIPTION["components"],
    });
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler
        .add_resource("urn:description", whole)
        .map_err(|error| error.to_string())?;
    let index = compiler.compile("urn:description", &mut schemas);
    let index = index.map_err(|error| format!("{error:#}"))?;
    schemas
        .validate(value, index)
        .map_err(|error| format!("{error:#}"))
}

/// All pairs of a path and a method that the description has, with their operations.
fn operations() -> Vec<(&'static str, &'static str, &'static Value)> {
    let paths = DESCRIPTION["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    all.collect()
}

fn statuses(operation: &Value) -> BTreeSet<u16> {
    let all = operation["responses"].as_object().unwrap().keys();
    all.map(|status| status.parse().unwrap()).collect()
}
