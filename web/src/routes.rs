//! The table of routes: every one of them, what it takes, and who may reach it. The router is made
//! of this table and of nothing else, and [`guard`] keeps to it before any page is asked.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::MethodRouter;
use clavis_broker::export::Format;
use clavis_broker::programs::Scope;
use clavis_broker::roles::{Role, Roles};
use clavis_broker::tokens::PlainToken;

use crate::app::App;
use crate::client::Source;
use crate::fault::{self, Fault};
use crate::sessions::SignedIn;
use crate::{api, assets, hooks, pages, probes};

use Reach::{Anybody, LinkHolder, Only, Program};

/// Who may reach a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everybody.
    Anybody,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever holds a link with a token of ours, signed in or not. Its page looks it up.
    LinkHolder,
    /// Whatever program sends a message that proves whose it is. Its handler looks.
    Sender,
    /// Whatever program has a token that is good for this. It is told in JSON what is wrong.
    Program(Scope),
    /// Whoever is signed in and has one of these roles. For others there is no such page.
    Only(&'static [Role]),
}

/// A route, what it takes, and who may reach it.
pub(crate) struct Route {
    pub(crate) rule: Rule,
    handlers: MethodRouter<App>,
}

/// What the table says of a route.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) pattern: Cow<'static, str>,
    pub(crate) methods: Vec<Method>,
    pub(crate) reach: Reach,
    /// Its page itself leads to the sign-in where a form was sent too late, so that what was typed
    /// is not lost. It has to ask who is signed in.
    pub(crate) keeps_forms: bool,
}

/// Every route.
pub(crate) fn table() -> Vec<Route> {
    let mut table = vec![
        route("/", Reach::SignedIn).get(pages::home::show),
        route("/sign-in", Anybody)
            .get(pages::sign_in::ask_address)
            .post(pages::sign_in::send_code),
        route("/sign-in/code", Anybody)
            .get(pages::sign_in::ask_code)
            .post(pages::sign_in::check_code),
        route("/sign-in/proxy", Anybody).post(pages::by_proxy::enter),
        route("/sign-in/with/{provider}", Anybody).post(pages::provider::leave),
        route("/sign-in/from/{provider}", Anybody)
            .get(pages::provider::come_back)
            .not_head(pages::provider::only_by_get),
        route("/sign-out", Reach::SignedIn).post(pages::sign_out::here),
        route("/sign-out/everywhere", Reach::SignedIn).post(pages::sign_out::everywhere),
        route("/requests/new", Reach::SignedIn)
            .get(pages::ask::form)
            .post(pages::ask::ask)
            .keeping_forms(),
        route("/requests/{reference}", Reach::SignedIn).get(pages::request::show),
        route("/requests/{reference}/withdraw", Reach::SignedIn).post(pages::request::withdraw),
        route("/requests/{reference}/again", Reach::SignedIn).post(pages::request::again),
        route("/requests/{reference}/pick-up", Reach::SignedIn).post(pages::request::pick_up),
        route("/away", Reach::SignedIn)
            .get(pages::away::show)
            .post(pages::away::leave),
        route("/away/end", Reach::SignedIn).post(pages::away::end),
        route("/reviews/{reference}", Reach::SignedIn)
            .get(pages::reviews::show)
            .post(pages::reviews::decide),
        route("/review/{token}", LinkHolder)
            .get(pages::review::show)
            .post(pages::review::decide),
        route("/key/{token}", LinkHolder)
            .get(pages::key_link::show)
            .post(pages::key_link::redeem),
        route("/desk", Only(&[Role::Agent])).get(pages::desk::queue),
        route("/desk/search", Only(&[Role::Agent])).get(pages::desk::search),
        route("/desk/people/{person}", Only(&[Role::Agent])).get(pages::desk::person),
        route("/desk/new", Only(&[Role::Agent]))
            .get(pages::desk::ask_form)
            .post(pages::desk::ask)
            .keeping_forms(),
        route("/desk/requests/{reference}", Only(&[Role::Agent])).get(pages::desk::request),
        route("/desk/requests/{reference}/call", Only(&[Role::Agent])).post(pages::desk::call_next),
        route("/desk/requests/{reference}/link", Only(&[Role::Agent]))
            .post(pages::desk::send_again),
        route("/desk/requests/{reference}/stop", Only(&[Role::Agent])).post(pages::desk::stop),
        route("/desk/requests/{reference}/again", Only(&[Role::Agent]))
            .post(pages::desk::ask_again),
        route(pages::desk::GLASS, Only(&[Role::BreakGlass])).post(pages::desk::break_glass),
        route("/outbox", Only(&[Role::Operator])).get(pages::outbox::show),
        route("/outbox/retry", Only(&[Role::Operator])).post(pages::outbox::retry),
        route("/audit", Only(&[Role::Auditor])).get(pages::audit::show),
        route("/api/v1/openapi.json", Anybody).get(api::description),
        route("/api/v1/requests", Program(Scope::Create)).post(api::ask),
        route("/api/v1/requests/{reference}", Program(Scope::Read)).get(api::show),
        route(
            "/api/v1/requests/{reference}/withdraw",
            Program(Scope::Withdraw),
        )
        .post(api::withdraw),
        route(
            "/api/v1/requests/{reference}/decision",
            Program(Scope::Decide),
        )
        .post(api::decide),
        route("/api/v1/events", Program(Scope::Events)).get(api::events),
        route("/hooks/{name}", Reach::Sender)
            .post(hooks::take)
            .taking(hooks::LONGEST),
        route("/help", Anybody).get(pages::help::show),
        route("/healthz", Anybody).get(probes::alive),
        route("/readyz", Anybody).get(probes::ready),
        route("/robots.txt", Anybody).get(assets::robots),
    ];
    for format in Format::ALL {
        let export = move |app: State<App>, source: Source, who: SignedIn, uri: Uri| {
            pages::audit::export(format, app, source, who, uri)
        };
        let path = pages::audit::export_path(format);
        table.push(route(path, Only(&[Role::Auditor])).get(export));
    }
    for asset in assets::ALL {
        let serve = move || async move { asset.answer() };
        table.push(route(asset.path(), Anybody).get(serve));
    }
    table
}

