//! The desk: finding, asking for somebody, the queue, and what agents can do about a request.

use axum::http::StatusCode;
use clavis_broker::letters::Mail;
use clavis_broker::people::{Person, PersonId};
use clavis_broker::policy::{Escalation, Policy, Rule};
use clavis_broker::ports::{EscrowFault, GroupName, LogQuery};
use clavis_broker::testing::MailTrouble;
use clavis_broker::testing::sample::terms;
use jiff::SignedDuration;

use crate::testing::{Answer, Browser, LAPTOP, REASON, World, person};

const AGENT: &str = "agents@example.com";
const WHY: &str = "The surgeon <script>alert(5)</script> needs the images.";

impl World {
    async fn agent(&self) -> Browser {
        self.signed_in(AGENT).await
    }

    /// An agent who may break the glass as well.
    async fn breaker(&self) -> Browser {
        let agent = PersonId("agents".to_owned());
        self.directory.set_group("break_glass", vec![agent]);
        self.agent().await
    }

    async fn settle(&self) {
        while self.broker.tend_once().await.unwrap() > 0 {}
    }

    /// The agent asks for anna; gives the path of the request at the desk.
    async fn ask_for_anna(&self, agent: &mut Browser) -> String {
        let made = ask(agent, "anna", &[("asset", LAPTOP), ("reason", REASON)]).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
        self.settle().await;
        made.location()
    }

    async fn events(&self) -> Vec<String> {
        let everything = LogQuery {
            limit: usize::MAX,
            ..LogQuery::default()
        };
        let rows = self.broker.store().log(&everything).await.unwrap();
        rows.iter()
            .map(|row| row.entry.event.name().to_owned())
            .collect()
    }

    async fn decide(&self, choice: &str) {
        let review = self.link("Approval Needed", "review").await;
        let mut boss = self.browser();
        let token = boss.get(&review).await.form_token();
        let fields = [("form_token", token.as_str()), ("choice", choice)];
        boss.post(&review, &fields).await;
        self.settle().await;
    }

    /// How often a mail of this subject was sent to this address.
    fn sent(&self, subject: &str, to: &str) -> usize {
        let mails = self.mails().into_iter();
        let fits = |mail: &Mail| mail.subject.starts_with(subject) && mail.to.as_str() == to;
        mails.filter(fits).count()
    }
}

async fn ask(agent: &mut Browser, whom: &str, fields: &[(&str, &str)]) -> Answer {
    let form = agent.get(&format!("/desk/new?for={whom}")).await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.body);
    let token = form.form_token();
    let fields: Vec<_> = [("form_token", token.as_str()), ("for", whom)]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    agent.post("/desk/new", &fields).await
}

/// Presses a button of a page without any fields.
async fn press(browser: &mut Browser, page: &str, button: &str) -> Answer {
    let token = browser.get(page).await.form_token();
    let path = format!("{page}/{button}");
    browser.post(&path, &[("form_token", token)]).await
}

