//! Asking for somebody.

use axum::http::StatusCode;
use clavis_broker::people::PersonId;
use jiff::SignedDuration;

use super::{ask, press};
use crate::testing::{LAPTOP, REASON, World};

#[tokio::test]
async fn an_agent_asks_for_somebody_and_both_have_their_page() {
    let world = World::new();
    let mut agent = world.agent().await;
    let form = agent
        .get("/desk/new?for=anna&asset=LT-7&device=test/x")
        .await;
    assert!(form.says("anna@example.com") && form.says("value=\"LT-7\""));
    assert!(!form.says("name=\"mail\""), "an address is never typed");
    let path = world.ask_for_anna(&mut agent).await;
    assert!(path.starts_with("/desk/requests/"));
    let page = agent.get(&path).await;
    assert!(page.says("agents &#60;img src=x&#62;</a> asked for the key of"));
    assert!(page.says("href=\"/desk/people/anna\"") && page.says("my reason"));
    assert!(page.says("Who was asked") && page.says("If nobody decides"));
    assert!(page.says("What has happened") && page.says("made the request for Anna"));

    let own = path.strip_prefix("/desk").unwrap();
    assert!(page.says(&format!("href=\"{own}\"")));
    let requesters = agent.get(own).await;
    assert!(requesters.says(&format!("href=\"{path}\"")));
    let mut anna = world.signed_in("anna@example.com").await;
    let theirs = anna.get(own).await;
    assert!(theirs.says("Who asked") && !theirs.says("/desk/"));

    let again = ask(&mut agent, "anna", &[("asset", LAPTOP), ("reason", "x")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.says("There is an open request for this device already"));
    assert!(again.says(&format!("href=\"{path}\"")));
}

#[tokio::test]
async fn the_form_for_somebody_says_what_is_wrong_like_everybodys() {
    let world = World::new();
    let mut agent = world.agent().await;
    for (asset, reason, key_id, expected) in [
        ("", REASON, "", "Please fill this in."),
        ("NOWHERE", REASON, "", "No device goes by that name"),
        ("EMPTY", REASON, "", "No recovery key is kept for EMPTY"),
        (LAPTOP, "", "", "Please fill this in."),
        (LAPTOP, REASON, "zz", "A key ID has the digits"),
        (LAPTOP, REASON, "DDDD0004", "has no recovery key of that ID"),
        ("TWIN", REASON, "", "The directory lists it as theirs."),
    ] {
        let fields = [("asset", asset), ("reason", reason), ("key_id", key_id)];
        let answer = ask(&mut agent, "anna", &fields).await;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        assert_eq!(answer.status, status, "{expected}");
        assert!(answer.says(expected), "{expected}:\n{}", answer.body);
        assert!(answer.says("name=\"for\" value=\"anna\""));
    }
    let anna = PersonId("anna".to_owned());
    world
        .directory
        .set_manager(&anna, Some(PersonId("agents".to_owned())));
    let own_approver = ask(&mut agent, "anna", &[("asset", LAPTOP), ("reason", "x")]).await;
    assert!(own_approver.says("There is nobody to approve your request"));
    let form = agent.get("/desk/new?for=anna").await;
    let fields = [
        ("form_token", form.form_token()),
        ("for", "eve".to_owned()),
        ("asset", LAPTOP.to_owned()),
        ("reason", "x".to_owned()),
    ];
    let nobody = agent.post("/desk/new", &fields).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    for path in ["/desk/new", "/desk/new?for=eve"] {
        assert_eq!(agent.get(path).await.status, StatusCode::NOT_FOUND);
    }
    world.directory.change(&anna, |anna| anna.enabled = false);
    let form = agent.get("/desk/new?for=anna").await;
    assert_eq!(form.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(form.says("The key cannot be given to this person"));
    assert!(!world.events().await.contains(&"request.opened".to_owned()));
}

#[tokio::test]
async fn a_form_sent_too_late_comes_back_with_whom_it_was_for() {
    let world = World::new();
    let mut agent = world.agent().await;
    let token = agent.get("/desk/new?for=anna").await.form_token();
    world.clock.advance(SignedDuration::from_hours(1));
    let fields = [
        ("form_token", token.as_str()),
        ("for", "anna"),
        ("asset", "LT 7"),
        ("reason", REASON),
    ];
    let answer = agent.post("/desk/new", &fields).await;
    assert_eq!(
        answer.location(),
        "/sign-in?next=%2Fdesk%2Fnew%3Ffor%3Danna%26asset%3DLT%2B7"
    );
}

#[tokio::test]
async fn what_has_ended_is_asked_for_again_by_a_button_for_whom_it_was_for() {
    let world = World::new();
    let mut agent = world.agent().await;
    let path = world.ask_for_anna(&mut agent).await;
    let again = format!("{path}/again");
    assert!(!agent.get(&path).await.says(&again), "it is open");
    let early = press(&mut agent, &path, "again").await;
    assert_eq!(early.location(), path);
    world.decide("decline").await;

    let page = agent.get(&path).await;
    assert!(page.says(&format!("action=\"{again}\"")) && page.says("It is approved anew."));
    assert!(page.says("Change something first") && page.says("/desk/new?for=anna"));
    let made = press(&mut agent, &path, "again").await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let new = made.location();
    assert!(new != path && new.starts_with("/desk/requests/"));
    let page = agent.get(&new).await;
    assert!(page.says("Waiting for approval") && page.says("my reason"));
    assert!(page.says("agents &#60;img src=x&#62;</a> asked for the key of"));
    world.settle().await;
    assert_eq!(world.sent("Approval Needed", "boss@example.com"), 2);

    let twice = press(&mut agent, &path, "again").await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(twice.says(&format!("href=\"{new}\"")) && twice.says("my reason</textarea>"));
    assert!(twice.says("name=\"for\" value=\"anna\"") && twice.says("action=\"/desk/new\""));
    press(&mut agent, &new, "stop").await;
    let gone = PersonId("gone".to_owned());
    world
        .directory
        .change(&PersonId("anna".to_owned()), |anna| anna.id = gone);
    let gone = press(&mut agent, &new, "again").await;
    assert_eq!(gone.status, StatusCode::CONFLICT);
    assert!(gone.says("does not know any more whom the request was for"));
}

#[tokio::test]
async fn what_she_asked_for_herself_is_asked_for_again_by_the_form() {
    let world = World::new();
    let mut agent = world.agent().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let path = format!("/desk{}", world.ask(&mut anna).await);
    world.decide("decline").await;
    let page = agent.get(&path).await;
    assert!(page.says("/desk/new?for=anna") && !page.says("/again\""));
    let pressed = press(&mut agent, &path, "again").await;
    assert_eq!(pressed.location(), path);
    assert_eq!(world.sent("Approval Needed", "boss@example.com"), 1);
}