/// A router of these routes, with the guard around them.
pub(crate) fn router_of(table: Vec<Route>, app: &App) -> Router<App> {
    let routes = table.into_iter().fold(Router::new(), |router, route| {
        router.route(&route.rule.pattern, route.handlers)
    });
    let nowhere = || async { Fault::NotFound };
    let guard = axum::middleware::from_fn_with_state(app.clone(), guard);
    routes
        .method_not_allowed_fallback(|| async { Fault::MethodNotAllowed })
        .fallback(nowhere)
        .layer(guard)
}

/// Pages of the navigation that only some may reach, where the table has them.
pub(crate) fn navigation(roles: &Roles) -> impl Iterator<Item = (&'static str, &'static str)> {
    const PAGES: [(&str, &str); 3] = [
        ("/desk", "Desk"),
        ("/outbox", "Outbox"),
        ("/audit", "Audit log"),
    ];
    PAGES.into_iter().filter(|(path, _)| {
        let reach = rule_of(path).map(|rule| rule.reach);
        matches!(reach, Some(Only(needed)) if roles.has_any(needed))
    })
}

/// What the table says of a route; nothing of one that is not in it.
pub(crate) fn rule_of(pattern: &str) -> Option<&'static Rule> {
    static RULES: LazyLock<Vec<Rule>> =
        LazyLock::new(|| table().into_iter().map(|route| route.rule).collect());
    RULES.iter().find(|rule| rule.pattern == pattern)
}

