//! The one HTTP error: what went wrong, as a status, a page in the site's look, and one row in
//! the log where an operator should know. Internals never reach the page.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use clavis_broker::causes::with_causes;
use clavis_broker::service::{BeginError, Unavailable};

use crate::api::{self, Kind, Problem};
use crate::forms::with_query;
use crate::hooks;
use crate::pages::Frame;
use crate::seldom::Seldom;
use crate::site::Site;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Nothing is there, or nothing that this person may know of.
    #[error("not found")]
    NotFound,
    #[error("the method is not allowed")]
    MethodNotAllowed,
    /// What was sent is no form of ours.
    #[error("the form cannot be read")]
    Malformed,
    #[error("the form is too large")]
    TooLarge,
    /// The form was not sent by a page that we gave to this browser.
    #[error("the form came from elsewhere")]
    ForeignForm,
    #[error("too many sign-ins")]
    TooMany { wait: Duration },
    #[error("too many sign-ins from everywhere")]
    TooManyEverywhere { wait: Duration },
    #[error("too many unknown links from one source")]
    TooManyLinks { wait: Duration },
    #[error("one person asks too often")]
    AskedTooOften { wait: Duration },
    /// Several of their requests are being looked up already.
    #[error("too many requests of one person at once")]
    TooManyAtOnce,
    /// Nobody is signed in. Not shown: it leads to the sign-in, and from there to this path.
    #[error("nobody is signed in")]
    SignInFirst { then: String },
    /// What a program is told.
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("a page could not be made")]
    Unrenderable(#[from] askama::Error),
    #[error("a header could not be made")]
    BadHeader(#[from] axum::http::header::InvalidHeaderValue),
    #[error("a handler panicked")]
    Panicked,
}

impl From<BeginError> for Fault {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::TooMany { wait } => Self::TooManyEverywhere {
                wait: wait.unsigned_abs(),
            },
            BeginError::Unavailable(error) => error.into(),
        }
    }
}

impl Fault {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::TooMany { .. }
            | Self::TooManyEverywhere { .. }
            | Self::TooManyLinks { .. }
            | Self::AskedTooOften { .. }
            | Self::TooManyAtOnce => StatusCode::TOO_MANY_REQUESTS,
            Self::SignInFirst { .. } => StatusCode::SEE_OTHER,
            Self::Problem(problem) => problem.status(),
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unrenderable(_) | Self::BadHeader(_) | Self::Panicked => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    fn page(&self, site: &Site) -> Response {
        let page = FaultPage {
            frame: Frame::plain(site),
            fault: self,
        };
        match page.render() {
            Ok(page) => (self.status(), Html(page)).into_response(),
            Err(_) => (self.status(), self.title()).into_response(),
        }
    }

    /// After how long another try makes sense.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { wait }
            | Self::TooManyEverywhere { wait }
            | Self::TooManyLinks { wait }
            | Self::AskedTooOften { wait } => Some(wait.as_secs() + 1),
            Self::Unavailable(_) | Self::TooManyAtOnce => Some(RETRY_UNAVAILABLE),
            Self::Problem(Problem { kind, wait, .. }) => match (wait, kind) {
                (Some(wait), _) => Some(wait.as_secs() + 1),
                (None, Kind::TooManyAtOnce) => Some(RETRY_UNAVAILABLE),
                _ => None,
            },
            _ => None,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "There is nothing here",
            Self::MethodNotAllowed => "This page cannot do that",
            Self::Malformed => "This form could not be read",
            Self::TooLarge => "This is too long",
            Self::ForeignForm => "Please send the form again",
            Self::TooMany { .. } | Self::TooManyEverywhere { .. } => "Too many sign-ins at once",
            Self::TooManyLinks { .. } => "Too many links that do not exist",
            Self::AskedTooOften { .. } => "You have asked for many keys now",
            Self::TooManyAtOnce => "Your other requests are still being looked up",
            Self::SignInFirst { .. } => "Please sign in",
            Self::Problem(_) => "The program was refused",
            Self::Unavailable(_) => "Clavis cannot do this right now",
            Self::Unrenderable(_) | Self::BadHeader(_) | Self::Panicked => "Something went wrong",
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::NotFound => {
                "The address may be mistyped or cut off. If you followed a link from a mail, \
                 copy the whole address from the mail."
            }
            Self::MethodNotAllowed => "Go back to the page that you came from and try again.",
            Self::Malformed => "Go back, reload the page and fill it in again.",
            Self::TooLarge => "Go back and say it more shortly. Nothing has been sent.",
            Self::ForeignForm => {
                "The form was open for too long, or it was not sent from Clavis. Nothing has \
                 changed. Go back, reload the page and send it again."
            }
            Self::TooMany { .. } => {
                "Many sign-ins came from your network. Please wait a minute and try again."
            }
            Self::TooManyEverywhere { .. } => {
                "Very many people are signing in. Please wait a minute and try again."
            }
            Self::TooManyLinks { .. } => {
                "Many links that do not exist were opened from your network. Please wait a minute, \
                 then copy the whole address from the mail."
            }
            Self::AskedTooOften { .. } => {
                "Nothing has come of this one. Please wait a minute, then go back and send it again."
            }
            Self::TooManyAtOnce => {
                "Nothing has come of this one. Please wait for the others, then go back and send it \
                 again."
            }
            Self::Problem(_) => "This address is for programs.",
            Self::SignInFirst { .. } => "Then you come back to the page that you asked for.",
            Self::Unavailable(_) => {
                "Something that Clavis relies on does not answer. Nothing has changed. Please \
                 try again in a minute."
            }
            Self::Unrenderable(_) | Self::BadHeader(_) | Self::Panicked => {
                "This is our mistake, and it has been noted. Please try again in a minute."
            }
        }
    }
}

