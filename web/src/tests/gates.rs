//! Links that need their owner to be signed in: the way there and back, and what others get.

use axum::http::StatusCode;
use clavis_broker::audit::Actor;
use clavis_broker::ports::{LogQuery, Store};
use clavis_broker::service::{Gates, KeyGate, ReviewGate};

use crate::testing::{Answer, Browser, KEY, LAPTOP, World};

fn world() -> World {
    let world = World::with(|parts| {
        parts.gates = Gates {
            review: ReviewGate::SignIn,
            key: KeyGate::SignIn,
        };
    });
    world.know(&[("ben", "Ben Cole")]);
    world
}

impl World {
    /// Types a code by mail on the way that begins at this sign-in page; gives where it leads to.
    async fn sign_in_at(&self, browser: &mut Browser, sign_in: &str, mail: &str) -> String {
        let page = browser.get(sign_in).await;
        let next = hidden(&page, "next");
        let fields = [("mail", mail), ("next", &next)];
        let sent = browser.post("/sign-in", &fields).await;
        let page = browser.get(&sent.location()).await;
        let letter = self.mail("Your Sign-In Code").await.text;
        let code = letter.lines().find_map(|line| line.strip_prefix("    "));
        let fields = [
            ("form_token", page.form_token()),
            ("next", hidden(&page, "next")),
            ("code", code.unwrap().to_owned()),
        ];
        browser.post("/sign-in/code", &fields).await.location()
    }

    /// Everything that the store holds, the log as well.
    async fn everything(&self) -> String {
        let query = LogQuery {
            limit: 1000,
            ..LogQuery::default()
        };
        let log = self.store.log(&query).await.unwrap();
        format!("{} {log:?}", self.store.picture())
    }

    /// The names and actors of the rows about a link.
    async fn rows(&self, event: &str) -> Vec<Actor> {
        let query = LogQuery {
            limit: 1000,
            ..LogQuery::default()
        };
        let rows = self.store.log(&query).await.unwrap().into_iter();
        let named = rows.filter(|row| row.entry.event.name() == event);
        named.map(|row| row.entry.actor).collect()
    }
}

/// The value of a hidden field.
fn hidden(page: &Answer, name: &str) -> String {
    let field = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.body.rsplit_once(&field).unwrap();
    rest.split_once('"').unwrap().0.replace("&#38;", "&")
}

