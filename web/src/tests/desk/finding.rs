//! Finding people and devices.

use axum::http::StatusCode;
use clavis_broker::people::{Person, PersonId};
use clavis_broker::ports::EscrowFault;

use crate::testing::{World, person};

#[tokio::test]
async fn people_and_devices_are_found_and_the_search_is_in_the_log() {
    let world = World::new();
    world
        .directory
        .change(&PersonId("boss".to_owned()), |boss| {
            boss.enabled = false;
        });
    let without_mail = Person {
        id: PersonId("n/o mail".to_owned()),
        mail: None,
        ..person("nomail", "Anna Nomail")
    };
    world.directory.add(without_mail, "nomail", None);
    let mut agent = world.agent().await;
    let form = agent.get("/desk/search?q=").await;
    assert!(!form.says("id=\"people\""));
    assert!(!world.events().await.contains(&"desk.searched".to_owned()));

    let found = agent.get("/desk/search?q=+anna+").await;
    assert!(found.says("href=\"/desk/people/anna\"") && found.says("anna@example.com"));
    assert!(found.says("href=\"/desk/people/n%2Fo%20mail\""));
    assert!(found.says("No address: no key can be sent"));
    assert!(found.says("No device goes by that name."));
    let found = agent.get("/desk/search?q=boss").await;
    assert!(found.says("Account disabled"));
    let found = agent.get("/desk/search?q=twin").await;
    assert!(found.says("one&#60;img src=x&#62;") && found.says("two&#60;img"));
    let link = "/desk/new?for=anna&#38;asset=TWIN&#38;device=test%2Fone";
    assert!(found.says(link), "{}", found.body);
    assert!(!found.says("for=boss"), "a disabled account gets no key");
    let searched = world.events().await;
    assert_eq!(
        searched.iter().filter(|it| *it == "desk.searched").count(),
        3
    );
    let long = agent
        .get(&format!("/desk/search?q={}", "x".repeat(255)))
        .await;
    assert_eq!(long.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(long.says("This is too long."));
}

#[tokio::test]
async fn what_does_not_answer_is_said_and_without_the_log_nothing_is_found() {
    let world = World::new();
    let mut agent = world.agent().await;
    world.escrow.break_down(Some(EscrowFault::Unavailable));
    let found = agent.get("/desk/search?q=anna").await;
    assert!(found.says("did not answer: devices") && found.says("/desk/people/anna"));
    // Their role is remembered for a minute.
    world.directory.break_down(true);
    let found = agent.get("/desk/search?q=anna").await;
    assert_eq!(found.status, StatusCode::OK);
    assert!(found.says("People cannot be searched right now"));
    let person = agent.get("/desk/people/anna").await;
    assert_eq!(person.status, StatusCode::SERVICE_UNAVAILABLE);
    world.directory.break_down(false);
    world.break_store();
    for path in ["/desk/search?q=anna", "/desk/people/anna", "/desk"] {
        let refused = agent.get(path).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
}

#[tokio::test]
async fn a_person_is_shown_with_their_devices_and_their_requests() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let own = world.ask(&mut anna).await;
    let mut agent = world.agent().await;
    let page = agent.get("/desk/people/anna").await;
    assert!(page.says("anna@example.com") && page.says("EMPTY"));
    assert!(page.says("/desk/new?for=anna&#38;asset=EMPTY&#38;device=test%2Fempty"));
    assert!(page.says(&format!("href=\"/desk{own}\"")));
    assert!(page.says("Ask for the key of another device for them"));
    let last = world.events().await.pop();
    assert_eq!(last.as_deref(), Some("desk.person_viewed"));

    let (id, mail) = (PersonId("anna".to_owned()), "somebody@elsewhere.example");
    world.directory.change(&id, |anna| anna.enabled = false);
    let page = agent.get("/desk/people/anna").await;
    assert!(page.says("The account is disabled") && !page.says("/desk/new"));
    assert!(!page.says(mail));
    for path in ["/desk/people/eve", "/desk/people/%FF", "/desk/people/a%2Fb"] {
        let nobody = agent.get(path).await;
        assert_eq!(nobody.status, StatusCode::NOT_FOUND, "{path}");
        assert!(nobody.says("There is nothing here"));
    }
}
