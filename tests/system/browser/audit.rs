//! The auditor's page: the form, what is found, a row that was opened, and what is typed wrongly.

use super::chromium::{Chromium, in_chromium};
use crate::harness::{Daemon, Installation, Kind, ask, sign_in};

const SIMON: &str = "simon.adler@example.com";
const SEND: &str = "main form.card button.primary";

#[test]
fn searching_the_log() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        clavis.change("[server]", "[roles]\nauditors = [\"Security\"]\n[server]");
        let daemon = clavis.start();
        let anna = sign_in(&daemon, &clavis.mails, super::ANNA);
        let reference = ask(&anna, "LT-0042", super::ASKED);
        enter(browser, &clavis, &daemon).await;
        browser.press("nav a[href='/audit']", "/audit").await;
        browser.look("audit").await;

        browser.type_into("#request", &reference).await;
        browser.press(SEND, "/audit").await;
        let summary = browser.find("ol.log li:last-child summary").await;
        summary.click().await.expect("it opens");
        let row = browser.text("ol.log details[open]").await;
        assert!(row.contains("request.opened") && row.contains("Anna Berg <anna.berg@"));
        browser.look("audit-found").await;

        browser.type_into("#request", "12").await;
        browser.press(SEND, "/audit").await;
        browser.find("#request-wrong").await;
        browser.look("audit-wrong").await;

        browser.type_into("#request", "").await;
        browser.type_into("#person", "nobody at all").await;
        browser.press(SEND, "/audit").await;
        assert_eq!(browser.text("#rows").await, "Nothing was found");
        browser.look("audit-nothing").await;
    });
}

async fn enter(browser: &Chromium, clavis: &Installation, daemon: &Daemon) {
    browser.open(&daemon.url).await;
    browser.type_into("#mail", SIMON).await;
    browser.press(SEND, "/sign-in/code").await;
    let code = clavis.mails.wait(SIMON, "Your Sign-In Code", "").code();
    browser.type_into("#code", &code).await;
    browser.press(SEND, "/").await;
    browser.find("#devices").await;
}
