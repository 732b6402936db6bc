//! Who approves, as the pages tell it: those who were asked, those who come next, and how many.

use axum::http::StatusCode;
use clavis_broker::lifecycle::{Approval, Request, RequestId, State};
use clavis_broker::people::{GroupName, Party, PersonId, PersonQuery};
use clavis_broker::policy::{Escalation, Named, Policy, Rule};
use clavis_broker::ports::{EscrowFault, Store, Write};
use clavis_broker::testing::CountingRandom;
use clavis_broker::text::Reason;
use clavis_broker::tokens::new_id;
use jiff::SignedDuration;

use crate::testing::{LAPTOP, OPERATOR, PHONE, REASON, World, person};

fn group(name: &str) -> Named {
    Named::Group(GroupName(name.to_owned()))
}

/// A world with this rule alone, and a few more people.
fn world(rule: Rule) -> World {
    let world = World::with(|parts| parts.policy = Policy::new(Vec::new(), rule));
    world.know(&[("ben", "Ben Cole"), ("cleo", "Cleo"), ("dora", "Dora")]);
    for (name, member) in [("CN=GG-Keys,OU=Groups", "ben"), ("Last", "dora")] {
        let members = vec![PersonId(member.to_owned())];
        world.directory.add_group(name, members);
    }
    world
}

fn manager_and_group() -> Rule {
    Rule {
        ask: vec![vec![Named::Manager, group("CN=GG-Keys,OU=Groups")]],
        ..Rule::manager_else(Vec::new())
    }
}

#[tokio::test]
async fn the_request_says_who_was_asked_and_who_comes_next() {
    let cleo = PersonQuery::Login("cleo".to_owned());
    let world = world(Rule {
        escalation: Escalation {
            remind_after: Some(SignedDuration::from_hours(4)),
            alternates: Some((SignedDuration::from_hours(24), vec![Named::Person(cleo)])),
            last_resort: Some((SignedDuration::from_hours(48), GroupName("Last".to_owned()))),
        },
        ..manager_and_group()
    });
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    let page = anna.get(&path).await;
    assert!(page.says("your manager") && page.says("in the group GG-Keys<"));
    assert_eq!(page.body.matches("Has not answered").count(), 2);
    let then = page.body.split("If nobody decides").nth(1).unwrap();
    let mut rest = then;
    for (when, what) in [
        ("Monday, 23 November 2026, 14:00 CET", "is reminded."),
        (
            "Tuesday, 24 November 2026, 10:00 CET",
            "Cleo is asked as well.",
        ),
        (
            "Wednesday, 25 November 2026, 10:00 CET",
            "last resort is asked as well: Dora.",
        ),
        (
            "Thursday, 26 November 2026, 10:00 CET",
            "The request lapses.",
        ),
    ] {
        rest = rest.split_once(when).expect(when).1;
        let (line, _) = rest.split_once("</li>").unwrap();
        assert!(line.ends_with(what), "{line}");
    }

    world.clock.advance(SignedDuration::from_hours(4));
    let reminder = world.mail("Reminder: Approval Needed").await;
    assert!(reminder.text.contains("/review/"));
    world.clock.advance(SignedDuration::from_hours(20));
    let review = world.link_to("cleo", "review").await;
    let mut anna = world.signed_in("anna@example.com").await;
    let page = anna.get(&path).await;
    for said in [
        "Whoever had not answered was reminded.",
        "A mail reminded Ben Cole.",
        "Nobody had decided. Clavis asked Cleo as well.",
        "named for requests like this",
    ] {
        assert!(page.says(said), "{said}:\n{}", page.body);
    }
    assert!(!page.says("Cleo is asked as well."), "it has happened");

    let mut cleo = world.browser();
    let page = cleo.get(&review).await;
    let why =
        "Nobody has decided since Monday, 23 November 2026, 10:00 CET; you are asked as well.";
    assert!(page.says(why));
    let of_boss = world.link_to("boss", "review").await;
    assert!(!world.browser().get(&of_boss).await.says(why));
    assert!(world.mail("Approval Needed").await.text.contains(why));
    let token = page.form_token();
    let fields = [("form_token", token.as_str()), ("choice", "decline")];
    cleo.post(&review, &fields).await;
    let page = anna.get(&path).await;
    assert!(page.says("Said no") && page.says("Cleo declined on Tuesday"));
    assert!(!page.says("If nobody decides") && !page.says("Has not answered"));
    assert!(!page.says("<b>Dora</b>"), "she was never asked");
}

