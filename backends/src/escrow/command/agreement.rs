//! The code, the JSON Schema and the page about the command backend say the same.

use boon::{Compiler, Schemas};
use clavis_broker::devices::BackendName;
use clavis_broker::keys::KeyId;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers;
use super::requests::Call;
use super::trouble::Trouble;

const SCHEMA: &str = include_str!("../../../../docs/command-backend.schema.json");
const PAGE: &str = include_str!("../../../../docs/command-backend.md");
const CALLS: [&str; 4] = ["devices", "records", "keys", "check"];
const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
const ID: &str = "01234567-89AB-CDEF-0123-456789ABCDEF";
const OTHER: &str = "9D2C4F6E-1B7A-4E55-8C3D-5A6B7C8D9E0F";

/// What judges by a part of the schema, by its name below `$defs`.
fn schema(definition: &str) -> impl Fn(&Value) -> bool + use<> {
    let mut compiler = Compiler::new();
    let schema = serde_json::from_str(SCHEMA).unwrap();
    compiler.add_resource("schema.json", schema).unwrap();
    let mut schemas = Schemas::new();
    let place = format!("schema.json#/$defs/{definition}");
    let index = compiler.compile(&place, &mut schemas).unwrap();
    move |value| schemas.validate(value, index).is_ok()
}

#[test]
fn what_clavis_writes_is_valid_and_on_the_page() {
    let ids = [ID, OTHER].map(|id| id.parse().unwrap());
    let device = "d-1";
    let on_the_page = documents();
    for call in [
        Call::Devices { asset: "LT-0042" },
        Call::Records { device },
        Call::Keys { device, ids: &ids },
        Call::Check,
    ] {
        let request: Value = serde_json::from_slice(&call.to_line()).unwrap();
        assert!(
            schema(&format!("{}_request", call.name()))(&request),
            "{request}"
        );
        assert!(
            on_the_page.contains(&request),
            "the page does not show {request}"
        );
    }
}

#[test]
fn the_answers_on_the_page_are_valid_and_taken() {
    let mut seen = 0;
    for document in documents() {
        for call in CALLS {
            let answers = if call == "check" { "findings" } else { call };
            if document.get(answers).is_some() || document.get("error").is_some() {
                seen += 1;
                assert!(schema(&format!("{call}_answer"))(&document), "{document}");
                assert!(taken(call, &document), "{document}");
            }
        }
    }
    assert_eq!(seen, 8, "four answers, and trouble in place of each");
}

#[test]
fn an_answer_is_taken_exactly_where_the_schema_has_nothing_against_it() {
    let mut judged = [0, 0];
    for (call, answer) in full() {
        let fits = schema(&format!("{call}_answer"));
        assert!(fits(&answer) && taken(call, &answer), "{answer}");
        for changed in changed(&answer) {
            let is_sound = fits(&changed);
            assert_eq!(taken(call, &changed), is_sound, "{call}: {changed}");
            judged[usize::from(is_sound)] += 1;
        }
    }
    assert!(judged[0] > 1000 && judged[1] > 100, "{judged:?}");
}

#[test]
fn lists_are_bounded_alike() {
    let id = |number: usize| format!("{number:08}-0000-0000-0000-000000000000");
    let device = |number| json!({ "id": id(number), "name": "LT-1" });
    let record = |number| json!({ "key_id": id(number), "escrowed_at": "2026-09-01T08:30:00Z" });
    let finding = |_| json!({ "severity": "ok", "what": "good" });
    let list = |make: &dyn Fn(usize) -> Value, length| (0..length).map(make).collect::<Vec<_>>();
    for (call, name, most, make) in [
        (
            "devices",
            "devices",
            100,
            &device as &dyn Fn(usize) -> Value,
        ),
        ("records", "records", 1000, &record),
        ("check", "findings", 50, &finding),
    ] {
        let fits = schema(&format!("{call}_answer"));
        for (length, is_sound) in [(0, true), (most, true), (most + 1, false)] {
            let answer = json!({ "clavis": 1, name: list(make, length) });
            assert_eq!(fits(&answer), is_sound, "{length} {name}");
            assert_eq!(taken(call, &answer), is_sound, "{length} {name}");
        }
    }
    let fits = schema("devices_answer");
    for (length, is_sound) in [(20, true), (21, false)] {
        let owners = vec!["anna"; length];
        let device = json!({ "id": "d", "name": "LT-1", "owners": owners });
        let answer = json!({ "clavis": 1, "devices": [device] });
        assert_eq!(
            (fits(&answer), taken("devices", &answer)),
            (is_sound, is_sound)
        );
    }
}

