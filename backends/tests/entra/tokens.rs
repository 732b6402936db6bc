//! Tokens: one for all, replaced before they end, and anew where one was refused.

use std::sync::Arc;
use std::time::Duration;

use clavis_backends::entra::{Scope, Trouble};
use clavis_broker::ports::EscrowFault;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::task::JoinSet;

use crate::double::{Place, names};

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_share_one_token() {
    let place = Place::with_devices(&["PC-1"]).await;
    place
        .faults(json!([{ "match": "/token$", "latencyMs": 200 }]))
        .await;
    let tenant = place.tenant();
    let mut asking = JoinSet::new();
    for _ in 0..32 {
        let tenant = Arc::clone(&tenant);
        asking.spawn(async move { names(&tenant).await });
    }
    for outcome in asking.join_all().await {
        assert_eq!(outcome.unwrap(), ["PC-1"]);
    }
    assert_eq!(place.count("tokenRequests").await, 1);
    assert_eq!(place.count("graphCalls").await, 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_share_a_refusal() {
    let place = Place::with_devices(&[]).await;
    place
        .faults(json!([{ "match": "/token$", "latencyMs": 300, "status": 400 }]))
        .await;
    let tenant = place.tenant();
    let mut asking = JoinSet::new();
    for _ in 0..32 {
        let tenant = Arc::clone(&tenant);
        asking.spawn(async move { names(&tenant).await });
    }
    for outcome in asking.join_all().await {
        outcome.unwrap_err();
    }
    assert_eq!(place.count("tokenRequests").await, 1);
}

#[tokio::test]
async fn a_token_is_replaced_before_it_ends() {
    let place = Place::with(json!({
        "roles": ["Device.Read.All"],
        // Its end has whole seconds.
        "accessTokenLifetime": 6,
    }))
    .await;
    let tenant = place.tenant();
    while place.count("tokenRequests").await < 2 {
        names(&tenant).await.expect("always an answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let calls = place.graph_calls().await;
    let refused = calls.iter().find(|call| call["status"] != 200);
    assert!(refused.is_none(), "{refused:?}");
}

#[tokio::test]
async fn a_token_that_ended_early_is_replaced_and_the_call_repeated() {
    let place = Place::with_devices(&["PC-1"]).await;
    let tenant = place.tenant();
    names(&tenant).await.unwrap();
    place.expire_tokens().await;
    assert_eq!(names(&tenant).await.unwrap(), ["PC-1"]);
    assert_eq!(place.count("tokenRequests").await, 2);
    let calls = place.graph_calls().await;
    let statuses: Vec<_> = calls.iter().map(|call| call["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(200), Some(401), Some(200)]);
}

#[tokio::test]
async fn a_service_that_takes_no_token_is_asked_twice_and_no_more() {
    let place = Place::with_devices(&[]).await;
    place
        .faults(json!([{ "match": "/devices", "status": 401 }]))
        .await;
    let trouble = names(&place.tenant()).await.unwrap_err();
    assert_eq!(trouble.fault(), EscrowFault::Denied);
    assert!(
        matches!(&trouble, Trouble::Refused(answer) if answer.status == 401),
        "{trouble:?}"
    );
    assert_eq!(place.count("graphCalls").await, 2);
    assert_eq!(place.count("tokenRequests").await, 2);
}

#[tokio::test]
async fn each_service_has_a_token_of_its_own() {
    let place = Place::with_devices(&[]).await;
    let tenant = place.tenant();
    let mut tokens = Vec::new();
    for scope in [Scope::Graph, Scope::Outlook, Scope::Graph, Scope::Outlook] {
        let token = tenant.token_for(scope).await.expect("a token");
        tokens.push(token.expose_secret().to_owned());
    }
    assert_eq!(tokens[0], tokens[2]);
    assert_eq!(tokens[1], tokens[3]);
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(place.count("tokenRequests").await, 2);
}