#[tokio::test]
async fn of_two_who_must_approve_each_counts_once_and_everybody_sees_it() {
    let world = world(Rule {
        needed: 2.try_into().unwrap(),
        ..manager_and_group()
    });
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    assert!(anna.get(&path).await.says("2 of them must say yes."));
    let of_boss = world.link_to("boss", "review").await;
    let mut boss = world.browser();
    let page = boss.get(&of_boss).await;
    assert!(page.says("2 people must approve") && page.says("Nobody has said yes so far."));
    let token = page.form_token();
    let approve = [
        ("form_token", token.as_str()),
        ("choice", "approve"),
        ("comment", "I know her"),
    ];
    assert_eq!(boss.post(&of_boss, &approve).await.location(), of_boss);
    let page = boss.get(&format!("{of_boss}?choice=approve")).await;
    assert!(page.says("You have said yes.") && !page.says("value=\"approve\""));
    assert!(
        page.says("value=\"decline\""),
        "until the others have decided"
    );
    let twice = boss.post(&of_boss, &approve).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(twice.says("It counts once."));

    let page = anna.get(&path).await;
    assert!(page.says("Waiting for approval") && page.says("said yes (1 of 2)."));
    assert!(page.says("said yes so far.") && page.says("I know her"));
    assert!(page.says("Said yes on Monday, 23 November 2026, 10:00 CET"));

    let of_ben = world.link_to("ben", "review").await;
    let mut ben = world.browser();
    let page = ben.get(&of_ben).await;
    assert!(page.says("So far: Boss") && page.says("I know her"));
    let fields = [
        ("form_token", page.form_token()),
        ("choice", "approve".to_owned()),
    ];
    ben.post(&of_ben, &fields).await;
    let page = anna.get(&path).await;
    assert!(page.says(" and Ben Cole approved on Monday") && page.says("(2 of 2)."));
    world.link_to("anna", "key").await;
}

#[tokio::test]
async fn a_yes_and_its_comment_stay_on_the_page_when_the_request_ends_otherwise() {
    let world = world(Rule {
        needed: 2.try_into().unwrap(),
        ..manager_and_group()
    });
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    let of_boss = world.link_to("boss", "review").await;
    let mut boss = world.browser();
    let token = boss.get(&of_boss).await.form_token();
    let fields = [
        ("form_token", token.as_str()),
        ("choice", "approve"),
        ("comment", "I know her"),
    ];
    boss.post(&of_boss, &fields).await;
    let form = [("form_token", anna.get(&path).await.form_token())];
    anna.post(&format!("{path}/withdraw"), &form).await;
    let page = anna.get(&path).await;
    assert!(page.says("Withdrawn") && page.says("Said yes on Monday, 23 November 2026"));
    assert!(page.says("I know her") && !page.says("Has not answered"));
}

#[tokio::test]
async fn whoever_may_decide_no_more_reads_why() {
    let world = world(manager_and_group());
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let review = world.link_to("ben", "review").await;
    world
        .directory
        .set_group("CN=GG-Keys,OU=Groups", Vec::new());
    let mut ben = world.browser();
    let token = ben.get(&review).await.form_token();
    let fields = [("form_token", token.as_str()), ("choice", "approve")];
    let refused = ben.post(&review, &fields).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.says(
        "You cannot decide this any more: why you were asked no longer holds. Please call support."
    ));
}

