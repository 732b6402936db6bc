//! What is true of every route: its headers, and that looking changes nothing.

use axum::http::{Method, StatusCode};
use clavis_broker::people::PersonId;

use crate::mailbox::{HTML, LIST, MAIL};
use crate::routes::table;
use crate::testing::{Answer, PROVIDER_SLUG, World};

/// Every route of the table and of the mailbox, filled in; tokens are those of nobody.
pub(super) fn routes() -> Vec<(String, String)> {
    let table = table().into_iter();
    let mut patterns: Vec<String> = table.map(|route| route.rule.pattern.into_owned()).collect();
    patterns.extend([LIST, MAIL, HTML, "/nowhere"].map(str::to_owned));
    assert!(patterns.len() > 20, "{patterns:?}");
    patterns
        .into_iter()
        .map(|pattern| {
            let path = filled_in(&pattern);
            (pattern, path)
        })
        .collect()
}

/// A path of a route.
pub(super) fn filled_in(pattern: &str) -> String {
    pattern
        .replace("{token}", &"0".repeat(64))
        .replace("{reference}", "K7Q-4MX2")
        .replace("{provider}", PROVIDER_SLUG)
        .replace("{person}", "anna")
        .replace("/desk/new", "/desk/new?for=anna")
        .replace("{number}", "0")
}

fn check_headers(route: &str, method: &Method, answer: &Answer) {
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'"),
        "{method} {route}: {policy}"
    );
    let is_frame = route == HTML && answer.status == StatusCode::OK;
    let framed_by = if is_frame {
        "frame-ancestors 'self'"
    } else {
        "frame-ancestors 'none'"
    };
    assert!(policy.contains(framed_by), "{method} {route}: {policy}");
    assert!(
        is_frame || !policy.contains("unsafe"),
        "{method} {route}: {policy}"
    );
    assert!(
        !policy.contains("http"),
        "nothing of third parties: {policy}"
    );
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-robots-tag", "noindex, nofollow, noarchive"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{method} {route}");
    }
    assert!(answer.headers.contains_key("permissions-policy"));
    let cache = answer.header("cache-control");
    if route.starts_with("/assets/") && (method == Method::GET || method == Method::HEAD) {
        assert!(cache.contains("immutable"), "{route}: {cache}");
    } else {
        assert_eq!(cache, "no-store", "{method} {route}");
    }
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let world = World::at("https://keys.example.com");
    let mut anna = world.signed_in("anna@example.com").await;
    for (route, path) in routes() {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::OPTIONS,
        ] {
            let answer = anna.send(method.clone(), &path, &[], String::new()).await;
            check_headers(&route, &method, &answer);
            assert_eq!(
                answer.header("strict-transport-security"),
                "max-age=31536000"
            );
        }
    }
    let plain = World::new().browser().get("/help").await;
    assert!(!plain.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn looking_changes_nothing() {
    let world = World::new();
    let key = world.approved().await;
    let review = world.link("Approval Needed", "review").await;
    let mut anna = world.signed_in("anna@example.com").await;
    let request = world.mail("Request Confirmation").await.text;
    let at = request.find("/requests/").unwrap();
    let request = request[at..].split_whitespace().next().unwrap().to_owned();
    let mut auditor = world.signed_in("auditors@example.com").await;
    let mut agent = world.signed_in("agents@example.com").await;
    let mut operator = world.signed_in("operators@example.com").await;
    let before = world.store.picture();
    let mut paths: Vec<_> = routes().into_iter().map(|(_, path)| path).collect();
    paths.extend([
        format!("{review}?choice=approve"),
        format!("{review}?choice=decline"),
        format!("{request}/withdraw"),
        format!("{key}?form_token=x"),
        "/audit?all=1".to_owned(),
        "/desk/search?q=anna".to_owned(),
        format!("/desk{request}"),
        format!("/desk{request}/stop"),
        request,
        review,
        key,
    ]);
    for path in &paths {
        for visitor in [&mut anna, &mut auditor, &mut agent, &mut operator] {
            for method in [Method::HEAD, Method::GET, Method::OPTIONS] {
                let answer = visitor.send(method.clone(), path, &[], String::new()).await;
                assert!(!answer.status.is_server_error(), "{method} {path}");
                assert!(
                    !answer.headers.contains_key("set-cookie"),
                    "{method} {path}"
                );
            }
        }
    }
    assert_eq!(world.store.picture(), before);
}

#[tokio::test]
async fn cookies_are_for_this_host_and_no_script() {
    for (url, session, sign_in, secure) in [
        (
            "https://keys.example.com",
            "__Host-clavis",
            "__Host-clavis-sign-in",
            "; Secure",
        ),
        ("http://127.0.0.1:8080", "clavis", "clavis-sign-in", ""),
    ] {
        let world = World::at(url);
        let mut anna = world.browser();
        let sent = anna.post("/sign-in", &[("mail", "anna@example.com")]).await;
        let cookie = sent.header("set-cookie");
        let expected = format!("; Path=/; HttpOnly; SameSite=Strict{secure}");
        assert!(
            cookie.starts_with(&format!("{sign_in}=")) && cookie.ends_with(&expected),
            "{cookie}"
        );
        let code = world.mail("Your Sign-In Code").await.text;
        let code = code
            .lines()
            .find_map(|line| line.strip_prefix("    "))
            .unwrap()
            .to_owned();
        let token = anna.get("/sign-in/code").await.form_token();
        let done = anna
            .post("/sign-in/code", &[("form_token", token), ("code", code)])
            .await;
        let cookies: Vec<_> = done
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|c| c.to_str().unwrap())
            .collect();
        let expected = format!("; Path=/; HttpOnly; SameSite=Lax{secure}");
        assert!(
            cookies[0].starts_with(&format!("{session}=")) && cookies[0].ends_with(&expected),
            "{cookies:?}"
        );
        assert!(
            cookies[1].starts_with(&format!("{sign_in}=;")) && cookies[1].ends_with("; Max-Age=0"),
            "{cookies:?}"
        );
        assert_eq!(anna.cookies.keys().collect::<Vec<_>>(), [session]);
    }
}