/// A world in which a group is asked as well after a day.
fn with_last_resort() -> World {
    let rule = Rule {
        escalation: Escalation {
            last_resort: Some((
                SignedDuration::from_hours(24),
                GroupName("auditors".to_owned()),
            )),
            ..Escalation::default()
        },
        ..Rule::manager_else(Vec::new())
    };
    World::with(|parts| parts.policy = Policy::new(Vec::new(), rule))
}

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
async fn the_queue_shows_what_is_under_way_and_what_is_stuck() {
    let world = World::new();
    let mut agent = world.agent().await;
    assert!(agent.get("/desk").await.says("There are none."));
    let path = world.ask_for_anna(&mut agent).await;
    let queue = agent.get("/desk").await;
    assert!(queue.says("1 under way, 0 of them stuck.") && queue.says(&path));
    assert!(queue.says("asked for by agents") && queue.says("Waiting for approval"));
    assert!(queue.says("It has waited for a decision since Monday, 23 November 2026, 10:00 CET."));
    assert!(!agent.get("/desk?stuck=1").await.says(&path));

    let mut boss = world.signed_in("boss@example.com").await;
    world.mailer.break_down(Some(MailTrouble::Transient));
    let fields = [
        ("asset", "TWIN"),
        ("reason", "x"),
        ("device", "test/two"),
        ("device_for", "TWIN"),
    ];
    let made = ask(&mut agent, "anna", &fields).await;
    world.settle().await;
    let second = made.location();
    let queue = agent.get("/desk").await;
    assert!(queue.says("2 under way, 1 of them stuck."));
    assert!(
        queue.says("The mail that asks Boss &#60;img src=x&#62; to decide was not taken (1 try).")
    );
    let (at_first, at_second) = (queue.body.find(&path), queue.body.find(&second));
    assert!(at_second < at_first, "what is stuck comes first");
    let stuck = agent.get("/desk?stuck=1").await;
    assert!(stuck.says(&second) && !stuck.says(&path) && stuck.says("Show all"));
    assert!(agent.get(&second).await.says("class=\"stuck\""));
    assert_eq!(boss.get("/desk").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_next_approvers_are_asked_by_a_button_as_long_as_there_are_any() {
    let world = with_last_resort();
    let mut agent = world.agent().await;
    let path = world.ask_for_anna(&mut agent).await;
    assert!(agent.get(&path).await.says("Ask the next approvers now"));
    let pressed = press(&mut agent, &path, "call").await;
    assert_eq!(pressed.location(), path);
    world.settle().await;
    assert_eq!(world.sent("Approval Needed", "auditors@example.com"), 1);
    let page = agent.get(&path).await;
    assert!(page.says("asked the group of last resort as well"));
    assert!(!page.says("Ask the next approvers now"));
    let again = press(&mut agent, &path, "call").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.says("There is nobody left to ask.") && again.says("Nothing has changed"));
    let last = world.events().await.pop();
    assert_eq!(last.as_deref(), Some("command.refused"));
}

#[tokio::test]
async fn the_key_link_is_sent_anew_and_the_one_before_ends() {
    let world = World::new();
    let mut agent = world.agent().await;
    let path = world.ask_for_anna(&mut agent).await;
    assert!(!agent.get(&path).await.says("Send the key link again"));
    let early = press(&mut agent, &path, "link").await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.says("There is no key link yet"));
    world.decide("approve").await;
    let old = world.link("Your Secure Key Link", "key").await;
    let page = agent.get(&path).await;
    assert!(page.says("Send the key link again") && page.says("The link before ends."));
    assert!(page.says("The key link is unopened."));
    let pressed = press(&mut agent, &path, "link").await;
    assert_eq!(pressed.location(), path);
    world.settle().await;
    assert_eq!(world.sent("Your Secure Key Link", "anna@example.com"), 2);
    assert_eq!(agent.get(&old).await.status, StatusCode::GONE);
    let new = world.link("Your Secure Key Link", "key").await;
    assert_eq!(agent.get(&new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_is_stopped_or_taken_back_by_whoever_asked() {
    let world = World::new();
    let mut agent = world.agent().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let own = world.ask(&mut anna).await;
    let path = format!("/desk{own}");
    let page = agent.get(&path).await;
    assert!(page.says("Stop this request") && !page.says("Withdraw"));
    assert_eq!(press(&mut agent, &path, "stop").await.location(), path);
    let page = agent.get(&path).await;
    assert!(page.says("Stopped") && page.says("/desk/new?for=anna"));
    assert!(!page.says("Stop this request"));
    let again = press(&mut agent, &path, "stop").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.says("The request is over."));

    let path = world.ask_for_anna(&mut agent).await;
    let own = path.strip_prefix("/desk").unwrap();
    let page = agent.get(&path).await;
    assert!(page.says(&format!("action=\"{own}/withdraw\"")));
    let fields = [("form_token", page.form_token())];
    let taken = agent.post(&format!("{own}/withdraw"), &fields).await;
    assert_eq!(taken.location(), own);
    assert!(agent.get(&path).await.says("Withdrawn"));
    assert_eq!(
        agent.get("/desk/requests/K7Q-4MX2").await.status,
        StatusCode::NOT_FOUND
    );
    let none = agent.post("/desk/requests/K7Q-4MX2/stop", &fields).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_request_that_lapsed_offers_nothing_but_to_ask_again() {
    let world = World::new();
    let mut agent = world.breaker().await;
    let path = world.ask_for_anna(&mut agent).await;
    world.clock.advance(terms().decide_within);
    let mut agent = world.agent().await;
    let page = agent.get(&path).await;
    for button in [
        "Stop this request",
        "Withdraw",
        "Release without",
        "next approvers",
    ] {
        assert!(!page.says(button), "{button}");
    }
    assert!(page.says("Lapsed") && page.says("/desk/new?for=anna"));
}

#[tokio::test]
async fn the_glass_is_broken_with_a_reason_and_knowingly() {
    let world = World::new();
    let mut agent = world.breaker().await;
    let path = world.ask_for_anna(&mut agent).await;
    let page = agent.get(&path).await;
    assert!(page.says("I know that everybody who was asked is told at once."));
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
    let agents_manager = PersonId("boss".to_owned());
    let agents = PersonId("agents".to_owned());
    world.directory.set_manager(&agents, Some(agents_manager));
    let own = world.ask(&mut agent).await;
    let path = format!("/desk{own}");
    let page = agent.get(&path).await;
    assert!(!page.says("Release without approval"));
    let fields = |token: String| {
        [
            ("form_token", token),
            ("reason", WHY.to_owned()),
            ("known", "yes".to_owned()),
        ]
    };
    let glass = format!("{path}/break-glass");
    let refused = agent.post(&glass, &fields(page.form_token())).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.says("the key would be yours"));

    let id = |name: &str| PersonId(name.to_owned());
    world
        .directory
        .set_group("break_glass", vec![id("break_glass")]);
    let mut breaker = world.signed_in("break_glass@example.com").await;
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

#[tokio::test]
async fn buttons_want_the_token_of_their_page() {
    let world = with_last_resort();
    let mut agent = world.breaker().await;
    let path = world.ask_for_anna(&mut agent).await;
    let mut boss = world.signed_in("boss@example.com").await;
    let of_another = boss.get("/").await.form_token();
    let before = world.store.picture();
    for button in ["call", "link", "stop", "break-glass"] {
        for token in ["", "x", &of_another] {
            let fields = [("form_token", token), ("reason", WHY), ("known", "yes")];
            let answer = agent.post(&format!("{path}/{button}"), &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{button}");
        }
    }
    let fields = [
        ("form_token", "x"),
        ("for", "anna"),
        ("asset", "TWIN"),
        ("reason", WHY),
    ];
    let answer = agent.post("/desk/new", &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(world.store.picture(), before);
}
