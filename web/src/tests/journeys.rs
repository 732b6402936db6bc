//! The way to a key, and its branches.

use axum::http::StatusCode;
use clavis_broker::ports::EscrowFault;
use jiff::SignedDuration;

use crate::testing::{KEY, LAPTOP, PHONE, REASON, World};

#[tokio::test]
async fn from_the_sign_in_to_the_key() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let home = anna.get("/").await;
    assert!(home.says("Ask for the key") && home.says("You have not asked for a key yet."));

    let path = world.ask(&mut anna).await;
    let page = anna.get(&path).await;
    assert!(page.says("Waiting for approval") && page.says("Withdraw"));
    assert!(
        page.says("Thursday, 26 November 2026, 10:00 CET"),
        "{}",
        page.body
    );

    let review = world.link("Approval Needed", "review").await;
    let mut boss = world.browser();
    let page = boss.get(&format!("{review}?choice=decline")).await;
    assert!(page.says("my reason") && page.says("AAAA0001") && page.says("lists it as theirs"));
    assert!(page.says("You pressed <b>Decline</b> in the mail. Nothing is decided yet"));
    let fields = [
        ("form_token", page.form_token()),
        ("choice", "approve".to_owned()),
        ("comment", "Fine <script>alert(3)</script>".to_owned()),
    ];
    let decided = boss.post(&review, &fields).await;
    assert_eq!(decided.location(), review);
    assert!(
        boss.get(&review)
            .await
            .says("approved on Monday, 23 November 2026, 10:00 CET")
    );

    let link = world.link("Your Secure Key Link", "key").await;
    assert!(anna.get(&path).await.says("Fine &#60;script"));
    let landing = anna.get(&link).await;
    assert_eq!(landing.status, StatusCode::OK);
    assert!(landing.says("opens once") && landing.says("13:00 CET") && !landing.says("000011"));

    let shown = anna
        .post(&link, &[("form_token", landing.form_token())])
        .await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_eq!(shown.header("connection"), "close");
    for group in KEY.split('-') {
        assert!(
            shown.says(&format!("<span>{group}<i>-</i></span>"))
                || shown.says(&format!("<span>{group}</span>"))
        );
    }
    assert!(shown.says("<b>AAAA0001</b>") && shown.says("The checksum of group 3 is wrong"));
    assert!(!shown.says("720896"), "no digit of a damaged key");
    assert!(shown.says("Older keys, not shown") && shown.says("<b>CCCC0003</b>"));
    assert!(shown.says("role=\"status\"") && shown.says("translate=\"no\""));

    for again in [
        anna.get(&link).await,
        anna.post(&link, &[("form_token", landing.form_token())])
            .await,
    ] {
        assert_eq!(again.status, StatusCode::GONE);
        assert!(again.says("has been used") && !again.says("000011"));
    }
    assert!(anna.get(&path).await.says("Key retrieved"));
    world.mail("Key Retrieved").await;
    for mail in world.mails() {
        for secret in ["000011", "my reason", "Fine"] {
            assert!(
                !mail.text.contains(secret) && !mail.html.contains(secret),
                "{}",
                mail.subject
            );
        }
    }
}

#[tokio::test]
async fn a_fault_leaves_the_key_link_unused() {
    let world = World::new();
    let link = world.approved().await;
    let mut anna = world.browser();
    let token = anna.get(&link).await.form_token();
    world.escrow.break_down(Some(EscrowFault::Unavailable));
    let answer = anna.post(&link, &[("form_token", &token)]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());
    assert!(answer.says("Your link has not been used") && answer.says(PHONE));
    world.escrow.break_down(None);
    let answer = anna
        .post(&link, &[("form_token", answer.form_token())])
        .await;
    assert!(answer.says("000011"));
}

