//! A request that a ticket of a service desk asked for, and the link of one whose ticket was changed.

use serde_json::json;

use super::ANNA;
use super::chromium::{Chromium, in_chromium};
use crate::harness::{Halo, Installation, Kind, decide};

const MARTIN: &str = "martin.vogt@example.com";

#[test]
fn a_ticket_is_named_wherever_its_request_is() {
    in_chromium(async |browser: &Chromium| {
        let clavis = Installation::new(&Kind::Files);
        let halo = Halo::new("LT-0042");
        halo.serve(&clavis, "");
        let daemon = clavis.start();
        let ticket = halo.raise(json!({ "loggedonbehalfby": "Dora at the desk" }));
        let letter = clavis.mails.wait(MARTIN, "Approval Needed", "");
        let review = letter.link("/review/");
        browser.open(&review).await;
        let page = browser.text("main").await;
        assert!(page.contains(&ticket.to_string()), "{page}");
        assert!(page.contains("Raised there by Dora at the desk"), "{page}");
        browser.look("review-of-ticket").await;

        browser.enter(&clavis, &daemon.url, ANNA).await;
        browser
            .find("a[href^='/requests/']:not([href*='/new'])")
            .await;
        browser
            .press(
                "main a[href^='/requests/']:not([href*='/new'])",
                "/requests/",
            )
            .await;
        let page = browser.text("main").await;
        assert!(page.contains(&ticket.to_string()), "{page}");
        browser.look("request-of-ticket").await;

        assert_eq!(decide(&review, "approve").status, 200);
        let link = clavis
            .mails
            .wait(ANNA, "Your Secure Key Link", "")
            .link("/key/");
        halo.change(&json!({ "webhook": null }));
        halo.edit(ticket, &json!({ "assets": [{ "id": 43 }] }));
        browser.open(&link).await;
        browser.press("main form button.primary", "/key/").await;
        let page = browser.text("main").await;
        assert!(page.contains("its ticket was closed or changed"), "{page}");
        browser.look("key-link-of-changed-ticket").await;
    });
}
