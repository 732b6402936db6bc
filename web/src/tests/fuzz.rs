//! Any request, to every page there is.

use std::panic::AssertUnwindSafe;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use bolero::check;
use clavis_broker::testing::spelled;
use tower::ServiceExt;

use crate::routes::table;
use crate::testing::World;

#[test]
fn whatever_is_sent_there_is_an_answer_and_looking_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (world, cookie, token) = runtime.block_on(async {
        let world = World::new();
        let mut anna = world.signed_in("anna@example.com").await;
        let token = anna.get("/requests/new").await.form_token();
        let cookies = anna.cookies.iter();
        let cookie: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (world, cookie.join("; "), token)
    });
    let mut paths: Vec<_> = table()
        .into_iter()
        .map(|route| route.rule.pattern)
        .collect();
    paths.extend(OTHERS.iter().map(|piece| (*piece).into()));
    let session = format!("cookie: {cookie}\n");
    let form_token = format!("form_token={token}&");
    let mut pieces: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
    pieces.extend([session.as_str(), form_token.as_str(), session.as_str()]);
    // Where chance alone goes: a page, with a session, and a form.
    let begin = |bytes: &[u8]| {
        let place = |at: usize| usize::from(bytes.get(at).copied().unwrap_or_default());
        let path = &paths[place(0) % paths.len()];
        let head = if place(1) % 2 == 0 {
            session.as_str()
        } else {
            ""
        };
        let rest = spelled(bytes.get(2..).unwrap_or_default(), &pieces);
        format!(
            "{path}{}{head}{rest}",
            if place(1) < 128 { "\n" } else { "" }
        )
    };

    let (runtime, world) = (AssertUnwindSafe(runtime), AssertUnwindSafe(world));
    check!().for_each(|bytes: &[u8]| {
        let (runtime, world) = (&runtime, &world);
        let method = match bytes.last().copied().unwrap_or_default() % 4 {
            0 => Method::GET,
            1 => Method::HEAD,
            2 => Method::PUT,
            _ => Method::POST,
        };
        let changes = method == Method::POST;
        let text = begin(bytes);
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let (path, lines) = head.split_once('\n').unwrap_or((head, ""));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Body::from(body.to_owned())) else {
            return;
        };
        let before = (!changes).then(|| world.store.picture());
        let answer = runtime.block_on(async {
            let answer = world.app.clone().oneshot(request).await.unwrap();
            let (head, body) = answer.into_parts();
            (head, to_bytes(body, usize::MAX).await.unwrap())
        });
        assert!(
            !answer.0.status.is_server_error(),
            "{} {text:?}",
            answer.0.status
        );
        assert!(
            answer.0.headers.contains_key("content-security-policy"),
            "{text:?}"
        );
        assert!(
            !answer.1.windows(13).any(|it| it == b"<script>alert"),
            "{text:?}"
        );
        if let Some(before) = before {
            assert_eq!(world.store.picture(), before, "{text:?}");
        }
    });
}

/// What addresses, heads and forms are made of.
const OTHERS: &[&str] = &[
    "\n\n",
    "\n",
    "/",
    "?",
    "&",
    "=",
    "%",
    "%2F",
    "%00",
    "%ff",
    "%C3%A9",
    "+",
    "..",
    "K7Q-4MX2",
    "/key/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "content-type: application/x-www-form-urlencoded\n",
    "content-type: multipart/form-data; boundary=x\n",
    "sec-fetch-site: same-origin\n",
    "sec-fetch-site: cross-site\n",
    "origin: null\n",
    "x-forwarded-for: 10.0.0.5\n",
    "cookie: clavis=\"; clavis==;\n",
    "asset=LT-42",
    "reason=because",
    "mail=anna%40example.com",
    "code=7KQ2M-X9C4T",
    "choice=approve",
    "q=anna",
    "before=-1",
    "<script>alert(1)</script>",
];