#[tokio::test]
async fn pages_are_whole_documents_with_labels() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let request = world.ask(&mut anna).await;
    // All of these roles are one person's.
    for group in ["agents", "operators", "break_glass"] {
        let everything = PersonId("auditors".to_owned());
        world.directory.set_group(group, vec![everything]);
    }
    let mut auditor = world.signed_in("auditors@example.com").await;
    for path in [
        "/desk",
        "/desk?stuck=1",
        "/desk/search",
        "/desk/search?q=anna",
        "/desk/search?q=TWIN",
        "/desk/people/anna",
        "/desk/new?for=anna",
        &format!("/desk{request}"),
        &request,
        "/outbox",
        "/",
        "/help",
        "/sign-in",
        "/requests/new",
        "/audit",
        "/audit?all=1",
        "/audit?from=x",
        "/nowhere",
        "/demo/mailbox",
        "/demo/mailbox/0",
    ] {
        let page = auditor.get(path).await;
        for part in [
            "<html lang=\"en\">",
            "class=\"skip\"",
            "<main id=\"main\"",
            "<h1>",
            "name=\"viewport\"",
            "</html>",
        ] {
            assert!(page.says(part), "{path} lacks {part}");
        }
        assert!(
            !page.says(" style=") && !page.says(" onclick"),
            "{path} has what its policy forbids"
        );
        for id in page
            .body
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
        {
            let count = page.body.matches(&format!(" id=\"{id}\"")).count();
            assert_eq!(count, 1, "{path}: {id}");
        }
    }
}

#[tokio::test]
async fn the_demo_mailbox_shows_mails_in_a_frame() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    assert!(anna.get("/demo/mailbox").await.says("/demo/mailbox/0"));
    let page = anna.get("/demo/mailbox/0").await;
    assert!(
        page.header("content-security-policy")
            .contains("frame-src 'self'")
    );
    assert!(page.says("sandbox=\"allow-popups allow-popups-to-escape-sandbox\""));
    assert!(
        anna.get("/demo/mailbox/0/html")
            .await
            .says("<base target=\"_blank\">")
    );
    assert_eq!(
        anna.get("/demo/mailbox/99").await.status,
        StatusCode::NOT_FOUND
    );
}