#[test]
fn what_a_schema_cannot_tell_is_refused_all_the_same() {
    let device = json!({ "id": "d", "name": "LT-1" });
    let record = |at: &str| json!({ "key_id": ID, "escrowed_at": at });
    let same = "2026-09-01T08:30:00Z";
    let unasked = "22222222-89AB-CDEF-0123-456789ABCDEF";
    let key = |id: &str| json!({ "key_id": id, "key": KEY });
    for (call, answer) in [
        (
            "devices",
            json!({ "clavis": 1, "devices": [device, device] }),
        ),
        (
            "records",
            json!({ "clavis": 1, "records": [record(same), record(same)] }),
        ),
        (
            "records",
            json!({ "clavis": 1, "records": [record("2026-02-30T08:30:00Z")] }),
        ),
        (
            "records",
            json!({ "clavis": 1, "records": [record("2026-11-24T09:00:01Z")] }),
        ),
        ("keys", json!({ "clavis": 1, "keys": [key(ID), key(ID)] })),
        ("keys", json!({ "clavis": 1, "keys": [key(unasked)] })),
    ] {
        assert!(schema(&format!("{call}_answer"))(&answer), "{answer}");
        assert!(!taken(call, &answer), "{answer}");
    }
}

#[test]
fn what_stands_for_no_machine_makes_no_two_one() {
    let fits = schema("devices_answer");
    for (id, is_sound) in [
        (ID, true),
        ("00000000-0000-0000-0000-000000000001", true),
        ("00000000-0000-0000-0000-000000000000", false),
        ("FFFFFFFF-ffff-FFFF-ffff-FFFFFFFFFFFF", false),
    ] {
        let device = json!({ "id": "d", "name": "LT-1", "shared_id": id });
        let answer = json!({ "clavis": 1, "devices": [device] });
        assert_eq!(fits(&answer), is_sound, "{id}");
        assert_eq!(taken("devices", &answer), is_sound, "{id}");
    }
}

#[test]
fn clocks_may_be_a_day_apart() {
    let record = json!({ "key_id": ID, "escrowed_at": "2026-11-24T09:00:00Z" });
    assert!(taken(
        "records",
        &json!({ "clavis": 1, "records": [record] })
    ));
}

