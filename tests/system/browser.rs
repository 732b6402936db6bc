//! The pages in a real browser: a whole journey with clicks, without scripts, and by keyboard
//! alone. Every page on the way is looked at.

mod approvers;
mod audit;
mod by_proxy;
pub(crate) mod chromium;
mod desk;
mod gallery;
mod gates;
mod look;
mod passphrases;
mod provider;
mod tickets;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::json;

use crate::harness::{Daemon, Installation, Kind, until};
use chromium::{Chromium, in_chromium};

const ANNA: &str = "anna.berg@example.com";
const KEY: &str = "106458-145486-612051-391677-159665-076549-406472-493295";
const ASKED: &str = "It wants a key since the update.";

#[test]
fn a_journey_with_clicks() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        let daemon = clavis.start();
        journey(browser, &clavis, &daemon, "").await;

        let copy = "button[data-copies]";
        let says = browser.find("[role=status]").await;
        assert_eq!(says.text().await.unwrap(), "");
        browser.find(copy).await.click().await.unwrap();
        browser.until_it_says("[role=status]", "Copied").await;
        browser.look("key-copied").await;
        for (answer, said) in [
            (
                "Promise.reject()",
                "Not copied. Please select the key by hand.",
            ),
            ("new Promise(() => {})", ""),
        ] {
            browser
                .eval(&format!("navigator.clipboard.writeText = () => {answer}"))
                .await;
            browser.find(copy).await.click().await.unwrap();
            browser.until_it_says("[role=status]", said).await;
        }

        browser.open(&format!("{}/requests/new", daemon.url)).await;
        let field = browser.find("#reason").await;
        field
            .send_keys(&format!("{}v", char::from(Key::Control)))
            .await
            .unwrap();
        assert_eq!(
            field.prop("value").await.unwrap().as_deref(),
            Some(KEY),
            "what was copied"
        );
    });
}

#[test]
fn a_journey_without_scripts() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        let daemon = clavis.start();
        browser.devtools(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": true }),
        );
        journey(browser, &clavis, &daemon, "noscript-").await;

        let button = browser.find("button[data-copies]").await;
        assert!(
            !button.is_displayed().await.unwrap(),
            "a button that can do nothing is not shown"
        );
        assert_eq!(
            browser
                .find("code.digits")
                .await
                .css_value("user-select")
                .await
                .unwrap(),
            "all"
        );
    });
}

/// From the sign-in to the key page, each page looked at; it ends on the key page.
async fn journey(browser: &Chromium, clavis: &Installation, daemon: &Daemon, prefix: &str) {
    let look = async |name: &str| browser.look(&format!("{prefix}{name}")).await;
    browser.open(&daemon.url).await;
    look("sign-in").await;
    browser.type_into("#mail", ANNA).await;
    browser.press("main button.primary", "/sign-in/code").await;
    look("code").await;
    let code = clavis.mails.wait(ANNA, "Your Sign-In Code", "").code();
    browser.type_into("#code", &code).await;
    browser.press("main button.primary", "/").await;
    browser.find("#devices").await;
    look("home-empty").await;

    browser.press("a[href*='LT-0042']", "/requests/new").await;
    look("ask").await;
    browser.type_into("#reason", ASKED).await;
    browser.press("main button.primary", "/requests/").await;
    browser.find(".badge.waiting").await;
    look("request-pending").await;
    let reference = browser.text("h1 .ref").await;
    let page = browser.address().await;

    let mail = clavis
        .mails
        .wait("martin.vogt", "Approval Needed", &reference);
    let review = mail.link("/review/");
    let decided = browser.elsewhere(async || {
        browser.open(&format!("{review}?choice=approve")).await;
        look("review-preselected").await;
        browser.open(&review).await;
        look("review").await;
        browser
            .type_into("#comment", "Get well soon, laptop.")
            .await;
        browser.press("button[value=approve]", "/review/").await;
        browser.find("h1 .ref").await;
        look("review-decided").await;
    });
    decided.await;

    let mail = clavis
        .mails
        .wait("anna.berg", "Your Secure Key Link", &reference);
    browser.open(&page).await;
    look("request-link-sent").await;
    browser.open(&mail.link("/key/")).await;
    look("key-link").await;
    browser.press("main button.primary", "/key/").await;
    assert_eq!(
        browser
            .text("code.digits")
            .await
            .replace(char::is_whitespace, ""),
        KEY
    );
    look("key").await;
}