#[tokio::test]
async fn a_stand_in_is_shown_with_whose_place_it_is() {
    let world = world(Rule::manager_else(Vec::new()));
    let mut boss = world.signed_in("boss@example.com").await;
    let token = boss.get("/away").await.form_token();
    let fields = [
        ("form_token", token.as_str()),
        ("by", "ben@example.com"),
        ("day", "2026-11-27"),
    ];
    assert_eq!(boss.post("/away", &fields).await.location(), "/away");
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    let page = anna.get(&path).await;
    assert!(page.says("<b>Ben Cole</b>") && page.says("stands in for Boss"));
    let review = world.link_to("ben", "review").await;
    let mut ben = world.browser();
    let page = ben.get(&review).await;
    assert!(page.says("You decide in place of Boss"));
    let fields = [
        ("form_token", page.form_token()),
        ("choice", "approve".to_owned()),
    ];
    assert_eq!(ben.post(&review, &fields).await.location(), review);
    let page = anna.get(&path).await;
    assert!(page.says("Ben Cole approved in place of Boss"));
    assert!(page.says("Ben Cole said yes in this place"));
}

#[tokio::test]
async fn a_policy_that_cannot_be_carried_out_refuses_and_alarms() {
    let world = world(Rule {
        name: "laptops".to_owned(),
        ask: vec![vec![group("GG-Gone")]],
        ..Rule::manager_else(Vec::new())
    });
    let mut anna = world.signed_in("anna@example.com").await;
    let token = anna.get("/requests/new").await.form_token();
    let fields = [
        ("form_token", token.as_str()),
        ("asset", LAPTOP),
        ("reason", REASON),
    ];
    let answer = anna.post("/requests/new", &fields).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.says("have a mistake. Operators have been told.") && answer.says(PHONE));
    assert!(!answer.says("GG-Gone") && answer.says("my reason</textarea>"));
    assert!(
        anna.get("/")
            .await
            .says("You have not asked for a key yet.")
    );
    let alarm = world.mail("Alarm: Nobody Can Approve: laptops").await;
    assert_eq!(alarm.to.as_str(), OPERATOR);
    assert!(alarm.text.contains("there is no group \"GG-Gone\""));
}

#[tokio::test]
async fn nobody_is_said_to_have_been_told_where_nobody_gets_alarms() {
    let rule = Rule {
        ask: vec![vec![group("GG-Gone")]],
        ..Rule::manager_else(Vec::new())
    };
    let world = World::with(|parts| {
        parts.policy = Policy::new(Vec::new(), rule);
        parts.alarms.mail = Vec::new();
    });
    let mut anna = world.signed_in("anna@example.com").await;
    let token = anna.get("/requests/new").await.form_token();
    let fields = [
        ("form_token", token.as_str()),
        ("asset", LAPTOP),
        ("reason", REASON),
    ];
    let answer = anna.post("/requests/new", &fields).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.says("have been told"));
    assert!(answer.says("Please call support: they can have this mended."));
}

#[tokio::test]
async fn asking_again_takes_one_press_and_a_new_approval() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    assert!(!anna.get(&path).await.says("Ask again"));
    let review = world.link("Approval Needed", "review").await;
    let mut boss = world.browser();
    let token = boss.get(&review).await.form_token();
    let fields = [("form_token", token.as_str()), ("choice", "decline")];
    boss.post(&review, &fields).await;

    let page = anna.get(&path).await;
    assert!(page.says("Change something first") && page.says("It is approved anew."));
    let again = format!("{path}/again");
    let form = [("form_token", page.form_token())];
    let made = anna.post(&again, &form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let new = made.location();
    assert_ne!(new, path);
    let page = anna.get(&new).await;
    assert!(page.says("Waiting for approval") && page.says("my reason"));
    let newer = world.link("Approval Needed", "review").await;
    assert_ne!(newer, review, "approved anew");

    let twice = anna.post(&again, &form).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(twice.says("Go to request ") && twice.says("my reason</textarea>"));
    let open = anna.post(&format!("{new}/again"), &form).await;
    assert_eq!(open.location(), new, "an open one is led to");

    world.escrow.break_down(Some(EscrowFault::Unavailable));
    let silent = anna.post(&again, &form).await;
    assert_eq!(silent.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        silent.says("Clavis cannot look this up right now") && silent.says("my reason</textarea>")
    );
}