/// Lets through whom the table lets through. Who is signed in is found out here once, for the page
/// as well.
async fn guard(
    State(app): State<App>,
    Source(source): Source,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let Some(route) = route else {
        return Ok(next.run(request).await);
    };
    let rule = rule_of(route.as_str()).ok_or(Fault::NotFound)?;
    let (mut parts, body) = request.into_parts();
    match rule.reach {
        Anybody | Reach::Sender => {}
        LinkHolder => {
            if let Some(link) = parts.uri.path().split('/').find_map(PlainToken::parse) {
                let counted = app.limits.count_link(source, link.hash());
                counted.map_err(|wait| Fault::TooManyLinks { wait })?;
            }
            let answer = next.run(Request::from_parts(parts, body)).await;
            if fault::is(&answer, |fault| matches!(fault, Fault::NotFound)) {
                let counted = app.limits.count_unknown_link(source);
                counted.map_err(|wait| Fault::TooManyLinks { wait })?;
            }
            return Ok(answer);
        }
        Reach::SignedIn | Program(_) if !rule.takes(&parts.method) => {}
        Program(scope) => {
            let program = api::admit(&app, &parts.headers, scope, source).await?;
            parts.extensions.insert(program);
        }
        Reach::SignedIn => match SignedIn::find(&parts, &app).await? {
            Some(who) => drop(parts.extensions.insert(who.with_roles(&app).await)),
            None if rule.keeps_forms && parts.method == Method::POST => {}
            None => return Err(SignedIn::first(&parts)),
        },
        Only(needed) => {
            let found = SignedIn::find(&parts, &app).await?;
            if found.is_none() && rule.keeps_forms && parts.method == Method::POST {
                return Ok(next.run(Request::from_parts(parts, body)).await);
            }
            let mut who = found.ok_or_else(|| SignedIn::first(&parts))?;
            who.roles = app.broker.roles_of(&who.session).await?;
            if !who.roles.has_any(needed) {
                let refused = app
                    .broker
                    .refuse_access(&who.session, &rule.pattern, source);
                refused.await?;
                return Err(Fault::NotFound);
            }
            parts.extensions.insert(who);
        }
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

impl Rule {
    fn takes(&self, method: &Method) -> bool {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.methods.contains(method)
    }
}

fn route(pattern: impl Into<Cow<'static, str>>, reach: Reach) -> Route {
    Route {
        rule: Rule {
            pattern: pattern.into(),
            methods: Vec::new(),
            reach,
            keeps_forms: false,
        },
        handlers: MethodRouter::new(),
    }
}

impl Route {
    fn get<H: Handler<T, App>, T: 'static>(mut self, handler: H) -> Self {
        self.rule.methods.push(Method::GET);
        self.handlers = self.handlers.get(handler);
        self
    }

    fn post<H: Handler<T, App>, T: 'static>(mut self, handler: H) -> Self {
        self.rule.methods.push(Method::POST);
        self.handlers = self.handlers.post(handler);
        self
    }

    /// What answers HEAD, where that is not to be answered like GET.
    fn not_head<H: Handler<T, App>, T: 'static>(mut self, handler: H) -> Self {
        self.handlers = self.handlers.head(handler);
        self
    }

    /// Bodies of that many bytes, where they may be longer than a form.
    fn taking(mut self, longest: usize) -> Self {
        self.handlers = self.handlers.layer(DefaultBodyLimit::max(longest));
        self
    }

    fn keeping_forms(mut self) -> Self {
        self.rule.keeps_forms = true;
        self
    }
}

/// Whether a request for a path may have keys read, to show them or to find that they cannot be shown.
pub fn may_show_keys(method: &Method, path: &str) -> bool {
    method == Method::POST && path.starts_with("/key/")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use tower::ServiceExt;

    use super::*;
    use crate::testing::{World, site};

    #[tokio::test]
    async fn what_is_not_in_the_table_is_not_there() {
        let app = App {
            broker: World::new().broker,
            site: site("https://keys.example.com"),
            limits: std::sync::Arc::default(),
            turns: std::sync::Arc::default(),
            unproven: std::sync::Arc::default(),
        };
        let table = vec![
            route("/extra", Anybody).get(probes::alive),
            route("/healthz", Anybody).get(probes::alive),
        ];
        let router = router_of(table, &app).with_state(app);
        for (path, expected) in [
            ("/extra", StatusCode::NOT_FOUND),
            ("/healthz", StatusCode::OK),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), expected, "{path}");
        }
    }
}
