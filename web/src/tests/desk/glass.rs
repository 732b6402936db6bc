//! Releasing without an approval.

use axum::http::StatusCode;
use clavis_broker::people::PersonId;

use super::{AGENT, BREAKER, WHY};
use crate::testing::World;

#[tokio::test]
async fn the_glass_is_broken_with_a_reason_and_knowingly() {
    let world = World::new();
    let path = world.ask_for_anna(&mut world.agent().await).await;
    let mut agent = world.breaker().await;
    let page = agent.get(&path).await;
    let known =
        "I know that everybody who was asked or could have been, and whoever gets alarms, is";
    assert!(page.says(known) && page.says("a person or the organisation would come to harm"));
    let token = page.form_token();
    let glass = format!("{path}/break-glass");
    let before = world.store.picture();
    for (reason, known, said) in [
        ("", "yes", "Please fill this in."),
        (WHY, "", "Please tick this"),
    ] {
        let fields = [
            ("form_token", token.as_str()),
            ("reason", reason),
            ("known", known),
        ];
        let answer = agent.post(&glass, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.says(said) && answer.says("<details open>"));
        assert!(reason.is_empty() || answer.says("needs the images.</textarea>"));
    }
    let bare = agent.post(&glass, &[("form_token", "x")]).await;
    assert_eq!(bare.status, StatusCode::FORBIDDEN);
    assert_eq!(world.store.picture(), before);

    let fields = [
        ("form_token", token.as_str()),
        ("reason", WHY),
        ("known", "yes"),
    ];
    let done = agent.post(&glass, &fields).await;
    assert_eq!(done.location(), path, "{}", done.body);
    world.settle().await;
    let page = agent.get(&path).await;
    assert!(page.says("Key link sent") && page.says("needs the images."));
    assert!(page.says("released the key without an approval"));
    for told in ["anna@example.com", AGENT, "boss@example.com"] {
        assert_eq!(world.sent("Released Without Approval", told), 1, "{told}");
    }
    assert_eq!(world.sent("Your Secure Key Link", "anna@example.com"), 1);
    let again = agent.post(&glass, &fields).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.says("It was decided meanwhile."));
}

#[tokio::test]
async fn nobody_breaks_the_glass_for_themselves_or_without_both_roles() {
    let world = World::new();
    let mut agent = world.breaker().await;
    let id = |name: &str| PersonId(name.to_owned());
    world
        .directory
        .set_manager(&id("break_glass"), Some(id("boss")));
    let own = world.ask(&mut agent).await;
    let path = format!("/desk{own}");
    let for_anna = world.ask_for_anna(&mut agent).await;
    for path in [&path, &for_anna] {
        let page = agent.get(path).await;
        assert!(!page.says("Release without approval"), "{path}");
    }
    let page = agent.get(&path).await;
    let fields = |token: String| {
        [
            ("form_token", token),
            ("reason", WHY.to_owned()),
            ("known", "yes".to_owned()),
        ]
    };
    let glass = format!("{path}/break-glass");
    for path in [&path, &for_anna] {
        let glass = format!("{path}/break-glass");
        let refused = agent.post(&glass, &fields(page.form_token())).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}");
        assert!(refused.says("the key would be yours, or you asked for it"));
    }

    world.directory.set_group("agents", vec![id("agents")]);
    // Roles are remembered for a minute.
    world.clock.advance(jiff::SignedDuration::from_mins(2));
    let mut breaker = world.signed_in(BREAKER).await;
    let token = breaker.get("/").await.form_token();
    let alone = breaker.post(&glass, &fields(token)).await;
    assert_eq!(alone.status, StatusCode::NOT_FOUND);
    let last = world.events().await.pop();
    assert_eq!(last.as_deref(), Some("access.refused"));
    assert_eq!(
        world.sent("Released Without Approval", "boss@example.com"),
        0
    );
}