#[tokio::test]
async fn what_somebody_else_wrote_is_not_sent_once_more_in_ones_own_name() {
    let world = World::new();
    let request = made_by_ben(&world).await;
    let ben = ben();
    let withdraw = world.broker.withdraw(&ben, &request.reference, None);
    withdraw.await.unwrap();
    let mut anna = world.signed_in("anna@example.com").await;
    let path = format!("/requests/{}", request.reference);
    let page = anna.get(&path).await;
    assert!(page.says("/requests/new?asset=") && !page.says("/again"));
    let form = [("form_token", page.form_token())];
    let before = world.store.picture();
    let answer = anna.post(&format!("{path}/again"), &form).await;
    assert_eq!(answer.location(), path);
    assert_eq!(world.store.picture(), before);
}

#[tokio::test]
async fn nobody_else_asks_again_or_learns_whether_there_was_anything() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    let mut boss = world.signed_in("boss@example.com").await;
    let token = boss.get("/").await.form_token();
    let before = world.store.picture();
    for path in [&*path, "/requests/XXX-XXXX"] {
        let form = [("form_token", token.as_str())];
        let answer = boss.post(&format!("{path}/again"), &form).await;
        assert_eq!(answer.location(), path);
        assert_eq!(boss.get(path).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(world.store.picture(), before);
}

/// A request that ben, an agent, made for anna, in place of the one that she made.
async fn made_by_ben(world: &World) -> Request {
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let id = PersonId("anna".to_owned());
    let mut request = world.broker.requests_of(&id).await.unwrap().remove(0);
    let withdraw = world
        .broker
        .withdraw(&request.beneficiary, &request.reference, None);
    withdraw.await.unwrap();
    world.clock.advance(SignedDuration::from_secs(1));
    request.id = RequestId(new_id(world.broker.now(), &CountingRandom::default()));
    request.reference = "K7Q-4MX2".parse().unwrap();
    request.requester = ben();
    let open = Write::Open(Box::new(request.clone()));
    world.store.commit(vec![open]).await.unwrap();
    request
}

fn ben() -> Party {
    person("ben", "Ben Cole").party().unwrap()
}

#[tokio::test]
async fn an_agent_and_who_gets_the_key_read_who_asked_for_whom() {
    let world = world(Rule::manager_else(Vec::new()));
    let request = made_by_ben(&world).await;
    let path = format!("/requests/{}", request.reference);
    for (mail, next) in [
        ("anna@example.com", "You get a mail"),
        ("ben@example.com", "You and Anna"),
    ] {
        let mut browser = world.signed_in(mail).await;
        let page = browser.get(&path).await;
        assert!(
            page.says("<dt>Who asked</dt><dd>Ben Cole</dd>"),
            "{}",
            page.body
        );
        assert!(page.says("Who gets the key") && page.says(next));
    }
    let mut ben = world.signed_in("ben@example.com").await;
    assert!(ben.get("/").await.says(", for Anna"));
}

#[tokio::test]
async fn a_broken_glass_is_marked_and_its_reason_stands_on_the_page() {
    let world = world(Rule::manager_else(Vec::new()));
    let request = made_by_ben(&world).await;
    let reference = &request.reference;
    let stored = world
        .store
        .request_by_reference(reference)
        .await
        .unwrap()
        .unwrap();
    let broken = State::Approved {
        approval: Approval::BrokenGlass {
            who: ben(),
            at: world.broker.now(),
            reason: Reason::parse("The plane leaves <script>alert(1)</script>").unwrap(),
        },
        deliver_by: world.broker.now() + request.terms.deliver_within,
    };
    let advance = Write::Advance {
        request: request.id,
        expected: stored.version,
        next: Box::new(broken),
    };
    world.store.commit(vec![advance]).await.unwrap();
    let mut anna = world.signed_in("anna@example.com").await;
    let page = anna.get(&format!("/requests/{reference}")).await;
    assert!(page.says(
        "Ben Cole released the key on Monday, 23 November 2026, 10:00 CET, without an approval."
    ));
    assert!(page.says("Released") && page.says("The plane leaves"));
}
