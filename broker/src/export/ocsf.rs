//! The Open Cybersecurity Schema Framework: one JSON object a row.
//!
//! Of the schema's version 1.8.0 (github.com/ocsf/ocsf-schema): the classes Authentication (3002),
//! Entity Management (3004), Email Activity (4009) and API Activity (6003). Whatever has no
//! attribute there is in `unmapped`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::facts::{Concerned, Doer, why};
use super::meaning::{Activity, Deed, Meaning, Outcome, meaning};
use super::{PRODUCT, VERSION};
use crate::audit::{Actor, Event, LogEntry, LogRow};
use crate::devices::Device;

const SCHEMA: &str = "1.8.0";

/// A row, without the line's end.
pub(super) fn record(row: &LogRow) -> Result<String, serde_json::Error> {
    let entry = &row.entry;
    let meant = meaning(&entry.event);
    let (class, activity) = class(meant.activity);
    let mut object = common(class, activity, meant.severity.in_ocsf(), entry.at);
    let mut add = |key: &str, value: Value| object.insert(key.to_owned(), value);
    add("message", meant.title.into());
    add("status_id", status(&meant).into());
    if let Some(why) = why(&entry.event) {
        add("status_detail", why.into());
    }
    let mut metadata = metadata();
    metadata["event_code"] = entry.event.name().into();
    metadata["sequence"] = row.seq.into();
    if let Some(request) = &entry.request {
        metadata["correlation_uid"] = request.reference.as_str().into();
    }
    add("metadata", metadata);
    let is_mail = matches!(meant.activity, Activity::Mail);
    if !is_mail {
        add("actor", actor(&entry.actor));
    }
    let source = match entry.source {
        Some(source) => Some(json!({ "ip": source })),
        // The class wants one.
        None if class == API => Some(json!({ "name": place(&entry.actor) })),
        None => None,
    };
    if let Some(source) = source {
        add("src_endpoint", source);
    }
    match meant.activity {
        Activity::LogOn | Activity::LogOff | Activity::BeforeLogOn => {
            add("user", subject(entry));
            add("service", json!({ "name": PRODUCT }));
        }
        Activity::Request(_) => {
            add("entity", request(entry));
        }
        Activity::Device(_) => {
            add("entity", device_entity(entry));
        }
        Activity::Person(_) => {
            let user = user(&entry.actor);
            add(
                "entity",
                json!({ "type_id": 2, "type": "User", "user": user }),
            );
        }
        Activity::Policy(_) => {
            let rule = match &entry.event {
                Event::PolicyFailed { fault } => fault.rule.as_str(),
                Event::RightsSeen { place, .. } => place.as_str(),
                _ => "",
            };
            let policy = json!({ "name": named(rule) });
            add(
                "entity",
                json!({ "type_id": 5, "type": "Policy", "policy": policy }),
            );
        }
        Activity::Page(_) => {
            add("api", json!({ "operation": entry.event.name() }));
            add("resources", json!([resource(&entry.event)]));
        }
        Activity::Mail => {
            let to = Concerned::by(&entry.event).and_then(|it| it.mail);
            add("direction_id", 2.into());
            add("email", json!({ "to": [to] }));
        }
    }
    let event = serde_json::to_value(&entry.event)?;
    let kind = Doer::of(&entry.actor).kind;
    add("unmapped", json!({ "actor_kind": kind, "event": event }));
    serde_json::to_string(&object)
}

/// An event of no class that says that something is missing.
pub(super) fn cut(what: &str, at: Timestamp) -> String {
    let mut object = common(0, 0, 1, at);
    object.insert("message".to_owned(), what.into());
    object.insert("metadata".to_owned(), metadata());
    Value::Object(object).to_string()
}

const AUTHENTICATION: u32 = 3002;
const ENTITY_MANAGEMENT: u32 = 3004;
const EMAIL: u32 = 4009;
const API: u32 = 6003;

/// The class, and the number of the activity in it.
fn class(activity: Activity) -> (u32, u32) {
    let number = |deed: Deed| deed as u32;
    match activity {
        Activity::LogOn => (AUTHENTICATION, 1),
        Activity::LogOff => (AUTHENTICATION, 2),
        Activity::BeforeLogOn => (AUTHENTICATION, 6),
        Activity::Request(deed)
        | Activity::Device(deed)
        | Activity::Person(deed)
        | Activity::Policy(deed) => (ENTITY_MANAGEMENT, number(deed)),
        Activity::Page(deed) => (API, number(deed)),
        Activity::Mail => (EMAIL, 1),
    }
}

/// What every event of the schema has, but for `metadata`.
fn common(class: u32, activity: u32, severity: u8, at: Timestamp) -> Map<String, Value> {
    let common = json!({
        "category_uid": class / 1000,
        "class_uid": class,
        "activity_id": activity,
        "type_uid": class * 100 + activity,
        "severity_id": severity,
        "time": at.as_millisecond(),
    });
    match common {
        Value::Object(common) => common,
        _ => Map::new(),
    }
}

