//! What tokens do not do.

use axum::http::{Method, StatusCode};
use clavis_broker::audit::{Actor, Event, WhyNoToken};
use clavis_broker::people::PersonId;
use clavis_broker::ports::LogQuery;
use clavis_broker::programs::{ProgramName, Scope};
use jiff::SignedDuration;
use serde_json::json;

use super::{Program, for_anna};
use crate::testing::World;

async fn rows(world: &World) -> Vec<(Event, Actor)> {
    let everything = LogQuery {
        limit: usize::MAX,
        ..LogQuery::default()
    };
    let rows = world.broker.store().log(&everything).await.unwrap();
    rows.into_iter()
        .map(|row| (row.entry.event, row.entry.actor))
        .collect()
}

/// Why tokens were refused, in order.
async fn refused(world: &World) -> Vec<WhyNoToken> {
    let why = |(event, _)| match event {
        Event::TokenRefused { why, .. } => Some(why),
        _ => None,
    };
    rows(world).await.into_iter().filter_map(why).collect()
}

#[tokio::test]
async fn a_token_that_is_unknown_ended_revoked_or_of_somebody_unfit_does_nothing() {
    let world = World::new();
    let desk = world.program("desk", &Scope::ALL, Some("boss")).await;
    let elsewhere = World::new();
    let foreign = Program {
        world: &world,
        ..elsewhere.program("desk", &[Scope::Events], None).await
    };
    // Both worlds draw their chance alike.
    assert_eq!(foreign.token, desk.token);
    let other = elsewhere.program("other", &[Scope::Events], None).await;
    let foreign = Program {
        world: &world,
        ..other
    };
    let events = async |program: &Program<'_>| program.get("/api/v1/events").await;
    assert_eq!(events(&foreign).await.problem(), "401 invalid-token");
    let not_one = Program {
        world: &world,
        token: Some("x".to_owned()),
    };
    let answer = events(&not_one).await;
    assert_eq!(answer.problem(), "401 invalid-token");
    assert!(answer.header("www-authenticate").contains("invalid_token"));

    assert_eq!(events(&desk).await.status, StatusCode::OK);
    let boss = PersonId("boss".to_owned());
    world.directory.change(&boss, |boss| boss.enabled = false);
    assert_eq!(events(&desk).await.problem(), "401 invalid-token");
    world.directory.change(&boss, |boss| boss.enabled = true);
    world.clock.advance(SignedDuration::from_hours(365 * 24));
    assert_eq!(events(&desk).await.problem(), "401 invalid-token");
    let name = ProgramName::parse("desk").unwrap();
    assert!(world.broker.revoke_token(&name, "root").await.unwrap());
    assert!(!world.broker.revoke_token(&name, "root").await.unwrap());
    assert_eq!(events(&desk).await.problem(), "401 invalid-token");
    assert_eq!(
        refused(&world).await,
        [
            WhyNoToken::Unknown,
            WhyNoToken::Unknown,
            WhyNoToken::UnfitPerson,
            WhyNoToken::Ended,
            WhyNoToken::Unknown,
        ]
    );
}

#[tokio::test]
async fn a_token_is_good_for_its_scopes_alone() {
    let world = World::new();
    let calls = [
        (Scope::Create, Method::POST, "/api/v1/requests"),
        (Scope::Read, Method::GET, "/api/v1/requests/K7Q-4MX2"),
        (
            Scope::Withdraw,
            Method::POST,
            "/api/v1/requests/K7Q-4MX2/withdraw",
        ),
        (
            Scope::Decide,
            Method::POST,
            "/api/v1/requests/K7Q-4MX2/decision",
        ),
        (Scope::Events, Method::GET, "/api/v1/events"),
    ];
    for scope in Scope::ALL {
        let name = scope.as_str().replace(':', ".");
        let program = world.program(&name, &[scope], Some("boss")).await;
        for (needed, method, path) in &calls {
            let answer = program.send(method.clone(), path, &[], String::new()).await;
            let is_refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(is_refused, *needed != scope, "{scope} at {path}");
            if is_refused {
                assert_eq!(answer.problem(), "403 wrong-scope");
                let challenge = answer.header("www-authenticate");
                assert!(
                    challenge.contains(&format!("scope=\"{needed}\"")),
                    "{challenge}"
                );
            }
        }
    }
    assert_eq!(refused(&world).await, [WhyNoToken::WrongScope; 20]);
}

