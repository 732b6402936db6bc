//! OCSF events against the schema: its classes and objects as far as Clavis uses them, with the
//! names, types, values and requirements that version 1.8.0 of github.com/ocsf/ocsf-schema gives
//! their attributes.

use std::sync::LazyLock;

use serde_json::Value;

use super::{row, rows};
use crate::audit::{Actor, Event};
use crate::export::Format;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("ocsf-1.8.0.json")).unwrap());

/// Panics where an event is not as the schema wants it.
pub(super) fn check(event: &Value) {
    let class = &event["class_uid"];
    let rules = &SCHEMA["classes"][class.to_string()];
    assert!(rules.is_object(), "there is no class {class}");
    object(event, rules, "event");
    let number = |key: &str| event[key].as_u64().unwrap();
    assert_eq!(event["category_uid"], rules["category"]);
    assert_eq!(
        number("type_uid"),
        number("class_uid") * 100 + number("activity_id")
    );
    assert_eq!(event["metadata"]["version"], SCHEMA["version"]);
}

fn object(value: &Value, rules: &Value, place: &str) {
    let fields = value
        .as_object()
        .unwrap_or_else(|| panic!("{place} is no object: {value}"));
    let attributes = rules["attributes"].as_object().unwrap();
    for (name, rule) in attributes {
        let required = rule["required"] == true;
        assert!(
            !required || fields.contains_key(name),
            "{place} has no {name}: {value}"
        );
    }
    let one_of = rules["at_least_one"].as_array().unwrap();
    let has_one = one_of
        .iter()
        .any(|name| fields.contains_key(name.as_str().unwrap()));
    assert!(
        one_of.is_empty() || has_one,
        "{place} has none of {one_of:?}: {value}"
    );
    for (name, value) in fields {
        let rule = attributes
            .get(name)
            .unwrap_or_else(|| panic!("{place} may have no {name}"));
        let place = format!("{place}.{name}");
        match value {
            Value::Array(items) if rule["array"] == true => {
                for item in items {
                    single(item, rule, &place);
                }
            }
            single_value => single(single_value, rule, &place),
        }
    }
}

fn single(value: &Value, rule: &Value, place: &str) {
    let kind = rule["type"].as_str().unwrap();
    match kind {
        // A name or an ID that is empty says nothing.
        "string_t" => assert!(
            value.as_str().is_some_and(|it| !it.is_empty()),
            "{place}: {value}"
        ),
        "integer_t" | "long_t" => assert!(value.is_i64() || value.is_u64(), "{place}: {value}"),
        "boolean_t" => assert!(value.is_boolean(), "{place}: {value}"),
        // What belongs to no class.
        "object" => assert!(value.is_object(), "{place}: {value}"),
        kind => {
            let rules = &SCHEMA["objects"][kind];
            assert!(
                rules.is_object(),
                "{place} is of {kind}, which is not looked at"
            );
            object(value, rules, place);
        }
    }
    if let Some(known) = rule["enum"].as_array() {
        assert!(
            known.contains(value),
            "{place} is none of {known:?}: {value}"
        );
    }
}

#[test]
fn every_event_is_as_the_schema_wants_it() {
    let mut classes = std::collections::BTreeSet::new();
    for row in rows() {
        let event: Value = serde_json::from_str(&Format::Ocsf.record(&row).unwrap()).unwrap();
        check(&event);
        classes.insert(event["class_uid"].as_u64().unwrap());
        assert_eq!(event["metadata"]["sequence"], row.seq);
        assert_eq!(event["metadata"]["event_code"], row.entry.event.name());
    }
    assert_eq!(
        classes.into_iter().collect::<Vec<_>>(),
        [3002, 3004, 4009, 6003]
    );
    let last = row(7, Event::SignedOut, Actor::Stranger);
    check(&serde_json::from_str(&Format::Ocsf.cut("Cut.", &last)).unwrap());
}

#[test]
#[should_panic(expected = "has no user")]
fn an_attribute_that_is_missing_is_found() {
    let signed_in = row(7, Event::SignedOut, Actor::Stranger);
    let mut event: Value = serde_json::from_str(&Format::Ocsf.record(&signed_in).unwrap()).unwrap();
    event.as_object_mut().unwrap().remove("user");
    check(&event);
}