fn token(link: &str) -> &str {
    link.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn an_approver_signs_in_by_mail_and_comes_back_to_the_review() {
    let world = world();
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let review = world.link_to("boss", "review").await;
    let mut boss = world.browser();
    let pressed = format!("{review}?choice=approve");
    let sent = boss.get(&pressed).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert!(sent.location().starts_with("/sign-in?next=%2Freview%2F"));
    assert!(!sent.says("my reason"));
    let sign_in = sent.location();
    let back = world.sign_in_at(&mut boss, &sign_in, "boss@example.com");
    assert_eq!(back.await, pressed);
    assert!(!world.everything().await.contains(token(&review)));

    let page = boss.get(&pressed).await;
    assert!(page.says("You pressed <b>Approve</b>") && page.says("Sign out"));
    let fields = [
        ("form_token", page.form_token()),
        ("choice", "approve".to_owned()),
    ];
    assert_eq!(boss.post(&review, &fields).await.location(), review);
    let by = world.rows("request.approved").await;
    assert!(matches!(&by[..], [Actor::Person(party)] if party.id.0 == "boss"));
}

#[tokio::test]
async fn an_approver_signs_in_at_a_provider_and_no_token_is_stored_or_sent_there() {
    let world = world();
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let review = world.link_to("boss", "review").await;
    let mut boss = world.browser();
    let pressed = format!("{review}?choice=decline");
    let sign_in = boss.get(&pressed).await.location();
    let answer = world.answer_to(&mut boss, &sign_in, "boss").await;
    assert_eq!(boss.cookies["clavis-link"], token(&review));
    assert!(!answer.contains(token(&review)));
    assert!(!world.everything().await.contains(token(&review)));
    let done = boss.get(&answer).await;
    assert_eq!(done.location(), pressed);
    assert_eq!(boss.cookies.keys().collect::<Vec<_>>(), ["clavis"]);
    assert!(boss.get(&pressed).await.says("You pressed <b>Decline</b>"));
    assert!(!world.everything().await.contains(token(&review)));

    // A browser that has lost the cookie is led home, signed in.
    let mut other = world.browser();
    let answer = world.answer_to(&mut other, &sign_in, "boss").await;
    other.cookies.remove("clavis-link");
    assert_eq!(other.get(&answer).await.location(), "/");
}

#[tokio::test]
async fn the_cookie_of_a_link_is_no_longer_than_the_sign_in_and_only_where_there_is_a_link() {
    let world = World::at("https://keys.example.com");
    let link = format!("/review/{}", "0a".repeat(32));
    let page = world.browser().get(&format!("/sign-in?next={link}")).await;
    let action = page
        .body
        .split("action=\"")
        .find(|it| it.starts_with("/sign-in/with/"));
    let action = action.unwrap().split('"').next().unwrap();
    let left = world.browser().post(action, &[("form_token", "")]).await;
    assert!(!left.says(token(&link)), "it is not for the provider");
    let cookies = left.headers.get_all("set-cookie").iter();
    let cookies: Vec<_> = cookies.map(|it| it.to_str().unwrap()).collect();
    let expected = format!(
        "__Host-clavis-link={}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600",
        token(&link)
    );
    assert_eq!(cookies[1], expected);

    let (without, _) = action.split_once('?').unwrap();
    let left = world.browser().post(without, &[("form_token", "")]).await;
    assert_eq!(left.headers.get_all("set-cookie").iter().count(), 1);
}

#[tokio::test]
async fn a_review_link_in_other_hands_shows_nothing_and_decides_nothing() {
    let world = world();
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    let review = world.link_to("boss", "review").await;
    let reference = path.strip_prefix("/requests/").unwrap();
    // Her own request, forwarded to her, and a colleague's that was forwarded to ben.
    for mail in ["anna@example.com", "ben@example.com"] {
        let mut eve = world.signed_in(mail).await;
        let own = eve.get("/").await.form_token();
        let fields = [("form_token", own.as_str()), ("choice", "approve")];
        for answer in [eve.get(&review).await, eve.post(&review, &fields).await] {
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
            assert!(answer.says("This link was mailed to somebody else"));
            assert!(answer.says("action=\"/sign-out\""));
            for hidden in ["my reason", "LT-42", reference, "Boss"] {
                assert!(!answer.says(hidden), "{hidden}:\n{}", answer.body);
            }
        }
    }
    assert!(anna.get(&path).await.says("Waiting for approval"));
    assert_eq!(world.rows("review.refused").await.len(), 4);
    assert!(
        anna.get(&path)
            .await
            .says("Ben Cole opened a review link that was mailed to")
    );
}

#[tokio::test]
async fn who_holds_a_link_cannot_have_its_owner_send_the_form() {
    let world = world();
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    let review = world.link_to("boss", "review").await;
    let derived = clavis_broker::tokens::PlainToken::parse(token(&review)).unwrap();
    let derived = derived.form_token().expose().to_owned();
    let mut boss = world.signed_in("boss@example.com").await;
    let fields = [("form_token", derived.as_str()), ("choice", "approve")];
    // An old browser, which says nothing of where the form comes from.
    let answer = boss
        .post_with(&review, &fields, &[("origin", "null")])
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.says("Please send the form again"));
    let nobody = world.browser().post(&review, &fields).await;
    assert!(nobody.location().starts_with("/sign-in?next="));
    assert!(anna.get(&path).await.says("Waiting for approval"));
}

#[tokio::test]
async fn a_key_link_opens_for_whom_it_is_for_and_nobody_else() {
    let world = world();
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let review = world.link_to("boss", "review").await;
    let mut boss = world.signed_in("boss@example.com").await;
    let page = boss.get(&review).await;
    let own = page.form_token();
    let fields = [("form_token", own.as_str()), ("choice", "approve")];
    boss.post(&review, &fields).await;
    let link = world.link_to("anna", "key").await;

    for answer in [boss.get(&link).await, boss.post(&link, &fields).await] {
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.says("This link was mailed to somebody else"));
        assert!(!answer.says("LT-42") && !answer.says("000011"));
    }
    let mut phone = world.browser();
    let sent = phone.get(&link).await;
    assert!(!sent.says(LAPTOP));
    let unsigned = phone.post(&link, &[("form_token", "")]).await;
    assert_eq!(unsigned.location(), sent.location());
    let sign_in = sent.location();
    let back = world.sign_in_at(&mut phone, &sign_in, "anna@example.com");
    assert_eq!(back.await, link);
    let landing = phone.get(&link).await;
    assert!(landing.says("opens once"));
    let form = [("form_token", landing.form_token())];
    let shown = phone.post(&link, &form).await;
    let first = KEY.split('-').next().unwrap();
    assert!(shown.says(first), "{}", shown.body);
    let by = world.rows("link.redeemed").await;
    assert!(matches!(&by[..], [Actor::Person(party)] if party.id.0 == "anna"));
    assert!(!world.everything().await.contains(token(&link)));
}

#[tokio::test]
async fn whoever_asked_decides_nothing_by_a_forwarded_link_also_where_the_link_is_enough() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let link = world.link("Approval Needed", "review").await;
    let page = anna.get(&link).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.says("somebody else has to decide") && !page.says("Sign out, then open"));
    let mut boss = world.browser();
    let token = boss.get(&link).await.form_token();
    let fields = [("form_token", token.as_str()), ("choice", "approve")];
    let decided = anna.post(&link, &fields).await;
    assert_eq!(decided.status, StatusCode::FORBIDDEN);
    assert_eq!(world.rows("review.refused").await.len(), 2);
    let decided = boss.post(&link, &fields).await;
    assert_eq!(decided.status, StatusCode::SEE_OTHER);
}
