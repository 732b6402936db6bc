//! Who reaches what: every route, by every method, for every visitor.

use axum::http::{Method, StatusCode};
use clavis_broker::audit::Event;
use clavis_broker::ports::LogQuery;
use clavis_broker::roles::Role;

use super::frame::filled_in;
use crate::routes::{Reach, table};
use crate::testing::{Answer, Browser, World};

/// Who may reach a route, once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    ToAll,
    ToEmployees,
    To(&'static [Role]),
    /// To nobody who comes with a browser.
    ToPrograms,
}

use Open::{To, ToAll, ToEmployees, ToPrograms};

/// What the table has to say. Assets are open to all, and not listed.
const EXPECTED: [(&str, &str, Open); 46] = [
    ("/", "GET", ToEmployees),
    ("/sign-in", "GET POST", ToAll),
    ("/sign-in/code", "GET POST", ToAll),
    ("/sign-in/proxy", "POST", ToAll),
    ("/sign-in/with/{provider}", "POST", ToAll),
    ("/sign-in/from/{provider}", "GET", ToAll),
    ("/sign-out", "POST", ToEmployees),
    ("/sign-out/everywhere", "POST", ToEmployees),
    ("/requests/new", "GET POST", ToEmployees),
    ("/requests/{reference}", "GET", ToEmployees),
    ("/requests/{reference}/withdraw", "POST", ToEmployees),
    ("/requests/{reference}/again", "POST", ToEmployees),
    ("/requests/{reference}/pick-up", "POST", ToEmployees),
    ("/away", "GET POST", ToEmployees),
    ("/away/end", "POST", ToEmployees),
    ("/reviews/{reference}", "GET POST", ToEmployees),
    ("/review/{token}", "GET POST", ToAll),
    ("/key/{token}", "GET POST", ToAll),
    ("/desk", "GET", To(&[Role::Agent])),
    ("/desk/search", "GET", To(&[Role::Agent])),
    ("/desk/people/{person}", "GET", To(&[Role::Agent])),
    ("/desk/new", "GET POST", To(&[Role::Agent])),
    ("/desk/requests/{reference}", "GET", To(&[Role::Agent])),
    (
        "/desk/requests/{reference}/call",
        "POST",
        To(&[Role::Agent]),
    ),
    (
        "/desk/requests/{reference}/link",
        "POST",
        To(&[Role::Agent]),
    ),
    (
        "/desk/requests/{reference}/stop",
        "POST",
        To(&[Role::Agent]),
    ),
    (
        "/desk/requests/{reference}/again",
        "POST",
        To(&[Role::Agent]),
    ),
    (
        "/desk/requests/{reference}/break-glass",
        "POST",
        To(&[Role::BreakGlass]),
    ),
    ("/outbox", "GET", To(&[Role::Operator])),
    ("/outbox/retry", "POST", To(&[Role::Operator])),
    ("/audit", "GET", To(&[Role::Auditor])),
    ("/api/v1/openapi.json", "GET", ToAll),
    ("/api/v1/requests", "POST", ToPrograms),
    ("/api/v1/requests/{reference}", "GET", ToPrograms),
    ("/api/v1/requests/{reference}/withdraw", "POST", ToPrograms),
    ("/api/v1/requests/{reference}/decision", "POST", ToPrograms),
    ("/api/v1/events", "GET", ToPrograms),
    ("/hooks/{name}", "POST", ToPrograms),
    ("/help", "GET", ToAll),
    ("/healthz", "GET", ToAll),
    ("/readyz", "GET", ToAll),
    ("/robots.txt", "GET", ToAll),
    ("/audit/export.jsonl", "GET", To(&[Role::Auditor])),
    ("/audit/export.csv", "GET", To(&[Role::Auditor])),
    ("/audit/export.cef", "GET", To(&[Role::Auditor])),
    ("/audit/export.ocsf.jsonl", "GET", To(&[Role::Auditor])),
];

