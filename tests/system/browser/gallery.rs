//! The pages that a straight journey does not pass, and the mails: each fits a phone, is dark
//! where that is preferred, and complains of nothing.

use serde_json::json;

use super::ANNA;
use super::chromium::{Chromium, in_chromium};
use crate::harness::cloud::{device, guid, user};
use crate::harness::{Daemon, Installation, Kind, ask, decide, key_link, redeem, sign_in};
use crate::hybrid::{any_expected, hybrid};

/// Selects the button that sends the form of a page.
const SEND: &str = "main form.card button.primary";

#[test]
fn what_is_typed_wrongly() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        let daemon = clavis.start();
        enter(browser, &clavis, &daemon).await;
        for (asset, reason, key_id, shown, name) in [
            ("", "", "12", "#asset-wrong", "ask-wrong"),
            (
                "LT-9999",
                "locked",
                "",
                "#asset-wrong",
                "ask-unknown-device",
            ),
            (
                "LT-0042",
                "locked",
                "00000000",
                "#key_id-wrong",
                "ask-wrong-key-id",
            ),
            ("LT-0007", "locked", "", "fieldset", "ask-which-device"),
            (
                "LT-0088",
                "locked",
                "",
                ".notice.bad",
                "ask-nothing-escrowed",
            ),
        ] {
            browser.open(&format!("{}/requests/new", daemon.url)).await;
            browser.type_into("#asset", asset).await;
            browser.type_into("#reason", reason).await;
            browser.type_into("#key_id", key_id).await;
            browser.press(SEND, "/requests/new").await;
            browser.find(shown).await;
            browser.look(name).await;
        }
        for (path, name) in [("/help", "help"), ("/nothing", "not-found")] {
            browser.open(&format!("{}{path}", daemon.url)).await;
            browser.look(name).await;
        }
    });
}

/// Signs in with Chromium, looking at what a mistyped address and a mistyped code lead to.
async fn enter(browser: &Chromium, clavis: &Installation, daemon: &Daemon) {
    browser.open(&daemon.url).await;
    browser.type_into("#mail", "anna").await;
    browser.press(SEND, "/sign-in").await;
    browser.find("#mail-wrong").await;
    browser.look("sign-in-wrong").await;
    browser.type_into("#mail", ANNA).await;
    browser.press(SEND, "/sign-in/code").await;
    let code = clavis.mails.wait(ANNA, "Your Sign-In Code", "").code();
    browser.type_into("#code", "AAAAA-AAAAA").await;
    browser.press(SEND, "/sign-in/code").await;
    browser.find("#code-wrong").await;
    browser.look("code-wrong").await;
    browser.type_into("#code", &code).await;
    browser.press(SEND, "/").await;
    browser.find("#devices").await;
}

#[test]
fn every_end_of_a_request_and_its_mails() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        let daemon = clavis.start();
        enter(browser, &clavis, &daemon).await;
        let mut anna = Asker {
            clavis: &clavis,
            browser: sign_in(&daemon, &clavis.mails, ANNA),
            requests: Vec::new(),
        };

        let declined = anna.asks("declined");
        let decided = browser.elsewhere(async || {
            browser
                .open(&format!("{}?choice=decline", anna.review(&declined)))
                .await;
            browser
                .type_into("#comment", "Please bring the laptop to me first.")
                .await;
            browser.look("review-decline-preselected").await;
            browser.press("button[value=decline]", "/review/").await;
            browser.find("h1 .ref").await;
            browser.look("review-declined").await;
        });
        decided.await;

        let withdrawn = anna.asks("withdrawn");
        let withdrawn_link = anna.key_link(&withdrawn);
        browser
            .open(&format!("{}/requests/{withdrawn}", daemon.url))
            .await;
        browser
            .find("summary")
            .await
            .click()
            .await
            .expect("it opens");
        browser.look("request-withdraw").await;
        browser.press("button.danger", "/requests/").await;
        browser.find(".badge.done").await;

        let stopped = anna.asks("stopped");
        let stopped_link = anna.key_link(&stopped);
        assert!(clavis.run(&["revoke", &stopped]).status.success());

        let retrieved = anna.asks("retrieved");
        let used_link = anna.key_link(&retrieved);
        assert_eq!(redeem(&used_link).status, 200);

        for (name, link) in [
            ("withdrawn", withdrawn_link),
            ("stopped", stopped_link),
            ("used", used_link),
        ] {
            browser.open(&link).await;
            browser.look(&format!("key-link-{name}")).await;
        }
        for (name, reference) in &anna.requests {
            browser
                .open(&format!("{}/requests/{reference}", daemon.url))
                .await;
            browser.look(&format!("request-{name}")).await;
        }
        browser.open(&daemon.url).await;
        browser.look("home").await;
        for subject in [
            "Key Retrieved",
            "Request Stopped",
            "Request Withdrawn",
            "Request Declined",
        ] {
            clavis.mails.wait("anna", subject, "");
        }
        mails(browser, &clavis).await;
    });
}

