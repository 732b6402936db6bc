//! Signing in at an identity provider, and out again, with and without scripts. Clavis and the
//! provider are two sites here, as they are in life: cookies and policies of browsers tell them
//! apart.

use serde_json::{Value, json};

use super::chromium::{Chromium, in_chromium};
use crate::harness::{Cloud, Daemon, Installation, Kind};
use crate::sign_in::visitor::Visitor;
use crate::sign_in::{ENTRA, tenant};

#[test]
fn signing_in_at_a_provider() {
    in_chromium(async |browser| there_and_back(browser, "").await);
}

#[test]
fn signing_in_at_a_provider_without_scripts() {
    in_chromium(async |browser| {
        browser.devtools(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": true }),
        );
        there_and_back(browser, "noscript-").await;
    });
}

async fn there_and_back(browser: &Chromium, prefix: &str) {
    let look = async |name: &str| browser.look(&format!("{prefix}{name}")).await;
    let mut state = tenant();
    // A page asks who signs in.
    state["signsIn"] = Value::Null;
    let cloud = Cloud::with(state);
    let clavis = Installation::new(&Kind::Cloud(cloud.clone()));
    clavis.change(
        "public_url = \"http://127.0.0.1:",
        "public_url = \"http://localhost:",
    );
    clavis.let_sign_in_at(&cloud, ENTRA, "oid", "");
    let daemon = clavis.start();
    let site = daemon.url.replace("127.0.0.1", "localhost");

    browser
        .open(&format!("{site}/requests/new?asset=LT-0042"))
        .await;
    browser.find(".providers button").await;
    look("sign-in-providers").await;
    browser.press(".providers button", "/interaction/").await;
    browser.type_into("#user", "anna.berg@example.com").await;
    browser.press("#sign-in", "/requests/new").await;
    let asset = browser.find("#asset").await.prop("value").await;
    let asset = asset.expect("it has a value");
    assert_eq!(asset.as_deref(), Some("LT-0042"));
    assert_eq!(browser.text("header .who").await, "Anna Berg");

    browser.press("header form button", "/sign-out").await;
    browser.find("main a.primary").await;
    look("signed-out").await;
    browser.press("main a.primary", "/logout").await;
    browser.press("button[value=yes]", "/sign-in").await;
    browser.find(".providers button").await;
    // Who comes again is asked again.
    browser.press(".providers button", "/interaction/").await;

    browser.open(&format!("{site}/sign-in/from/entra-id")).await;
    look("sign-in-refused").await;
    look_at_the_page_between(browser, &daemon, &site, &format!("{prefix}sign-in-leave")).await;
}

/// The page that leads to the provider goes on by itself: it is looked at without what does that.
async fn look_at_the_page_between(browser: &Chromium, daemon: &Daemon, site: &str, name: &str) {
    let mut visitor = Visitor::new(daemon);
    let page = visitor.post("/sign-in/with/entra-id", &[("form_token", "")]);
    let (before, rest) = page
        .body
        .split_once("<meta http-equiv")
        .expect("it goes on");
    let (_, after) = rest.split_once('>').expect("a tag");
    browser.open(&format!("{site}/help")).await;
    let tree = browser.devtools("Page.getFrameTree", &json!({}));
    let frame = &tree["frameTree"]["frame"]["id"];
    let html = format!("{before}{after}");
    browser.devtools(
        "Page.setDocumentContent",
        &json!({ "frameId": frame, "html": html }),
    );
    browser.find("main a.primary").await;
    browser.look(name).await;
}
