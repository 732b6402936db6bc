//! Signing in with a code from a mail, and signing out.

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use clavis_broker::identity::ProviderName;
use clavis_broker::people::MailAddress;
use clavis_broker::service::SignInError;
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use super::provider::{Button, buttons};
use super::{Frame, page, page_with};
use crate::app::App;
use crate::client::Source;
use crate::cookies::Cookie;
use crate::fault::Fault;
use crate::forms::{Posted, local_path, query, with_query};
use crate::sessions::SignedIn;

/// Where to go once somebody is signed in.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Then {
    pub(super) next: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct AddressPage<'a> {
    frame: Frame<'a>,
    providers: Vec<Button<'a>>,
    next: &'a str,
    mail: &'a str,
    error: Option<&'static str>,
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

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    frame: Frame<'a>,
    provider: &'a ProviderName,
    address: &'a str,
}

#[derive(PartialEq, Eq)]
enum CodeState {
    Fresh,
    Wrong,
    Ended,
}

pub(crate) async fn ask_address(State(app): State<App>, uri: Uri) -> Result<Response, Fault> {
    let then: Then = query(&uri);
    let next = local_path(&then.next);
    page(&AddressPage {
        frame: Frame::plain(&app.site),
        providers: buttons(&app, next),
        next,
        mail: "",
        error: None,
    })
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
    Source(source): Source,
    form: Posted<AddressForm>,
) -> Result<Response, Fault> {
    let AddressForm { mail, next } = form.served_to_anybody();
    let next = local_path(&next);
    let Ok(mail) = MailAddress::parse(&mail) else {
        let again = AddressPage {
            frame: Frame::plain(&app.site),
            providers: buttons(&app, next),
            next,
            mail: &mail,
            error: Some("Please type your whole work address, like name@example.com."),
        };
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &again);
    };
    app.sign_ins
        .count(source, mail.as_str())
        .map_err(|wait| Fault::TooMany { wait })?;
    let token = app.broker.begin_sign_in(mail, source).await?;
    let cookie = Cookie::SignIn.set(&token, &app.site)?;
    let code_page = with_query("/sign-in/code", &[("next", next)]);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&code_page)).into_response())
}

pub(crate) async fn ask_code(
    State(app): State<App>,
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
    Source(source): Source,
    headers: HeaderMap,
    form: Posted<CodeForm>,
) -> Result<Response, Fault> {
    let token = Cookie::SignIn
        .read(&headers, &app.site)
        .ok_or_else(|| Fault::SignInFirst { then: "/".into() })?;
    let CodeForm { code, next } = form.served_to(&token)?;
    let next = local_path(&next);
    let state = match app.broker.end_sign_in(&token, &code, source).await {
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

pub(crate) async fn sign_out(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    app.broker.end_session(&who.session, source).await?;
    let cookie = [(SET_COOKIE, Cookie::Session.clear(&app.site)?)];
    // A link and no redirection: at the provider other pages may depend on being signed in.
    if let Some((provider, address)) = app.broker.sign_out_at_provider(&who.session).await {
        let page = SignedOutPage {
            frame: Frame::plain(&app.site),
            provider: &provider,
            address: &address,
        };
        return Ok((cookie, page_with(StatusCode::OK, &page)?).into_response());
    }
    Ok((cookie, Redirect::to("/sign-in")).into_response())
}