#[test]
fn a_key_that_cannot_be_had() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        let daemon = clavis.start();
        let lena = sign_in(&daemon, &clavis.mails, "lena.huber@example.com");
        let mut lena = Asker {
            clavis: &clavis,
            browser: lena,
            requests: Vec::new(),
        };
        let reference = ask(&lena.browser, "LT-0093", "locked");
        lena.requests.push(("damaged", reference.clone()));
        browser.open(&lena.key_link(&reference)).await;
        browser.press(SEND, "/key/").await;
        browser.find(".notice.good").await;
        browser.look("key-not-used").await;
    });
}

#[test]
fn a_machine_in_two_places() {
    in_chromium(async |browser| {
        let (clavis, cloud, _) = hybrid(Vec::new());
        clavis.change("[server]", "[rotation]\nafter = \"0s\"\n[server]");
        cloud.change(&json!({ "managedDevices": [{
            "azureADDeviceId": any_expected().device("LT-0001"), "deviceName": "LT-0001",
        }] }));
        let daemon = clavis.start();
        enter(browser, &clavis, &daemon).await;

        let (reference, link) = key_link(&clavis, &daemon, "LT-0001", "bert.boss");
        cloud.fail(&json!({ "match": "recoveryKeys", "status": 403 }));
        browser.open(&link).await;
        browser.press(SEND, "/key/").await;
        browser.look("key-not-used-where").await;
        cloud.mend();
        browser.press(SEND, "/key/").await;
        browser.find(".digits").await;
        browser.look("key-two-places").await;
        let letter = clavis
            .mails
            .wait("anna", "A New Key Is Being Made", &reference);
        browser
            .look_at(&clavis, &letter.html, "a-new-key-is-being-made")
            .await;
        browser
            .open(&format!("{}/requests/{reference}", daemon.url))
            .await;
        browser.look("request-rotated").await;

        cloud.fail(&json!({ "match": "/v1.0/", "status": 500 }));
        let anna = sign_in(&daemon, &clavis.mails, ANNA);
        let reference = ask(&anna, "LT-0001", "It wants a key since the update.");
        browser
            .open(&format!("{}/requests/{reference}", daemon.url))
            .await;
        browser.look("request-partial").await;
        let review = clavis
            .mails
            .wait("bert.boss", "Approval Needed", &reference);
        let approved = browser.elsewhere(async || {
            browser.open(&review.link("/review/")).await;
            browser.look("review-partial").await;
            browser.press("button[value=approve]", "/review/").await;
        });
        approved.await;
        let letter = clavis.mails.wait(ANNA, "Your Secure Key Link", &reference);
        browser.open(&letter.link("/key/")).await;
        browser.press(SEND, "/key/").await;
        browser.find(".digits").await;
        browser.look("key-partial").await;

        // In the tenant, the same machine has another name and another owner.
        cloud.mend();
        cloud.change(&json!({
            "users": [user(1, "ceo", "Clara Chief", None)],
            "devices": [device(any_expected().device("LT-0001"), "CEO-1", 1)],
        }));
        let reference = ask(&anna, "LT-0001", "It wants a key since the update.");
        let review = clavis
            .mails
            .wait("bert.boss", "Approval Needed", &reference);
        let looked_at = browser.elsewhere(async || {
            browser.open(&review.link("/review/")).await;
            let page = browser.find("main").await.text().await.expect("text");
            assert!(page.contains("Elsewhere it is called CEO-1"), "{page}");
            assert!(page.contains("Theirs, and somebody else’s too"), "{page}");
            browser.look("review-another-name").await;
        });
        looked_at.await;

        cloud.change(&json!({ "add": { "devices": [device(&guid(5), "LT-0001", 1)] } }));
        browser.open(&format!("{}/requests/new", daemon.url)).await;
        browser.type_into("#asset", "LT-0001").await;
        browser.type_into("#reason", "locked").await;
        browser.press(SEND, "/requests/new").await;
        browser.find("fieldset").await;
        browser.look("ask-which-machine").await;
    });
}

/// One mail of every kind and reader.
async fn mails(browser: &Chromium, clavis: &Installation) {
    let mut seen = std::collections::HashSet::new();
    for mail in clavis.mails.all() {
        let subject = mail.subject.split(':').next().expect("a subject");
        let reader = mail
            .to
            .split(['@', ' '])
            .next()
            .expect("a reader")
            .trim_matches(['"', '<']);
        let name = format!("{subject}-{reader}")
            .to_lowercase()
            .replace(' ', "-");
        if seen.insert(name.clone()) {
            browser.look_at(clavis, &mail.html, &name).await;
        }
    }
    assert!(seen.len() >= 12, "{seen:?}");
}

/// Somebody who asks over and over, and how that went.
struct Asker<'a> {
    clavis: &'a Installation,
    browser: crate::client::Browser,
    requests: Vec<(&'static str, String)>,
}

impl Asker<'_> {
    fn asks(&mut self, name: &'static str) -> String {
        let reference = ask(&self.browser, "LT-0042", "It wants a key since the update.");
        self.requests.push((name, reference.clone()));
        reference
    }

    fn review(&self, reference: &str) -> String {
        self.clavis
            .mails
            .wait("martin.vogt", "Approval Needed", reference)
            .link("/review/")
    }

    /// The key link, once the request is approved.
    fn key_link(&self, reference: &str) -> String {
        assert_eq!(decide(&self.review(reference), "approve").status, 200);
        self.clavis
            .mails
            .wait("@", "Your Secure Key Link", reference)
            .link("/key/")
    }
}
