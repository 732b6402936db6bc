//! What is refused, and how.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use jiff::SignedDuration;
use tower::ServiceExt;

use crate::app::surround;
use crate::testing::{LAPTOP, PHONE, REASON, World, site};

#[tokio::test]
async fn forms_from_elsewhere_change_nothing() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let token = anna.get("/requests/new").await.form_token();
    let fields = [
        ("form_token", token.as_str()),
        ("asset", LAPTOP),
        ("reason", REASON),
    ];
    let before = world.store.picture();
    let own = "http://127.0.0.1:8080";
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", own)][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "http://127.0.0.1:8081")],
    ] {
        for path in [
            "/requests/new",
            "/sign-in",
            "/sign-out",
            "/away",
            "/away/end",
        ] {
            let answer = anna.post_with(path, &fields, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
            assert!(answer.says("Nothing has changed"), "{}", answer.body);
        }
    }
    assert_eq!(world.store.picture(), before);
    for headers in [&[("origin", own)][..], &[("origin", "null")], &[]] {
        let answer = anna
            .post_with("/sign-in", &[("mail", "not one")], headers)
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let world = World::new();
    let link = world.approved().await;
    let review = world.link("Approval Needed", "review").await;
    let mut anna = world.signed_in("anna@example.com").await;
    anna.post("/sign-in", &[("mail", "anna@example.com")]).await;
    let of_another = anna.get(&link).await.form_token();
    let before = world.store.picture();
    for path in [
        "/requests/new",
        "/sign-out",
        &review,
        "/sign-in/code",
        "/requests/K7Q-4MX2/withdraw",
        "/requests/K7Q-4MX2/again",
        "/requests/K7Q-4MX2/pick-up",
        "/away",
        "/away/end",
    ] {
        for token in ["", "x", &of_another] {
            let fields = [
                ("form_token", token),
                ("asset", LAPTOP),
                ("choice", "approve"),
            ];
            let answer = anna.post(path, &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    let answer = anna
        .post(&link, &[("form_token", anna.cookies["clavis"].clone())])
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(world.store.picture(), before);
}

#[tokio::test]
async fn known_and_unknown_addresses_get_one_answer() {
    let world = World::new();
    let mut answers = Vec::new();
    for mail in ["anna@example.com", "nobody@example.com"] {
        let mut browser = world.browser();
        let sent = browser.post("/sign-in", &[("mail", mail)]).await;
        let page = browser.get(&sent.location()).await;
        let fields = [
            ("form_token", page.form_token()),
            ("code", "AAAAA-AAAAA".to_owned()),
        ];
        let wrong = browser.post("/sign-in/code", &fields).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let token = page.form_token();
        let wrong = wrong.body.replace(&token, "");
        answers.push((
            sent.status,
            sent.location(),
            page.body.replace(&token, ""),
            wrong,
        ));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn after_the_sign_in_one_comes_back_and_to_nowhere_else() {
    let world = World::new();
    for (next, expected) in [
        ("/requests/new?asset=LT+1", "/requests/new?asset=LT+1"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
    ] {
        let mut anna = world.browser();
        let sent = anna
            .post("/sign-in", &[("mail", "anna@example.com"), ("next", next)])
            .await;
        let page = anna.get(&sent.location()).await;
        let code = world.mail("Your Sign-In Code").await.text;
        let code = code
            .lines()
            .find_map(|line| line.strip_prefix("    "))
            .unwrap()
            .to_owned();
        let fields = [
            ("form_token", page.form_token()),
            ("code", code),
            ("next", next.to_owned()),
        ];
        let done = anna.post("/sign-in/code", &fields).await;
        assert_eq!(done.location(), expected);
    }
    let to_sign_in = world.browser().get("/requests/new?asset=LT+1").await;
    assert_eq!(to_sign_in.status, StatusCode::SEE_OTHER);
    assert_eq!(
        to_sign_in.location(),
        "/sign-in?next=%2Frequests%2Fnew%3Fasset%3DLT%2B1"
    );
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let kept = anna.cookies.clone();
    let token = anna.get("/").await.form_token();
    assert_eq!(
        anna.post("/sign-out", &[("form_token", token)])
            .await
            .location(),
        "/sign-in"
    );
    assert!(anna.cookies.is_empty());
    anna.cookies = kept;
    assert_eq!(anna.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_sent_too_late_comes_back_after_the_sign_in() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let token = anna.get("/requests/new").await.form_token();
    world.clock.advance(SignedDuration::from_hours(1));
    let before = world.store.picture();
    let fields = [
        ("form_token", token.as_str()),
        ("asset", "LT 7"),
        ("reason", REASON),
        ("key_id", "D5BFB251"),
    ];
    let answer = anna.post("/requests/new", &fields).await;
    assert_eq!(
        answer.location(),
        "/sign-in?next=%2Frequests%2Fnew%3Fasset%3DLT%2B7%26key_id%3DD5BFB251"
    );
    assert_eq!(world.store.picture(), before);
    let mut anna = world.signed_in("anna@example.com").await;
    let form = anna.get("/requests/new?asset=LT+7&key_id=D5BFB251").await;
    assert!(form.says("value=\"LT 7\"") && form.says("value=\"D5BFB251\""));
}

#[tokio::test]
async fn what_is_not_ones_own_is_not_found() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let path = world.ask(&mut anna).await;
    let mut boss = world.signed_in("boss@example.com").await;
    let stranger = "0".repeat(64);
    let review = world.link("Approval Needed", "review").await;
    let crossed = review.replace("/review/", "/key/");
    let mut bodies = Vec::new();
    for path in [
        &path,
        "/requests/XXX-XXXX",
        "/requests/x",
        "/nowhere",
        &format!("/key/{stranger}"),
        "/key/x",
        &format!("/review/{stranger}"),
        &crossed,
    ] {
        let answer = boss.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.says(PHONE));
        bodies.push(answer.body);
    }
    assert!(
        bodies.windows(2).all(|pair| pair[0] == pair[1]),
        "one and the same page"
    );
}

#[tokio::test]
async fn errors_have_pages_that_show_no_internals() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let wrong_method = anna.send(Method::PUT, "/help", &[], String::new()).await;
    assert_eq!(wrong_method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(wrong_method.says(PHONE) && wrong_method.header("allow").contains("GET"));
    let large = anna
        .post("/requests/new", &[("reason", "x".repeat(20_000))])
        .await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(large.says(PHONE));
    let own = [("sec-fetch-site", "same-origin")];
    let odd = anna
        .send(
            Method::POST,
            "/requests/new",
            &own,
            "%%%=&&asset=1&asset=2".to_owned(),
        )
        .await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);

    world.break_store();
    for path in ["/", "/requests/new", &format!("/key/{}", "0".repeat(64))] {
        let answer = anna.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(!answer.header("retry-after").is_empty() && answer.says(PHONE));
        assert!(!answer.says("SECRET-INTERNALS"));
    }
    assert_eq!(
        anna.get("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(anna.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(anna.get("/help").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_panic_has_a_page_too() {
    async fn fail() -> &'static str {
        panic!("SECRET-INTERNALS")
    }
    let app = surround(
        Router::new().route("/", get(fail)),
        site("https://keys.example.com"),
    );
    let request = axum::http::Request::get("/")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key("content-security-policy"));
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains(PHONE) && !body.contains("SECRET-INTERNALS"));
}

#[tokio::test]
async fn too_many_sign_ins_are_held_back() {
    let world = World::new();
    let mut browser = world.browser();
    for n in 0..30 {
        let somebody = format!("somebody{n}@example.com");
        let sent = browser.post("/sign-in", &[("mail", &somebody)]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
    }
    let held = browser
        .post("/sign-in", &[("mail", "nobody@example.com")])
        .await;
    assert_eq!(held.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(held.says(PHONE) && held.header("retry-after").parse::<u64>().unwrap() <= 60);
}

#[tokio::test]
async fn one_person_asks_for_many_keys_and_not_without_end() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let token = anna.get("/requests/new").await.form_token();
    let fields = |asset| {
        [
            ("form_token", token.as_str()),
            ("asset", asset),
            ("reason", "locked"),
        ]
    };
    // What was only mistyped does not count.
    let mistyped = anna.post("/requests/new", &fields("")).await;
    assert_eq!(mistyped.status, StatusCode::UNPROCESSABLE_ENTITY);
    for _ in 0..40 {
        let unknown = anna.post("/requests/new", &fields("NOWHERE")).await;
        assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let held = anna.post("/requests/new", &fields("NOWHERE")).await;
    assert_eq!(held.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(held.says("You have asked for many keys now") && held.says(PHONE));
    assert!(held.header("retry-after").parse::<u64>().unwrap() <= 60);
    let again = anna.post("/requests/K7Q-4MX2/again", &fields("")).await;
    assert_eq!(again.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn who_opens_many_links_that_are_none_has_to_wait_and_a_genuine_one_opens() {
    let world = World::new();
    let genuine = world.approved().await;
    let mut stranger = world.browser();
    for number in 0..20_u8 {
        let unknown = format!("/key/{}", "ab".repeat(31) + &format!("{number:02x}"));
        assert_eq!(stranger.get(&unknown).await.status, StatusCode::NOT_FOUND);
    }
    for kind in ["key", "review"] {
        let unknown = format!("/{kind}/{}", "f".repeat(64));
        let answer = stranger.get(&unknown).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{kind}");
        assert!(answer.says("Please wait a minute"));
    }
    assert_eq!(stranger.get(&genuine).await.status, StatusCode::OK);
}
