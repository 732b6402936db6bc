//! Who is away and who decides: a stand-in, several who must say yes, those who are asked when nobody
//! does, and a policy that nobody can be asked by.

use std::fs;

use super::chromium::{Chromium, in_chromium};
use super::{ANNA, ASKED};
use crate::harness::{Daemon, Installation, Kind};

const MARTIN: &str = "martin.vogt@example.com";
const SEND: &str = "main form.card button.primary";
const AGAIN: &str = "form[action$='/again'] button.primary";
const LONG: &str = "Maximiliane-Charlotte von Hohenstein-Schwarzenberg";
const SEVERAL: &str = "[approval]
ask = [[\"manager\", \"group:Security\"]]
needed = 2
remind_after = \"4h\"
alternates = [\"paula.stein@example.com\", \"clara.winter@example.com\"]
alternates_after = \"8h\"
last_resort = \"Night desk\"
last_resort_after = \"24h\"
";

#[test]
fn a_stand_in_and_two_who_must_say_yes() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        clavis.change("[approval]\n", SEVERAL);
        let people = clavis.path().join("people.toml");
        let text = fs::read_to_string(&people).expect("the people");
        fs::write(&people, text.replace("Simon Adler", LONG)).expect("the people");
        let daemon = clavis.start();
        browser.enter(&clavis, &daemon.url, MARTIN).await;
        leave(browser, &daemon).await;

        browser.enter(&clavis, &daemon.url, ANNA).await;
        browser
            .open(&format!("{}/requests/new?asset=LT-0042", daemon.url))
            .await;
        browser.type_into("#reason", ASKED).await;
        browser.press(SEND, "/requests/").await;
        browser.find(".badge.waiting").await;
        browser.look("request-several").await;
        let page = browser.address().await;
        let reference = browser.text("h1 .ref").await;
        let row = browser.text("[aria-labelledby=asked] li").await;
        assert!(row.contains("Martin Vogt"), "{row}");

        let review = async |who: &str, name: &str| {
            let letter = clavis.mails.wait(who, "Approval Needed", &reference);
            browser.look_at(&clavis, &letter.html, name).await;
            browser.open(&letter.link("/review/")).await;
            browser.look(&format!("review-{name}")).await;
        };
        let answered = browser.elsewhere(async || {
            review("lena.huber", "in-place").await;
            browser
                .type_into("#comment", "He told me that it would come.")
                .await;
            browser.press("button[value=approve]", "/review/").await;
            browser.find(".notice.good").await;
            browser.look("review-answered").await;
        });
        answered.await;
        browser.open(&page).await;
        assert_eq!(
            browser.count("[aria-labelledby=asked] .badge.good").await,
            2
        );
        browser.look("request-one-yes").await;

        let declined = browser.elsewhere(async || {
            review("simon.adler", "one-yes").await;
            browser.press("button[value=decline]", "/review/").await;
            browser.find(".badge.bad").await;
        });
        declined.await;
        browser.open(&page).await;
        browser.find(AGAIN).await;
        browser.look("request-ask-again").await;
        browser.press(AGAIN, "/requests/").await;
        browser.find(".badge.waiting").await;
        assert_ne!(browser.text("h1 .ref").await, reference);
    });
}

/// Martin says that Lena decides in his place, after some that cannot be.
async fn leave(browser: &Chromium, daemon: &Daemon) {
    browser.press("main a[href='/away']", "/away").await;
    browser.look("away").await;
    let set = "main form[action='/away'] button";
    browser.type_into("#by", "lena").await;
    browser.press(set, "/away").await;
    browser.find("#by-wrong").await;
    browser.find("#until-wrong").await;
    browser.look("away-wrong").await;
    for (by, shown, name) in [
        ("nobody@example.com", "#by-wrong", "away-unknown"),
        ("lena.huber@example.com", "section.card", "away-set"),
    ] {
        browser.open(&format!("{}/away", daemon.url)).await;
        browser.type_into("#by", by).await;
        browser
            .eval(
                "const day = document.getElementById('day'); \
                 day.valueAsNumber = Date.parse(day.min) + 2 * 864e5",
            )
            .await;
        browser.press(set, "/away").await;
        browser.find(shown).await;
        browser.look(name).await;
    }
    browser.open(&daemon.url).await;
    browser.look("home-away").await;
}

#[test]
fn a_policy_that_nobody_can_be_asked_by() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        clavis.change("[approval]\n", "[approval]\nask = [\"group:Nowhere\"]\n");
        let daemon = clavis.start();
        browser.enter(&clavis, &daemon.url, ANNA).await;
        browser
            .open(&format!("{}/requests/new?asset=LT-0042", daemon.url))
            .await;
        browser.type_into("#reason", ASKED).await;
        browser.press(SEND, "/requests/new").await;
        browser.find(".notice.bad").await;
        let kept = browser.find("#reason").await.prop("value").await;
        assert_eq!(kept.expect("it has a value").as_deref(), Some(ASKED));
        browser.look("ask-nobody-can-approve").await;
    });
}
