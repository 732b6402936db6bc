//! What the pages before a sign-in say of it: what it is for, and the ways that there are.

use clavis_broker::service::Parts;

use crate::testing::{World, site, site_behind_proxy};

#[tokio::test]
async fn the_sign_in_says_what_it_is_for() {
    let world = World::new();
    let laptop = "Is your laptop asking for a BitLocker recovery key?";
    for (next, lead) in [
        ("", laptop),
        ("/requests/new", laptop),
        ("/keyhole", laptop),
        ("https://evil.example/review/1", laptop),
        (
            "/review/0a?choice=approve",
            "Sign in to decide about a request.",
        ),
        ("/key/0a", "Sign in to open your key link."),
        ("/desk", "Sign in to go on."),
        ("/desk/search?q=anna", "Sign in to go on."),
        ("/audit?person=boss", "Sign in to go on."),
        ("/outbox", "Sign in to go on."),
        ("/away", "Sign in to go on."),
    ] {
        let page = world.browser().get(&format!("/sign-in?next={next}")).await;
        assert!(page.says(lead), "{next}: {}", page.body);
        assert_eq!(page.says(laptop), lead == laptop, "{next}");
    }
}

fn without_codes(parts: &mut Parts) {
    parts.sign_in.code_by_mail = false;
}

fn without_providers(parts: &mut Parts) {
    parts.providers = Vec::new();
}

#[tokio::test]
async fn the_help_tells_of_the_ways_to_sign_in_that_there_are() {
    const PROVIDER: &str = "sign in with Work &#60;img src=x&#62;";
    const PROXY: &str = "press “Continue as …”, which goes by your &#60;img src=x&#62; account";
    const CODE: &str =
        "type your work address. A code comes by mail; type it. There is no password";
    let here = || site("http://127.0.0.1:8080");
    for (world, way) in [
        (
            World::new(),
            format!("{PROVIDER}, or {CODE} for that.</li>"),
        ),
        (
            World::of(here(), without_providers),
            format!("{CODE}.</li>"),
        ),
        (
            World::of(here(), without_codes),
            format!("{PROVIDER}.</li>"),
        ),
        (
            World::of(site_behind_proxy(), |_| {}),
            format!("{PROXY}, or {PROVIDER}, or {CODE} for that.</li>"),
        ),
        (
            World::of(site_behind_proxy(), |parts| {
                without_codes(parts);
                without_providers(parts);
            }),
            format!("{PROXY}.</li>"),
        ),
    ] {
        let page = world.browser().get("/help").await;
        let way = format!("<a href=\"/\">Open the start page</a> and {way}");
        assert!(page.says(&way), "{way}\n{}", page.body);
        let has_letter = page.says("<b>Your Sign-In Code</b>");
        assert_eq!(has_letter, world.broker.sends_codes());
    }
}