/// In seconds.
pub(crate) const RETRY_UNAVAILABLE: u64 = 30;

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    frame: Frame<'a>,
    fault: &'a Fault,
}

impl IntoResponse for Fault {
    /// The page needs the site, which only [`pages_for_faults`] has: until there, the fault
    /// travels with the bare status.
    fn into_response(self) -> Response {
        if let Self::SignInFirst { then } = &self {
            return Redirect::to(&with_query("/sign-in", &[("next", then)])).into_response();
        }
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Whether an answer stands for a fault of this kind.
pub(crate) fn is(answer: &Response, kind: impl Fn(&Fault) -> bool) -> bool {
    let fault = answer.extensions().get::<Arc<Fault>>();
    fault.is_some_and(|fault| kind(fault))
}

/// Gives every fault its page, or what programs read, and the log its row.
pub(crate) async fn pages_for_faults(
    State((site, refusals)): State<(Arc<Site>, Arc<Refusals>)>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_of_program = path.starts_with(api::ROOT) || path.starts_with(hooks::ROOT);
    let mut response = next.run(request).await;
    let Some(fault) = response.extensions_mut().remove::<Arc<Fault>>() else {
        return response;
    };
    report(&fault, route.as_ref(), &refusals);
    let mut answer = if is_of_program {
        Problem::told(&fault).answer()
    } else {
        fault.page(&site)
    };
    if let Some(allow) = response.headers_mut().remove(ALLOW) {
        answer.headers_mut().insert(ALLOW, allow);
    }
    if let Some(seconds) = fault.retry_after() {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// What the log says of refusals: strangers can cause as many as they like.
pub(crate) type Refusals = Seldom<mem::Discriminant<Fault>>;

/// The route, never the path: paths hold tokens.
fn report(fault: &Fault, route: Option<&MatchedPath>, refusals: &Refusals) {
    let route = route.map(MatchedPath::as_str);
    let error = with_causes(fault);
    match fault {
        Fault::Unavailable(_) => {
            tracing::error!(
                error,
                http.route = route,
                "a page could not be served for now"
            );
        }
        Fault::Unrenderable(_) | Fault::BadHeader(_) | Fault::Panicked => {
            tracing::error!(error, http.route = route, "a page failed");
        }
        Fault::ForeignForm
        | Fault::TooMany { .. }
        | Fault::TooManyEverywhere { .. }
        | Fault::TooManyLinks { .. }
        | Fault::AskedTooOften { .. }
        | Fault::TooManyAtOnce
        | Fault::Problem(Problem {
            kind: Kind::TooMany | Kind::TooManyAtOnce | Kind::InvalidToken | Kind::UnprovenMessage,
            ..
        }) => {
            if let Some(times) = refusals.count(mem::discriminant(fault)) {
                tracing::warn!(times, error, http.route = route, "requests were refused");
            }
        }
        Fault::NotFound
        | Fault::MethodNotAllowed
        | Fault::Malformed
        | Fault::TooLarge
        | Fault::Problem(_)
        | Fault::SignInFirst { .. } => {}
    }
}
