//! The contract of every service desk.

use clavis_broker::people::{MailAddress, PersonId};
use clavis_broker::ports::PersonQuery;
use clavis_broker::testing::contract::tickets::{DeskFacts, whole_suite};
use clavis_broker::text::Asset;
use clavis_broker::tickets::{DeskAsset, DeskUser, Standing, Ticket};
use serde_json::json;

use crate::double::{INTUNE, OBJECT, Place, named, ticket};

fn facts() -> DeskFacts {
    let asset = |text: &str| Asset::parse(text).expect("an asset");
    DeskFacts {
        sound: Ticket {
            id: named("1001"),
            standing: Standing::Open,
            user: Some(DeskUser {
                id: "5".into(),
                name: "Anna".into(),
                known_as: vec![
                    PersonQuery::Id(PersonId(OBJECT.into())),
                    PersonQuery::Mail(MailAddress::parse("anna@example.com").expect("an address")),
                    PersonQuery::Login("anna".into()),
                ],
            }),
            raised_by: Ok(None),
            asset: Ok(DeskAsset {
                id: "42".into(),
                name: "Anna's laptop".into(),
                known_as: vec![asset(INTUNE), asset("LT-0001")],
            }),
            reason: "It asks for the key since the update.".into(),
            approvals: Vec::new(),
        },
        other: named("1002"),
        without_asset: named("1003"),
        with_two_assets: named("1004"),
    }
}

async fn keeps_it(ids_as_text: bool) {
    let place = Place::with(json!({
        "idsAsText": ids_as_text,
        "tickets": [
            ticket(1001, json!({})),
            ticket(1002, json!({ "tickettype_id": 1 })),
            ticket(1003, json!({ "assets": [] })),
            ticket(1004, json!({ "assets": [{ "id": 42 }, { "id": 43 }] })),
        ],
    }))
    .await;
    whole_suite(&place.desk(), &place, &facts()).await;
}

#[tokio::test]
async fn a_halo_keeps_the_contract() {
    keeps_it(false).await;
}

#[tokio::test]
async fn a_halo_whose_numbers_are_texts_keeps_it_too() {
    keeps_it(true).await;
}