#[test]
fn the_keyboard_alone_will_do() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        let daemon = clavis.start();
        browser.open(&daemon.url).await;
        browser.keys(ANNA).await;
        browser
            .keys(&format!(
                "{}{}",
                char::from(Key::Tab),
                char::from(Key::Enter)
            ))
            .await;
        browser.arrive("/sign-in/code").await;
        browser.find("#code").await;
        let code = clavis.mails.wait(ANNA, "Your Sign-In Code", "").code();
        browser
            .keys(&format!("{code}{}", char::from(Key::Enter)))
            .await;
        browser.find("#devices").await;

        browser.tab_to("Skip to the content").await;
        browser.keys(&char::from(Key::Enter).to_string()).await;
        assert_eq!(
            browser.eval("return document.activeElement.id").await,
            "main"
        );
        browser.tab_to("Ask for the key of LT-0042").await;
        browser.keys(&char::from(Key::Enter).to_string()).await;
        browser.find("#reason").await;
        browser.tab_to("reason").await;
        browser.keys(ASKED).await;
        browser.tab_to("Send the request").await;
        browser.keys(&char::from(Key::Enter).to_string()).await;
        browser.find(".badge.waiting").await;
    });
}

impl Chromium {
    /// Signs in with a code by mail, whoever was signed in before.
    async fn enter(&self, clavis: &Installation, url: &str, who: &str) {
        self.devtools("Network.clearBrowserCookies", &json!({}));
        self.open(&format!("{url}/sign-in")).await;
        self.sign_in(clavis, who, "/").await;
        self.find("#devices").await;
    }

    /// The same from the page to sign in, and to the page that was wanted.
    async fn sign_in(&self, clavis: &Installation, who: &str, at: &str) {
        let codes = || clavis.mails.find(who, "Your Sign-In Code", "");
        let before = codes().len();
        self.type_into("#mail", who).await;
        self.press("#by-mail button", "/sign-in/code").await;
        let letter = until("the sign-in code", || codes().into_iter().nth(before));
        self.type_into("#code", &letter.code()).await;
        self.press("main button.primary", at).await;
    }

    /// Looks at a mail.
    async fn look_at(&self, clavis: &Installation, html: &str, name: &str) {
        let file = clavis.path().join("mail.html");
        std::fs::write(&file, html).expect("a file");
        self.open(&format!("file://{}", file.display())).await;
        self.look(&format!("mail-{name}")).await;
    }

    /// How many a selector finds.
    async fn count(&self, css: &str) -> u64 {
        let script = format!("return document.querySelectorAll(\"{css}\").length");
        self.eval(&script).await.as_u64().expect("a number")
    }

    async fn address(&self) -> String {
        let url = self.client.current_url().await;
        url.expect("it is somewhere").to_string()
    }

    async fn until_it_says(&self, css: &str, text: &str) {
        let begun = std::time::Instant::now();
        while self.text(css).await != text {
            assert!(
                begun.elapsed().as_secs() < 30,
                "{css} never said {text:?}, but {:?}",
                self.text(css).await
            );
        }
    }

    /// Presses keys, wherever the focus is.
    async fn keys(&self, text: &str) {
        let mut keys = KeyActions::new("keyboard".to_owned());
        for value in text.chars() {
            keys = keys
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.client
            .perform_actions(keys)
            .await
            .expect("the keys are pressed");
    }

    /// Presses Tab until the focus is on what has this text or this ID.
    async fn tab_to(&self, what: &str) {
        for _ in 0..30 {
            self.keys(&char::from(Key::Tab).to_string()).await;
            let focused =
                "const at = document.activeElement; return [at.id, at.textContent.trim()]";
            let focused = self.eval(focused).await;
            if focused[0] == what || focused[1] == what {
                return;
            }
        }
        panic!("no way leads to {what:?} by Tab");
    }
}
