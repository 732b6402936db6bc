//! That the description says what is so.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use clavis_broker::programs::Scope;
use serde_json::{Value, json};

use super::{Answer, DESCRIPTION, Program, fits, for_anna, operations, statuses};
use crate::routes::{Reach, table};
use crate::testing::World;

/// Panics where an answer is not as the description says. What has no path there has no description.
pub(super) fn check(method: &Method, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap();
    let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let is_at = |pattern: &str| {
        let (pattern, path) = (parts(pattern), parts(path));
        let mut pairs = pattern.iter().zip(&path);
        pattern.len() == path.len() && pairs.all(|(one, two)| one.starts_with('{') || one == two)
    };
    let all = operations();
    let mut here = all.iter().filter(|(pattern, _, _)| is_at(pattern));
    let is_other_method = answer.status == StatusCode::METHOD_NOT_ALLOWED;
    let operation =
        here.find(|(_, known, _)| is_other_method || known.eq_ignore_ascii_case(method.as_str()));
    let status = answer.status.as_u16().to_string();
    let what = format!("{method} {path}: {status}");
    let Some((_, _, operation)) = operation else {
        assert_eq!(
            answer.status,
            StatusCode::NOT_FOUND,
            "{what} is not described"
        );
        return;
    };
    let response = resolved(&operation["responses"][&status]);
    assert!(response.is_object(), "{what} is not described");
    let content = &response["content"][answer.header("content-type")];
    assert!(
        content.is_object(),
        "{what} has no {}",
        answer.header("content-type")
    );
    if let Err(why) = fits(&content["schema"], &answer.body) {
        panic!("{what} is not as described: {why}\n{}", answer.body);
    }
    let headers = response["headers"].as_object();
    for (name, header) in headers.into_iter().flatten() {
        let value = answer.header(name);
        assert!(
            !value.is_empty() || header["required"] != true,
            "{what} has no {name}"
        );
        let value = match header["schema"]["type"].as_str() {
            Some("integer") => value.parse::<u64>().map_or(Value::Null, Value::from),
            _ => value.into(),
        };
        if value != "" {
            fits(&header["schema"], &value).unwrap();
        }
    }
}

fn resolved(response: &Value) -> &Value {
    match response["$ref"].as_str() {
        Some(place) => DESCRIPTION.pointer(&place[1..]).unwrap(),
        None => response,
    }
}

#[test]
fn the_description_has_the_routes_of_the_table_with_their_scopes() {
    let mut described: Vec<_> = operations()
        .into_iter()
        .map(|(path, method, operation)| {
            let scopes = &operation["security"][0]["token"];
            (path.to_owned(), method.to_uppercase(), scopes.clone())
        })
        .collect();
    let table = table().into_iter().map(|route| route.rule);
    let mut there: Vec<_> = table
        .filter(|rule| rule.pattern.starts_with("/api/"))
        .flat_map(|rule| {
            let scopes = match rule.reach {
                Reach::Program(scope) => json!([scope.as_str()]),
                _ => Value::Null,
            };
            let methods = rule.methods.into_iter();
            let pattern = rule.pattern;
            methods.map(move |method| (pattern.to_string(), method.to_string(), scopes.clone()))
        })
        .collect();
    let by_place = |one: &(String, String, Value)| (one.0.clone(), one.1.clone());
    described.sort_by_key(by_place);
    there.sort_by_key(by_place);
    assert_eq!(described, there);
}

#[tokio::test]
async fn the_description_is_served_to_everybody() {
    let world = World::new();
    let served = world.stranger().get("/api/v1/openapi.json").await;
    assert_eq!(served.body, *DESCRIPTION);
    let nowhere = world.stranger().get("/api/v1/nowhere").await;
    assert_eq!(nowhere.problem(), "404 not-found");
    assert_eq!(nowhere.header("content-type"), "application/problem+json");
}

/// Every status that the description has is come to, and none that it has not: each call looks.
#[tokio::test]
async fn every_status_of_the_description_is_given() {
    let mut given = BTreeSet::new();
    for (path, method, operation) in operations() {
        let wanted = statuses(operation);
        for status in &wanted {
            let world = World::new();
            let answer = provoke(&world, path, method, *status).await;
            assert_eq!(
                answer.status.as_u16(),
                *status,
                "{method} {path}: {}",
                answer.body
            );
            given.insert((path, method, *status));
        }
    }
    assert!(given.len() > 40, "{given:?}");
}

/// Makes an operation answer with a status.
async fn provoke(world: &World, path: &str, method: &str, status: u16) -> Answer {
    let all = world.program("all", &Scope::ALL, Some("boss")).await;
    let desk = world.program("desk", &[Scope::Create], None).await;
    let reference = match status {
        200 | 409 if path.contains("{reference}") => desk.ask("0").await.reference(),
        _ => "K7Q-4MX2".to_owned(),
    };
    let at = path.replace("{reference}", &reference);
    let method: Method = method.to_uppercase().parse().unwrap();
    let is_decision = path.ends_with("/decision");
    let body = if is_decision {
        json!({"choice": "approve"})
    } else {
        for_anna()
    };
    let caller = match status {
        401 => world.stranger(),
        403 if path.ends_with("/requests") => world.program("few", &[Scope::Read], None).await,
        403 => world.program("few", &[Scope::Create], None).await,
        // Their own request is nothing that they were asked to decide, and can be taken back.
        200 if path.ends_with("/withdraw") => {
            world.program("annas", &Scope::ALL, Some("anna")).await
        }
        _ => all,
    };
    let call = async |caller: &Program<'_>, body: &str, kind: &str| {
        let headers = [("content-type", kind), ("idempotency-key", "1")];
        let headers = if kind.is_empty() {
            &headers[1..]
        } else {
            &headers[..]
        };
        caller
            .send(method.clone(), &at, headers, body.to_owned())
            .await
    };
    let body = body.to_string();
    match status {
        400 => call(&caller, "{", "application/json").await,
        405 => caller.send(Method::DELETE, &at, &[], String::new()).await,
        409 if path.ends_with("/requests") => {
            desk.ask("0").await;
            call(&desk, &body, "application/json").await
        }
        409 => {
            let boss = caller.decide(&reference, "approve").await;
            assert_eq!(boss.status, StatusCode::OK);
            if is_decision {
                return call(&caller, &body, "application/json").await;
            }
            let anna = world.program("annas", &Scope::ALL, Some("anna")).await;
            anna.withdraw(&reference).await;
            call(&anna, "", "").await
        }
        413 => call(&caller, &" ".repeat(20_000), "application/json").await,
        415 => call(&caller, &body, "text/plain").await,
        422 if path.ends_with("/events") => caller.get("/api/v1/events?limit=0").await,
        422 => call(&caller, "[]", "application/json").await,
        // What was allowed comes back all the while, so that how many it takes is not fixed.
        429 => loop {
            let answer = call(&caller, &body, "application/json").await;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                return answer;
            }
        },
        503 => {
            world.break_store();
            call(&caller, &body, "application/json").await
        }
        201 => call(&desk, &body, "application/json").await,
        _ if method == Method::GET => caller.get(&at).await,
        _ => call(&caller, &body, "application/json").await,
    }
}