#[tokio::test]
async fn links_that_have_ended_say_how() {
    let world = World::new();
    let link = world.approved().await;
    let mut anna = world.browser();
    world.clock.advance(SignedDuration::from_hours(3));
    let late = anna.get(&link).await;
    assert_eq!(late.status, StatusCode::GONE);
    assert!(late.says("has expired") && late.says("13:00 CET") && late.says(PHONE));
    let ask_again = late.body.split("href=\"/requests/new?asset=LT-42").nth(1);
    assert!(ask_again.unwrap().starts_with("%22%3E%3Cimg+src%3Dx%3E"));
    world.mail("Link Expired").await;
    assert!(anna.get(&link).await.says("has expired"));

    let world = World::new();
    let link = world.approved().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let home = anna.get("/").await.body;
    let at = home
        .find("/requests/")
        .map(|_| home.rfind("href=\"/requests/").unwrap() + 6)
        .unwrap();
    let path = home[at..].split('"').next().unwrap().to_owned();
    let token = anna.get(&path).await.form_token();
    let answer = anna
        .post(&format!("{path}/withdraw"), &[("form_token", token)])
        .await;
    assert_eq!(answer.location(), path);
    let ended = anna.get(&link).await;
    assert_eq!(ended.status, StatusCode::GONE);
    let reference = path.strip_prefix("/requests/").unwrap();
    assert!(ended.says("was withdrawn") && ended.says(reference));
    assert!(anna.get(&path).await.says("Withdrawn"));
}

#[tokio::test]
async fn a_second_decision_is_told_that_it_came_too_late() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let review = world.link("Approval Needed", "review").await;
    let mut boss = world.browser();
    let token = boss.get(&review).await.form_token();
    boss.post(
        &review,
        &[("form_token", token.as_str()), ("choice", "decline")],
    )
    .await;
    let late = boss
        .post(
            &review,
            &[("form_token", token.as_str()), ("choice", "approve")],
        )
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.says("Your answer does not count") && late.says("Declined"));
}

#[tokio::test]
async fn the_form_says_what_is_wrong_and_keeps_what_was_typed() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let token = anna.get("/requests/new").await.form_token();
    let cases = [
        ("", REASON, "", "Please fill this in."),
        ("NOWHERE", REASON, "", "No device goes by that name"),
        ("EMPTY", REASON, "", "No recovery key is kept for EMPTY"),
        (LAPTOP, "", "", "Please fill this in."),
        (LAPTOP, REASON, "zz", "A key ID has the digits"),
        (LAPTOP, REASON, "DDDD0004", "has no recovery key of that ID"),
    ];
    for (asset, reason, key_id, expected) in cases {
        let fields = [
            ("form_token", token.as_str()),
            ("asset", asset),
            ("reason", reason),
            ("key_id", key_id),
        ];
        let answer = anna.post("/requests/new", &fields).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{expected}"
        );
        assert!(
            answer.says(expected) && answer.says(PHONE),
            "{expected}:\n{}",
            answer.body
        );
        assert!(
            reason.is_empty() || answer.says("my reason</textarea>"),
            "{}",
            answer.body
        );
        assert!(key_id.is_empty() || answer.says(&format!("value=\"{key_id}\"")));
    }
    world.ask(&mut anna).await;
    let fields = [
        ("form_token", token.as_str()),
        ("asset", LAPTOP),
        ("reason", REASON),
    ];
    let again = anna.post("/requests/new", &fields).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.says("Go to request "));
}

#[tokio::test]
async fn one_of_several_devices_is_chosen_by_hand() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let token = anna.get("/requests/new").await.form_token();
    let mut fields = vec![
        ("form_token", token.as_str()),
        ("asset", "TWIN"),
        ("reason", REASON),
    ];
    let which = anna.post("/requests/new", &fields).await;
    assert!(which.says("value=\"test/one\"") && which.says("value=\"test/two\""));
    assert!(which.says("The directory lists it as yours"));

    fields.extend([("device", "test/two"), ("device_for", "SOMETHING ELSE")]);
    let other_name = anna.post("/requests/new", &fields).await;
    assert!(
        other_name.says("Several devices go by that name"),
        "a choice for another name is void"
    );

    fields.pop();
    fields.push(("device_for", "TWIN"));
    let made = anna.post("/requests/new", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    assert!(anna.get(&made.location()).await.says("two&#60;img"));
}