/// What a visitor meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meets {
    /// The page that is asked for, whatever it says to that.
    ThePage,
    TheSignIn,
    WrongMethod,
    /// A question for a token.
    AskedForAToken,
    /// What everybody meets where there is no page.
    Nothing,
}

const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::OPTIONS,
];

/// Somebody, and their role; the stranger is nobody.
struct Visitor {
    name: &'static str,
    is_signed_in: bool,
    role: Option<Role>,
    browser: Browser,
}

async fn visitors(world: &World) -> Vec<Visitor> {
    let mut visitors = vec![
        Visitor {
            name: "a stranger",
            is_signed_in: false,
            role: None,
            browser: world.browser(),
        },
        Visitor {
            name: "an employee",
            is_signed_in: true,
            role: None,
            browser: world.signed_in("anna@example.com").await,
        },
    ];
    for role in Role::ALL {
        let name = role.setting();
        visitors.push(Visitor {
            name,
            is_signed_in: true,
            role: Some(role),
            browser: world.signed_in(&format!("{name}@example.com")).await,
        });
    }
    visitors
}

fn expected(open: Open, is_taken: bool, visitor: &Visitor) -> Meets {
    let reached = if is_taken {
        Meets::ThePage
    } else {
        Meets::WrongMethod
    };
    match open {
        ToPrograms if is_taken => Meets::AskedForAToken,
        ToAll | ToPrograms => reached,
        ToEmployees if visitor.is_signed_in || !is_taken => reached,
        To(_) if !visitor.is_signed_in => Meets::TheSignIn,
        To(roles) if visitor.role.is_some_and(|role| roles.contains(&role)) => reached,
        To(_) => Meets::Nothing,
        ToEmployees => Meets::TheSignIn,
    }
}

/// Pages that say themselves that there is nothing, and one that itself leads to the sign-in, are
/// taken at their word where they are open.
fn met(answer: &Answer, open: Open) -> Meets {
    match answer.status {
        StatusCode::METHOD_NOT_ALLOWED => Meets::WrongMethod,
        StatusCode::UNAUTHORIZED => Meets::AskedForAToken,
        StatusCode::NOT_FOUND if matches!(open, To(_)) => Meets::Nothing,
        StatusCode::SEE_OTHER if open != ToAll && answer.location().starts_with("/sign-in?") => {
            Meets::TheSignIn
        }
        _ => Meets::ThePage,
    }
}

#[test]
fn the_table_is_as_expected() {
    let assets = |pattern: &str| pattern.starts_with("/assets/");
    let table: Vec<_> = table().into_iter().map(|route| route.rule).collect();
    let listed: Vec<_> = table
        .iter()
        .filter(|rule| !assets(&rule.pattern))
        .map(|rule| {
            let methods: Vec<_> = rule.methods.iter().map(Method::as_str).collect();
            let open = match rule.reach {
                Reach::Anybody | Reach::LinkHolder => ToAll,
                Reach::SignedIn => ToEmployees,
                Reach::Program(_) | Reach::Sender => ToPrograms,
                Reach::Only(roles) => To(roles),
            };
            (rule.pattern.as_ref(), methods.join(" "), open)
        })
        .collect();
    let expected = EXPECTED.map(|(pattern, methods, open)| (pattern, methods.to_owned(), open));
    assert_eq!(listed, expected);
    for rule in &table {
        let is_of_a_link = rule.pattern.contains("{token}");
        assert_eq!(is_of_a_link, rule.reach == Reach::LinkHolder);
        assert!(!assets(&rule.pattern) || rule.reach == Reach::Anybody);
    }
}