/// Every document of JSON that the page shows.
fn documents() -> Vec<Value> {
    let blocks = PAGE.split("```json\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .flat_map(|block| serde_json::Deserializer::from_str(block).into_iter())
        .map(|document| document.expect("JSON"))
        .collect()
}

/// Whether the code takes an answer, also one that tells of trouble.
fn taken(call: &str, answer: &Value) -> bool {
    let answer = answer.to_string();
    let (bytes, backend) = (answer.as_bytes(), BackendName("b".into()));
    let asked: [KeyId; 2] = [ID, OTHER].map(|id| id.parse().unwrap());
    let outcome = match call {
        "devices" => answers::devices(bytes, &backend).map(drop),
        "records" => answers::records(bytes, &backend, now()).map(drop),
        "keys" => answers::keys(bytes, &asked).map(drop),
        _ => answers::findings(bytes).map(drop),
    };
    match outcome {
        Ok(()) | Err(Trouble::Said { .. }) => true,
        Err(Trouble::Misfit(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

/// When the answers are read.
fn now() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// Answers with everything in them that may be.
fn full() -> Vec<(&'static str, Value)> {
    let trouble = json!({ "clavis": 1, "error": "denied", "message": "no" });
    let device = json!({
        "id": "d", "name": "LT-1", "detail": "Hamburg", "shared_id": ID, "owners": ["a", "b"],
    });
    let record = json!({
        "key_id": ID, "volume": ID, "kind": "fixed_data", "escrowed_at": "2026-09-01T08:30:00Z",
    });
    let finding = json!({ "severity": "ok", "what": "good", "remedy": "none" });
    let mut answers = vec![
        ("devices", json!({ "clavis": 1, "devices": [device] })),
        ("records", json!({ "clavis": 1, "records": [record] })),
        (
            "keys",
            json!({ "clavis": 1, "keys": [{ "key_id": ID, "key": KEY }] }),
        ),
        (
            "keys",
            json!({ "clavis": 1, "keys": [{ "key_id": ID, "passphrase": "a \"b\" \\ é" }] }),
        ),
        ("check", json!({ "clavis": 1, "findings": [finding] })),
    ];
    answers.extend(CALLS.map(|call| (call, trouble.clone())));
    answers
}

/// What may stand in a place, soundly or not.
fn stand_ins() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(1),
        json!(2),
        json!([]),
        json!({}),
    ];
    values.extend([255, 256, 257, 500, 501].map(|length| json!("ü".repeat(length))));
    let texts = [
        "",
        " ",
        "\u{a0}",
        "\u{feff}",
        "x",
        " x ",
        "a\nb",
        "\u{7f}",
        "x\u{85}",
        "\u{202e}x",
        "\"\\/",
        "01234567-89ab-cdef-0123-456789abcdef",
        OTHER,
        "{01234567-89AB-CDEF-0123-456789ABCDEF}",
        "0123456789ABCDEF0123456789ABCDEF",
        "0123456789ABCDEF0123456789ABCDEFFFFF",
        "01234567-89AB-CDEF-0123-456789ABCDEG",
        "2026-09-01T08:30:00.123456789+02:00",
        "2026-09-01T08:30:00.1234567890Z",
        "2026-09-01T08:30:00-05:30",
        "2026-09-01T08:30:00.Z",
        "2026-09-01T08:30:00",
        "2026-09-01 08:30:00Z",
        "2026-09-01T08:30Z",
        "2026-09-01T08:30:00+0200",
        "2026-09-01T08:30:00Z[Europe/Berlin]",
        "+002026-09-01T08:30:00Z",
        "2026-09-01",
        "operating_system",
        "removable_data",
        "unknown",
        "floppy",
        "ok",
        "warning",
        "failure",
        "unavailable",
        "nonsense",
        "denied",
    ];
    values.extend(texts.map(|text| json!(text)));
    values
}

/// The value with one place of it changed, for every place and every way.
fn changed(value: &Value) -> Vec<Value> {
    let mut all = stand_ins();
    match value {
        Value::Object(fields) => {
            let with = |name: &str, value: Option<Value>| {
                let mut fields = fields.clone();
                match value {
                    Some(value) => fields.insert(name.to_owned(), value),
                    None => fields.remove(name),
                };
                Value::Object(fields)
            };
            for more in [
                "more",
                "error",
                "message",
                "devices",
                "key",
                "passphrase",
                "Clavis",
            ] {
                all.push(with(more, Some(json!("denied"))));
            }
            for (name, inner) in fields {
                all.push(with(name, None));
                all.extend(
                    changed(inner)
                        .into_iter()
                        .map(|value| with(name, Some(value))),
                );
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                all.extend(changed(item).into_iter().map(|value| {
                    let mut items = items.clone();
                    items[at] = value;
                    Value::Array(items)
                }));
            }
        }
        _ => {}
    }
    all
}
