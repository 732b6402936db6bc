//! The page to sign in, and signing in with a code from a mail.

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use clavis_broker::people::MailAddress;
use clavis_broker::service::SignInError;
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use super::by_proxy::{self, Continue};
use super::provider::{Button, buttons};
use super::{Frame, page, page_with};
use crate::app::App;
use crate::client::Source;
use crate::cookies::Cookie;
use crate::fault::Fault;
use crate::forms::{Posted, local_path, query, with_query};
use crate::trusted::{ByProxy, Named};

/// Where to go once somebody is signed in.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Then {
    pub(super) next: String,
}

/// In front of the arguments of a handler, it says that its page is not there where no codes are
/// sent.
pub(crate) struct CodesAreSent;

impl FromRequestParts<App> for CodesAreSent {
    type Rejection = Fault;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Fault> {
        let sends = app.broker.sends_codes();
        sends.then_some(Self).ok_or(Fault::NotFound)
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame<'a>,
    named: Option<Continue<'a>>,
    providers: Vec<Button<'a>>,
    sends_codes: bool,
    next: &'a str,
    mail: &'a str,
    error: Option<&'static str>,
}

impl<'a> SignInPage<'a> {
    fn new(app: &'a App, named: Option<Named>, next: &'a str) -> Self {
        Self {
            frame: Frame::plain(&app.site),
            named: by_proxy::button(app, named, next),
            providers: buttons(app, next),
            sends_codes: app.broker.sends_codes(),
            next,
            mail: "",
            error: None,
        }
    }

    /// What the sign-in is for.
    fn lead(&self) -> &'static str {
        let leads_to = |page: &str| {
            let rest = self.next.strip_prefix(page);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        if leads_to("/review") {
            "Sign in to decide about a request."
        } else if leads_to("/key") {
            "Sign in to open your key link."
        } else if ["/desk", "/audit", "/outbox", "/away"]
            .into_iter()
            .any(leads_to)
        {
            "Sign in to go on."
        } else {
            "Is your laptop asking for a BitLocker recovery key? Sign in to ask for it. Your phone \
             will do."
        }
    }

    /// Whether there is another way than the code by mail.
    fn has_buttons(&self) -> bool {
        self.named.is_some() || !self.providers.is_empty()
    }
}

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct CodePage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    next: &'a str,
    state: CodeState,
}

impl CodePage<'_> {
    fn begin_again(&self) -> String {
        with_query("/sign-in", &[("next", self.next)])
    }
}

#[derive(PartialEq, Eq)]
enum CodeState {
    Fresh,
    Wrong,
    Ended,
}

pub(crate) async fn ask_address(
    State(app): State<App>,
    ByProxy(named): ByProxy,
    uri: Uri,
) -> Result<Response, Fault> {
    let then: Then = query(&uri);
    page(&SignInPage::new(&app, named, local_path(&then.next)))
}

#[derive(Deserialize)]
pub(crate) struct AddressForm {
    #[serde(default)]
    mail: String,
    #[serde(default)]
    next: String,
}

/// Gives every address the same answer: who is known here is nobody's business.
pub(crate) async fn send_code(
    State(app): State<App>,
    _: CodesAreSent,
    Source(source): Source,
    ByProxy(named): ByProxy,
    form: Posted<AddressForm>,
) -> Result<Response, Fault> {
    let AddressForm { mail, next } = form.served_to_anybody();
    let next = local_path(&next);
    let Ok(mail) = MailAddress::parse(&mail) else {
        let again = SignInPage {
            mail: &mail,
            error: Some("Please type your whole work address, like name@example.com."),
            ..SignInPage::new(&app, named, next)
        };
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &again);
    };
    app.limits
        .count(source, mail.as_str())
        .map_err(|wait| Fault::TooMany { wait })?;
    let begun = app.broker.begin_sign_in(mail, source).await?;
    let token = begun.ok_or(Fault::NotFound)?;
    let cookie = Cookie::SignIn.set(&token, &app.site)?;
    let code_page = with_query("/sign-in/code", &[("next", next)]);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&code_page)).into_response())
}

pub(crate) async fn ask_code(
    State(app): State<App>,
    _: CodesAreSent,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let then: Then = query(&uri);
    let next = local_path(&then.next);
    let Some(token) = Cookie::SignIn.read(&headers, &app.site) else {
        return Ok(Redirect::to(&with_query("/sign-in", &[("next", next)])).into_response());
    };
    page(&CodePage {
        frame: Frame::plain(&app.site),
        form_token: token.form_token(),
        next,
        state: CodeState::Fresh,
    })
}

#[derive(Deserialize)]
pub(crate) struct CodeForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn check_code(
    State(app): State<App>,
    _: CodesAreSent,
    Source(source): Source,
    headers: HeaderMap,
    form: Posted<CodeForm>,
) -> Result<Response, Fault> {
    let token = Cookie::SignIn
        .read(&headers, &app.site)
        .ok_or_else(|| Fault::SignInFirst { then: "/".into() })?;
    let CodeForm { code, next } = form.served_to(&token)?;
    let next = local_path(&next);
    let leaves = Cookie::Session.read(&headers, &app.site);
    let ended = app
        .broker
        .end_sign_in(&token, &code, leaves.as_ref(), source);
    let state = match ended.await {
        Ok(session) => {
            let cookies = AppendHeaders([
                (SET_COOKIE, Cookie::Session.set(&session, &app.site)?),
                (SET_COOKIE, Cookie::SignIn.clear(&app.site)?),
            ]);
            return Ok((cookies, Redirect::to(next)).into_response());
        }
        Err(SignInError::WrongCode) => CodeState::Wrong,
        Err(SignInError::Ended) => CodeState::Ended,
        Err(SignInError::Unavailable(error)) => return Err(error.into()),
    };
    let again = CodePage {
        frame: Frame::plain(&app.site),
        form_token: token.form_token(),
        next,
        state,
    };
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &again)
}

#[derive(Deserialize)]
pub(crate) struct NoFields {}