#[tokio::test]
async fn everybody_reaches_what_is_theirs_and_nothing_else() {
    let world = World::new();
    let nothing = world.browser().get("/nowhere").await.body;
    let mut anna = world.signed_in("anna@example.com").await;
    let request = world.ask(&mut anna).await;
    let reference = request.rsplit('/').next().unwrap();
    for mut visitor in visitors(&world).await {
        for (pattern, methods, open) in EXPECTED {
            for method in METHODS {
                let path = filled_in(pattern).replace("K7Q-4MX2", reference);
                let form = match method {
                    Method::POST => "form_token=x",
                    _ => "",
                };
                let sent = visitor
                    .browser
                    .send(method.clone(), &path, &[], form.to_owned());
                let answer = sent.await;
                let is_taken = match method {
                    // Whoever comes back from a provider has to bring something.
                    Method::HEAD => methods.contains("GET") && !pattern.contains("/from/"),
                    _ => methods.split(' ').any(|taken| taken == method.as_str()),
                };
                let what = format!("{method} {pattern} for {}: {}", visitor.name, answer.status);
                let meets = met(&answer, open);
                assert_eq!(meets, expected(open, is_taken, &visitor), "{what}");
                if meets == Meets::Nothing && method != Method::HEAD {
                    assert_eq!(answer.body, nothing, "{what}");
                }
                if meets == Meets::ThePage && matches!(open, To(_)) {
                    // A form without its token.
                    let is_refused = method == Method::POST && answer.status.is_client_error();
                    assert!(is_refused || answer.status == StatusCode::OK, "{what}");
                }
            }
        }
        let nowhere = visitor.browser.get("/nowhere").await;
        assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_refusal_names_the_route_and_who_it_was() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    anna.get("/audit/export.csv?person=boss").await;
    anna.get("/nowhere").await;
    anna.get("/requests/K7Q-4MX2").await;
    world.browser().get("/audit").await;
    let everything = LogQuery {
        limit: usize::MAX,
        ..LogQuery::default()
    };
    let rows = world.broker.store().log(&everything).await.unwrap();
    let refused: Vec<_> = rows
        .iter()
        .filter(|row| matches!(row.entry.event, Event::AccessRefused { .. }))
        .collect();
    let [only] = &refused[..] else {
        panic!("one row: {refused:?}");
    };
    let route = "/audit/export.csv".to_owned();
    assert_eq!(only.entry.event, Event::AccessRefused { route });
    assert!(only.entry.actor.label().contains("anna@example.com"));
}

#[tokio::test]
async fn a_stranger_comes_back_after_the_sign_in() {
    let world = World::new();
    let to_sign_in = world.browser().get("/audit?person=boss").await;
    assert_eq!(to_sign_in.status, StatusCode::SEE_OTHER);
    assert_eq!(
        to_sign_in.location(),
        "/sign-in?next=%2Faudit%3Fperson%3Dboss"
    );
}

#[tokio::test]
async fn the_navigation_shows_what_a_role_leads_to() {
    let world = World::new();
    for mut visitor in visitors(&world).await {
        for (path, role) in [
            ("/audit", Role::Auditor),
            ("/desk", Role::Agent),
            ("/outbox", Role::Operator),
        ] {
            let is_there = visitor.role == Some(role);
            for page in ["/", "/requests/new", "/nowhere"] {
                let shown = visitor.browser.get(page).await;
                let is_shown = shown.says(&format!("<a href=\"{path}\">"));
                // Errors are the same page for everybody.
                let expected = is_there && page != "/nowhere";
                assert_eq!(is_shown, expected, "{path} on {page} for {}", visitor.name);
            }
        }
    }
}

#[tokio::test]
async fn without_the_directory_no_role_holds_and_other_pages_do() {
    let world = World::new();
    let mut auditor = world.signed_in("auditors@example.com").await;
    world.directory.break_down(true);
    let home = auditor.get("/").await;
    assert_eq!(home.status, StatusCode::OK);
    assert!(!home.says("href=\"/audit\""));
    let refused = auditor.get("/audit").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!refused.says("SECRET-INTERNALS"));
}
