//! Being away: who stands in, until when, and what is wrong with the form.

use axum::http::StatusCode;

use crate::testing::{Browser, PHONE, World};

async fn say(browser: &mut Browser, by: &str, day: &str, time: &str) -> crate::testing::Answer {
    let token = browser.get("/away").await.form_token();
    let fields = [
        ("form_token", token.as_str()),
        ("by", by),
        ("day", day),
        ("time", time),
    ];
    browser.post("/away", &fields).await
}

#[tokio::test]
async fn somebody_says_who_stands_in_and_that_they_are_back() {
    let world = World::new();
    world.know(&[("ben", "Ben Cole")]);
    let mut boss = world.signed_in("boss@example.com").await;
    let page = boss.get("/away").await;
    assert!(page.says("Nobody stands in for you now.") && page.says("min=\"2026-11-23\""));
    assert!(page.says("In CET.") && page.says("value=\"23:59\""));

    let said = say(&mut boss, "ben@example.com", "2026-11-27", "").await;
    assert_eq!(said.location(), "/away");
    let until = "Friday, 27 November 2026, 23:59 CET";
    let page = boss.get("/away").await;
    assert!(page.says("Ben Cole stands in for you") && page.says(until));
    assert!(
        boss.get("/")
            .await
            .says("Ben Cole decides in your place until")
    );
    let told = world.mail("You Are Standing In for Boss").await;
    assert!(told.text.contains(until) && told.to.as_str() == "ben@example.com");
    let told = world.mail("Your Stand-In: Ben Cole").await;
    assert!(told.text.contains(until) && told.to.as_str() == "boss@example.com");

    let said = say(&mut boss, "anna@example.com", "2026-11-24", "18:00").await;
    assert_eq!(said.location(), "/away");
    let page = boss.get("/away").await;
    assert!(page.says("Tuesday, 24 November 2026, 18:00 CET") && !page.says("Ben Cole"));

    let back = [("form_token", page.form_token())];
    assert_eq!(boss.post("/away/end", &back).await.location(), "/away");
    assert!(
        boss.get("/away")
            .await
            .says("Nobody stands in for you now.")
    );
    let twice = boss.post("/away/end", &back).await;
    assert_eq!(twice.location(), "/away");
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_nothing_changes() {
    let world = World::new();
    let mut boss = world.signed_in("boss@example.com").await;
    let before = world.store.picture();
    let (anna, day) = ("anna@example.com", "2026-11-27");
    for (by, day, time, field, expected) in [
        ("", day, "", "by", "Please type their whole work address"),
        (
            "nobody@example.com",
            day,
            "",
            "by",
            "Nobody by that address can stand in.",
        ),
        ("boss@example.com", day, "", "by", "That is yourself."),
        (anna, "", "", "until", "Please choose a day"),
        (anna, "2026-13-01", "", "until", "Please choose a day"),
        (anna, day, "25:00", "until", "Please choose a time"),
        (
            anna,
            "2026-11-23",
            "09:59",
            "until",
            "That is over already.",
        ),
        (
            anna,
            "2027-11-23",
            "",
            "until",
            "That is more than three months off.",
        ),
        (anna, "9999-12-31", "", "until", "There is no such day."),
    ] {
        let answer = say(&mut boss, by, day, time).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{expected}"
        );
        let wrong = format!("id=\"{field}-wrong\" role=\"alert\">{expected}");
        assert!(answer.says(&wrong), "{expected}:\n{}", answer.body);
        assert!(answer.says(&format!("value=\"{by}\"")) && answer.says(PHONE));
    }
    assert_eq!(world.store.picture(), before);

    world.directory.break_down(true);
    let answer = say(&mut boss, anna, day, "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.says("Nothing has changed") && answer.says(anna));
    assert!(!answer.says("SECRET-INTERNALS"));
    assert_eq!(world.store.picture(), before);
}

#[tokio::test]
async fn one_has_to_be_signed_in() {
    let world = World::new();
    let mut nobody = world.browser();
    let sent = nobody.get("/away").await;
    assert_eq!(sent.location(), "/sign-in?next=%2Faway");
    for path in ["/away", "/away/end"] {
        let sent = nobody.post(path, &[("form_token", "")]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
    }
}
