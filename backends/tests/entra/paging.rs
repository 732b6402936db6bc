//! Lists in pages, and next links that lead astray.

use clavis_backends::entra::Trouble;
use clavis_broker::ports::EscrowFault;
use serde_json::json;

use crate::double::{Place, names};

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let place = Place::with_devices(&["A", "B", "C", "D", "E"]).await;
    place.change(json!({ "pageSize": 2 })).await;
    assert_eq!(
        names(&place.tenant()).await.unwrap(),
        ["A", "B", "C", "D", "E"]
    );
    assert_eq!(place.count("graphCalls").await, 3);
}

#[tokio::test]
async fn a_next_link_to_another_server_is_refused_and_nothing_is_sent_there() {
    let place = Place::with_devices(&["A"]).await;
    let (elsewhere, id) = (place.of("elsewhere"), place.of("tenant"));
    let at = place.of("graph").trim_start_matches("http://");
    for link in [
        format!("{elsewhere}/{id}/next"),
        format!(
            "http://{at}@{}/{id}/next",
            elsewhere.trim_start_matches("http://")
        ),
        format!("https://{at}/{id}/next"),
        format!("blob:http://{at}/{id}/next"),
    ] {
        place
            .faults(json!([{ "match": "/devices", "nextLink": link }]))
            .await;
        let trouble = names(&place.tenant()).await.unwrap_err();
        assert!(matches!(trouble, Trouble::Nonsense(_)), "{trouble:?}");
        assert_eq!(trouble.fault(), EscrowFault::Nonsense);
        assert!(trouble.to_string().contains("another server"), "{trouble}");
    }
    assert!(place.seen_elsewhere().await.is_empty());
}

#[tokio::test]
async fn a_list_that_is_longer_than_any_is_given_up() {
    let place = Place::with_devices(&["A"]).await;
    let answer = async |count: usize| {
        let entries = vec![json!({ "displayName": "A" }); count];
        place
            .faults(json!([{ "match": "/devices", "status": 200, "body": { "value": entries } }]))
            .await;
        names(&place.tenant()).await
    };
    assert_eq!(answer(20_000).await.unwrap().len(), 20_000);
    let trouble = answer(20_001).await.unwrap_err();
    assert!(trouble.to_string().contains("no end"), "{trouble}");
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let place = Place::with_devices(&["A"]).await;
    let link = format!("{}/v1.0/devices", place.of("graph"));
    place
        .faults(json!([{ "match": "/devices", "nextLink": link }]))
        .await;
    let trouble = names(&place.tenant()).await.unwrap_err();
    assert_eq!(trouble.fault(), EscrowFault::Nonsense, "{trouble:?}");
    assert!(trouble.to_string().contains("no end"), "{trouble}");
}
