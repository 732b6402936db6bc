//! What is needed beside a link: the sign-in on the way to a review link, the page of somebody else's,
//! and the pick-up code of a key link. All of it in another colour than the usual one.

use super::chromium::{Chromium, in_chromium};
use super::{ANNA, ASKED, KEY};
use crate::harness::{Installation, Kind};

const MARTIN: &str = "martin.vogt@example.com";
const SEND: &str = "main form.card button.primary";
const PICK_UP: &str = "form[action$='/pick-up'] button";
const WINE: &str = "rgb(138, 31, 75)";
const NO_CODE: &str = "AAAAA-AAAAA";

#[test]
fn gates_beside_the_links() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        clavis.change(
            "[support]",
            "colour = \"wine\"\n[gates]\nreview = \"sign_in\"\nkey = \"code\"\n[support]",
        );
        let daemon = clavis.start();
        browser.enter(&clavis, &daemon.url, ANNA).await;
        browser
            .open(&format!("{}/requests/new?asset=LT-0042", daemon.url))
            .await;
        assert_eq!(browser.ground_of(SEND).await, WINE);
        browser.type_into("#reason", ASKED).await;
        browser.press(SEND, "/requests/").await;
        browser.find(PICK_UP).await;
        browser.look("request-pick-up").await;
        let page = browser.address().await;
        let reference = browser.text("h1 .ref").await;

        let letter = clavis.mails.wait(MARTIN, "Approval Needed", &reference);
        let review = letter.link("/review/");
        browser.open(&review).await;
        let sign_out = "main form[action='/sign-out'] button";
        browser.find(sign_out).await;
        browser.look("review-somebody-elses").await;
        browser.press(sign_out, "/sign-in").await;
        browser.open(&review).await;
        browser.arrive("/sign-in").await;
        browser.look("sign-in-to-review").await;
        browser.sign_in(&clavis, MARTIN, "/review/").await;
        // Where a notice leads.
        let reviews = format!("{}/reviews/{reference}", daemon.url);
        browser.open(&reviews).await;
        browser.find("button[value=approve]").await;
        browser.look("review-by-reference").await;
        browser.open(&review).await;
        browser.press("button[value=approve]", "/review/").await;
        browser.find(".badge.good").await;

        let letter = clavis.mails.wait(ANNA, "Your Secure Key Link", &reference);
        browser
            .look_at(&clavis, &letter.html, "key-link-in-wine")
            .await;
        assert_eq!(browser.ground_of("td.main").await, WINE);
        let link = letter.link("/key/");
        browser.open(&link).await;
        browser.look("key-link-code").await;
        browser.type_code(NO_CODE).await;
        browser.find("#code-wrong").await;
        browser.look("key-link-no-code-made").await;

        browser.enter(&clavis, &daemon.url, ANNA).await;
        let pick_up = async || {
            browser.open(&page).await;
            browser.press(PICK_UP, "/pick-up").await;
            browser.text("code.digits").await
        };
        let first = pick_up().await;
        browser.look("pick-up").await;
        browser.press(PICK_UP, "/pick-up").await;
        browser.find("code.digits").await;
        browser.open(&link).await;
        browser.type_code(&first).await;
        browser.find("#code-wrong").await;
        browser.look("key-link-wrong-code").await;
        let focused = browser.eval("return document.activeElement.id").await;
        assert_eq!(focused, "code", "what is wrong is in view");
        let wrong = browser.text("#code-wrong").await;
        for _ in 0..5 {
            browser.type_code(NO_CODE).await;
        }
        assert_ne!(browser.text("#code-wrong").await, wrong);
        browser.look("key-link-too-many-codes").await;

        let code = pick_up().await;
        browser.open(&link).await;
        browser.type_code(&code.to_lowercase()).await;
        let key = browser.text("code.digits").await;
        assert_eq!(key.replace(char::is_whitespace, ""), KEY);
        browser.open(&page).await;
        browser.look("request-picked-up").await;
    });
}

impl Chromium {
    /// Types a pick-up code at a key link, and sends it.
    async fn type_code(&self, code: &str) {
        self.type_into("#code", code).await;
        self.press(SEND, "/key/").await;
    }

    /// The colour behind what a selector finds.
    async fn ground_of(&self, css: &str) -> String {
        let ground = self.find(css).await.css_value("background-color").await;
        let ground = ground.expect("a colour");
        let numbers = ground
            .trim_start_matches("rgba(")
            .trim_start_matches("rgb(");
        let numbers: Vec<_> = numbers.trim_end_matches(')').split(", ").take(3).collect();
        format!("rgb({})", numbers.join(", "))
    }
}
