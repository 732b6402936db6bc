//! Signing in by a proxy's word, and out everywhere.

use serde_json::json;

use super::chromium::{Chromium, in_chromium};
use crate::sign_in::by_proxy::{HEADER, installation};
use crate::sign_in::visitor::Visitor;

#[test]
fn signing_in_by_a_proxys_word_and_out_everywhere() {
    in_chromium(in_and_out);
}

async fn in_and_out(browser: &Chromium) {
    let clavis = installation("127.0.0.1");
    let daemon = clavis.start();
    browser.open(&format!("{}/sign-in", daemon.url)).await;
    browser.look("sign-in-without-any-way").await;

    browser.devtools("Network.enable", &json!({}));
    browser.devtools(
        "Network.setExtraHTTPHeaders",
        &json!({ "headers": { HEADER: "aberg" } }),
    );
    browser.open(&format!("{}/requests/new", daemon.url)).await;
    browser.find(".providers button").await;
    browser.look("sign-in-by-proxy").await;
    browser.press(".providers button", "/requests/new").await;
    assert_eq!(browser.text("header .who").await, "Anna Berg");
    browser.look("signed-in-by-proxy").await;

    let mut other = Visitor::new(&daemon);
    other.send(HEADER, &["aberg"]);
    other.post("/sign-in/proxy", &[("form_token", "")]);
    assert!(other.is_signed_in());
    let everywhere = "header button[formaction]";
    assert_eq!(browser.text(everywhere).await, "Sign out everywhere");
    browser.press(everywhere, "/sign-in").await;
    browser.find(".providers button").await;
    assert!(!other.is_signed_in());
}