fn metadata() -> Value {
    json!({
        "version": SCHEMA,
        "log_name": "audit",
        "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION },
    })
}

fn status(meant: &Meaning) -> u8 {
    match meant.outcome {
        Outcome::Unknown => 0,
        Outcome::Success => 1,
        Outcome::Failure => 2,
    }
}

fn actor(actor: &Actor) -> Value {
    match actor {
        Actor::Clavis => json!({ "app_name": PRODUCT }),
        Actor::Through { program, .. } => {
            json!({ "app_name": named(program), "user": user(actor) })
        }
        known => json!({ "user": user(known) }),
    }
}

fn user(actor: &Actor) -> Value {
    match actor {
        Actor::Person(party) | Actor::Holder(party) | Actor::Through { person: party, .. } => {
            person(Concerned::party(party))
        }
        Actor::Operator { name } => json!({ "name": named(name), "type_id": 2 }),
        Actor::Program { name } => json!({ "name": named(name), "type_id": 3 }),
        Actor::Clavis => json!({ "name": PRODUCT, "type_id": 3 }),
        Actor::Stranger => nobody(),
    }
}

/// Where somebody is whose address nobody knows.
fn place(actor: &Actor) -> &'static str {
    match actor {
        Actor::Operator { .. } | Actor::Clavis => "localhost",
        Actor::Person(_)
        | Actor::Holder(_)
        | Actor::Program { .. }
        | Actor::Through { .. }
        | Actor::Stranger => UNKNOWN,
    }
}

/// Whose sign-in it is.
fn subject(entry: &LogEntry) -> Value {
    match (Concerned::by(&entry.event), &entry.actor) {
        (Some(concerned), _) => person(concerned),
        (None, Actor::Clavis) => nobody(),
        (None, actor) => user(actor),
    }
}

/// Somebody by what is known of them: by the mail address, else the name.
fn person(known: Concerned) -> Value {
    let Concerned { name, mail, id } = known;
    let called = [&mail, &name].into_iter().flatten();
    let called = called.map(String::as_str).find(|it| !it.trim().is_empty());
    let mut user = json!({ "type_id": 1, "name": called.unwrap_or(UNKNOWN) });
    let rest = [("uid", id), ("full_name", name), ("email_addr", mail)];
    for (key, value) in rest {
        if let Some(value) = value.filter(|it| !it.is_empty()) {
            user[key] = value.into();
        }
    }
    user
}

const UNKNOWN: &str = "unknown";

fn nobody() -> Value {
    json!({ "name": UNKNOWN, "type_id": 0 })
}

/// A name that the schema wants where there may be none.
fn named(text: &str) -> &str {
    if text.trim().is_empty() {
        UNKNOWN
    } else {
        text
    }
}

fn request(entry: &LogEntry) -> Value {
    let mut entity = json!({ "type_id": 99, "type": "Recovery key request", "name": UNKNOWN });
    if let Some(request) = &entry.request {
        entity["name"] = request.reference.as_str().into();
        entity["uid"] = request.id.0.to_string().into();
    }
    if let Some(device) = &entry.device {
        entity["device"] = device_object(device);
    }
    entity
}

/// The device, or what somebody took for the name of one.
fn device_entity(entry: &LogEntry) -> Value {
    let mut entity = json!({ "type_id": 1, "type": "Device" });
    match (&entry.device, &entry.event) {
        (Some(device), _) => {
            entity["name"] = named(&device.name).into();
            entity["uid"] = device.id.to_string().into();
            entity["device"] = device_object(device);
        }
        (None, Event::RequestRefused { asset, .. }) => entity["name"] = named(asset).into(),
        (None, _) => entity["name"] = UNKNOWN.into(),
    }
    entity
}

fn device_object(device: &Device) -> Value {
    json!({ "type_id": 0, "name": named(&device.name), "uid": device.id.to_string() })
}

/// What somebody looked at or changed that is no request.
fn resource(event: &Event) -> Value {
    match event {
        Event::DeskPersonViewed { person, called } => {
            json!({ "type": "User", "name": named(called), "uid": named(&person.0) })
        }
        Event::AccessRefused { route } => json!({ "type": "Page", "name": named(route) }),
        Event::OutboxRetried { job, .. } => {
            json!({ "type": "Job", "name": "outbox", "uid": job.0.to_string() })
        }
        Event::TokenMade { token, .. }
        | Event::TokenRevoked { token }
        | Event::TokenRefused {
            token: Some(token), ..
        } => json!({ "type": "Token", "name": named(token) }),
        Event::DeskSearched { .. } => json!({ "type": "Directory", "name": "directory" }),
        _ => json!({ "type": "Log", "name": "audit log" }),
    }
}