#[tokio::test]
async fn nobody_decides_by_a_token_what_they_or_their_program_asked_for() {
    let world = World::new();
    let scopes = [Scope::Create, Scope::Read, Scope::Withdraw, Scope::Decide];
    let boss = world.program("boss-1", &scopes, Some("boss")).await;
    // In their name: they ask for anna, whose approver they are.
    let reference = boss.ask("1").await;
    assert_eq!(
        reference.problem(),
        "422 nobody-to-ask",
        "{}",
        reference.body
    );
    // In anna's name they cannot ask.
    let mut body = for_anna();
    body["requester"] = json!({"mail": "anna@example.com"});
    let refused = boss.post("/api/v1/requests", Some("2"), &body).await;
    assert_eq!(refused.problem(), "422 not-in-their-name");

    // A request that a program of this name has made, before it came to be theirs.
    let desk = world.program("desk", &scopes[..3], None).await;
    let reference = desk.ask("1").await.reference();
    let desk_name = ProgramName::parse("desk").unwrap();
    world.broker.revoke_token(&desk_name, "root").await.unwrap();
    let renamed = world.program("desk", &scopes, Some("boss")).await;
    for choice in ["approve", "decline"] {
        let decided = renamed.decide(&reference, choice).await;
        assert_eq!(decided.problem(), "403 not-concerned");
    }
    // Whoever gets the key has no say, and whoever has none does not even see it.
    let anna = world.program("annas", &scopes, Some("anna")).await;
    assert_eq!(
        anna.decide(&reference, "approve").await.problem(),
        "403 not-concerned"
    );
    let auditor = world.program("auditors", &scopes, Some("auditors")).await;
    assert_eq!(
        auditor.decide(&reference, "approve").await.problem(),
        "404 not-found"
    );
    assert_eq!(anna.read(&reference).await.body["status"], "pending");
    // Their approver withdraws nothing, and decides by a token of another name.
    assert_eq!(
        boss.withdraw(&reference).await.problem(),
        "403 not-concerned"
    );
    assert_eq!(
        boss.decide(&reference, "approve").await.status,
        StatusCode::OK
    );
    let rows = rows(&world).await;
    let refusals = rows
        .iter()
        .filter(|(event, _)| matches!(event, Event::CommandRefused { .. }));
    assert_eq!(refusals.count(), 4);
    let approved = rows
        .iter()
        .find(|(event, _)| event.name() == "request.approved");
    let Some((
        _,
        Actor::Through {
            program: name,
            person,
        },
    )) = approved
    else {
        panic!("{approved:?}");
    };
    assert_eq!((name.as_str(), person.id.0.as_str()), ("boss-1", "boss"));
}

#[tokio::test]
async fn what_others_made_is_not_there() {
    let world = World::new();
    let scopes = [Scope::Create, Scope::Read, Scope::Withdraw];
    let desk = world.program("desk", &scopes, None).await;
    let reference = desk.ask("1").await.reference();
    let other = world.program("other", &scopes, None).await;
    let nowhere = other.read("K7Q-4MX2").await.body;
    for id in [&reference, "K7Q-4MX2", "..%2f..", "%00", "0", "' OR 1=1"] {
        let id = id.replace(' ', "%20");
        assert_eq!(other.read(&id).await.body, nowhere, "{id}");
        assert_eq!(other.withdraw(&id).await.body, nowhere, "{id}");
    }
    // By the same name it is, also with a new token.
    let name = ProgramName::parse("desk").unwrap();
    world.broker.revoke_token(&name, "root").await.unwrap();
    let renewed = world.program("desk", &scopes, None).await;
    assert_eq!(renewed.read(&reference).await.status, StatusCode::OK);
    // What somebody asked for on a page is no program's.
    let mut boss = world.signed_in("anna@example.com").await;
    assert_eq!(renewed.withdraw(&reference).await.status, StatusCode::OK);
    let own = world.ask(&mut boss).await;
    let own = own.rsplit('/').next().unwrap();
    assert_eq!(renewed.read(own).await.body, nowhere);
}

#[tokio::test]
async fn who_tries_tokens_is_held_back_and_the_log_is_not_filled() {
    let world = World::new();
    let desk = world.program("desk", &[Scope::Events], None).await;
    let mut last = String::new();
    for n in 0..60 {
        let guess = Program {
            world: &world,
            token: Some(format!("clv_{n:064x}")),
        };
        last = guess.get("/api/v1/events").await.problem();
    }
    assert_eq!(last, "429 too-many");
    assert_eq!(refused(&world).await.len(), 20);
    assert_eq!(desk.get("/api/v1/events").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_is_taken_from_one_header_alone() {
    let world = World::new();
    let desk = world.program("desk", &[Scope::Events], None).await;
    let token = desk.token.clone().unwrap();
    let bearer = format!("Bearer {token}");
    let stranger = world.stranger();
    let path = format!("/api/v1/events?access_token={token}");
    for (path, headers) in [
        (path.as_str(), &[][..]),
        ("/api/v1/events", &[("cookie", token.as_str())]),
        ("/api/v1/events", &[("x-api-key", token.as_str())]),
    ] {
        let answer = stranger.send(Method::GET, path, headers, String::new());
        assert_eq!(answer.await.problem(), "401 no-token");
    }
    let twice = [("authorization", bearer.as_str())];
    let answer = desk.send(Method::GET, "/api/v1/events", &twice, String::new());
    assert_eq!(answer.await.problem(), "401 invalid-token");
}
