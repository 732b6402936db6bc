//! A key link: the page before the button, the page that shows the recovery keys once, and the
//! pages that say why not.

use std::net::IpAddr;

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use clavis_broker::audit::{FetchFault, WhyNoPickUp};
use clavis_broker::devices::{EscrowRecord, VolumeKind};
use clavis_broker::keys::{Damage, Form, RecoveryKey};
use clavis_broker::lifecycle::{self, Request};
use clavis_broker::service::{
    DisclosedKey, KeyGate, LinkEnd, LinkError, RedeemError, Redemption, Unfetched, Visitor,
};
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use super::gate::{Gate, somebody_elses};
use super::{Frame, LinkToken, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::Posted;
use crate::line::{Line, OnLine};
use crate::pages::request::{ask_again, ask_for};
use crate::sessions::SignedIn;
use crate::times::When;
use crate::wiped::WipedPage;
use crate::words;

#[derive(Template)]
#[template(path = "key_link.html")]
struct LinkPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    path: &'a str,
    request: &'a Request,
    expires_at: When,
    /// Whether the pick-up code has to be typed.
    wants_code: bool,
    typed: &'a str,
    wrong: Option<WhyNoPickUp>,
}

#[derive(Template)]
#[template(path = "key.html")]
struct KeyPage<'a> {
    frame: Frame<'a>,
    redemption: &'a Redemption,
    ask_again: String,
}

#[derive(Template)]
#[template(path = "key_ended.html")]
struct EndedPage<'a> {
    frame: Frame<'a>,
    title: &'static str,
    text: String,
    end: LinkEnd,
    request: &'a Request,
    /// Where to ask for the same device again.
    ask_again: String,
}

impl EndedPage<'_> {
    fn was_used(&self) -> bool {
        matches!(self.end, LinkEnd::Used(_))
    }

    fn was_replaced(&self) -> bool {
        self.end == LinkEnd::Replaced
    }
}

#[derive(Template)]
#[template(path = "key_not_used.html")]
struct NotUsedPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    path: &'a str,
    why: Vec<String>,
    /// The pick-up code as it was typed; nothing where none is wanted.
    typed: Option<&'a str>,
}

impl KeyPage<'_> {
    /// The drive that the system starts from first: its key is the one that a locked screen asks
    /// for.
    fn rows(&self) -> Vec<&DisclosedKey> {
        let mut rows: Vec<_> = self.redemption.keys.iter().collect();
        rows.sort_by_key(|row| row.record.kind != VolumeKind::OperatingSystem);
        rows
    }

    /// Whether a key of this form is shown.
    fn shows(&self, form: Form) -> bool {
        let mut sound = self.redemption.keys.iter().filter(|row| row.key.is_ok());
        sound.any(|row| row.form == form)
    }

    fn kind(row: &DisclosedKey) -> &'static str {
        match (row.record.kind, row.form) {
            (VolumeKind::OperatingSystem, Form::Digits) => "The drive that Windows starts from",
            (VolumeKind::OperatingSystem, Form::Passphrase) => {
                "The drive that the system starts from"
            }
            (VolumeKind::FixedData, _) => "A built-in data drive",
            (VolumeKind::RemovableData, _) => "A removable drive",
            (VolumeKind::Unknown, _) => "Kind not recorded",
        }
    }

    fn what_is_wrong(damage: &Damage) -> String {
        match damage {
            Damage::Shape => "The record does not hold 8 groups of 6 digits.".to_owned(),
            Damage::Groups(groups) => {
                let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
                format!("The checksum of group {} is wrong.", groups.join(", "))
            }
            Damage::Passphrase => {
                "The record does not hold one line of 1 to 512 visible characters.".to_owned()
            }
        }
    }

    /// Whether there are spaces at an end of a passphrase, where nobody sees them.
    fn has_outer_spaces(key: &RecoveryKey) -> bool {
        key.exposed_groups().any(|whole| whole.trim() != whole)
    }

    fn ask_for(&self, record: &EscrowRecord) -> String {
        ask_for(&self.redemption.request, &record.key_id.to_string())
    }

    fn held_by(record: &EscrowRecord) -> String {
        words::backends(&record.held_by)
    }

    fn unanswered(&self) -> String {
        words::backends(&self.redemption.unanswered)
    }

    fn escrowed_at(&self, record: &EscrowRecord) -> When {
        self.frame.site.day(record.escrowed_at)
    }

    fn shown_at(&self) -> Option<When> {
        match &self.redemption.request.state {
            lifecycle::State::Closed(closing) => Some(self.frame.site.when(closing.at)),
            _ => None,
        }
    }
}

/// What the button of a key link sends.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Opened {
    code: String,
}

/// Somebody with a key link in their hands.
struct Caller<'a> {
    app: &'a App,
    path: &'a str,
    token: &'a PlainToken,
    gate: Gate<'a>,
    visitor: Visitor<'a>,
}

pub(crate) async fn show(
    State(app): State<App>,
    Source(source): Source,
    LinkToken(token): LinkToken,
    who: Option<SignedIn>,
    uri: Uri,
) -> Result<Response, Fault> {
    let caller = Caller::new(&app, &token, who.as_ref(), source, &uri);
    caller.landing(StatusCode::OK, "", None).await
}

pub(crate) async fn redeem(
    State(app): State<App>,
    Source(source): Source,
    LinkToken(token): LinkToken,
    OnLine(line): OnLine,
    who: Option<SignedIn>,
    uri: Uri,
    form: Posted<Opened>,
) -> Result<Response, Fault> {
    let caller = Caller::new(&app, &token, who.as_ref(), source, &uri);
    let Some(holder) = caller.gate.holder(&token) else {
        return caller.refused(LinkError::SignInFirst);
    };
    let Opened { code } = form.served_to(holder)?;
    match app.broker.redeem(&token, &code, caller.visitor).await {
        Ok(redemption) => keys(&app, line.as_ref(), &redemption),
        Err(RedeemError::NoPickUp(why)) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            caller.landing(status, &code, Some(why)).await
        }
        Err(RedeemError::Link(LinkError::Unavailable(error))) => {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, "a key link could not be opened for now");
            let why = "Clavis cannot write down at the moment that the keys are shown, and so does \
                       not show them.";
            caller.not_used(&code, vec![why.to_owned()])
        }
        Err(RedeemError::Link(error)) => caller.refused(error),
        Err(RedeemError::NotUsed(missed)) => {
            let why = missed.iter().map(why_not).collect();
            caller.not_used(&code, why)
        }
    }
}

impl<'a> Caller<'a> {
    fn new(
        app: &'a App,
        token: &'a PlainToken,
        who: Option<&'a SignedIn>,
        source: Option<IpAddr>,
        uri: &'a Uri,
    ) -> Self {
        let is_shut = app.broker.gates().key == KeyGate::SignIn;
        let gate = Gate { is_shut, who };
        Self {
            app,
            path: uri.path(),
            token,
            gate,
            visitor: gate.visitor(source),
        }
    }

    /// The page before the button, with what is wrong with the pick-up code.
    async fn landing(
        &self,
        status: StatusCode,
        typed: &str,
        wrong: Option<WhyNoPickUp>,
    ) -> Result<Response, Fault> {
        let opened = self.app.broker.open_link(self.token, self.visitor).await;
        let view = match opened {
            Ok(view) => view,
            Err(error) => return self.refused(error),
        };
        let page = LinkPage {
            frame: self.gate.frame(&self.app.site),
            form_token: self.gate.form_token(self.token),
            path: self.path,
            request: &view.request,
            expires_at: self.app.site.when(view.expires_at),
            wants_code: view.wants_code,
            typed,
            wrong,
        };
        page_with(status, &page)
    }

    fn refused(&self, error: LinkError) -> Result<Response, Fault> {
        Err(match error {
            LinkError::Unknown => Fault::NotFound,
            LinkError::SignInFirst => Fault::SignInFirst {
                then: self.path.to_owned(),
            },
            LinkError::SomebodyElses => return somebody_elses(self.app, self.gate),
            LinkError::Ended { end, request } => return ended(self.app, end, &request),
            LinkError::Unavailable(error) => error.into(),
        })
    }

    fn not_used(&self, typed: &str, why: Vec<String>) -> Result<Response, Fault> {
        let wants_code = self.app.broker.gates().key == KeyGate::Code;
        let page = NotUsedPage {
            frame: self.gate.frame(&self.app.site),
            form_token: self.gate.form_token(self.token),
            path: self.path,
            why,
            typed: wants_code.then_some(typed),
        };
        page_with(StatusCode::SERVICE_UNAVAILABLE, &page)
    }
}

/// The keys go from their own memory into one buffer that wipes itself, and from there to the
/// connection, which is closed afterwards so that its buffers go as well, and before long whether
/// they were read or not.
fn keys(app: &App, line: Option<&Line>, redemption: &Redemption) -> Result<Response, Fault> {
    let body = WipedPage::render(&KeyPage {
        frame: Frame::plain(&app.site),
        ask_again: ask_again(&redemption.request),
        redemption,
    })?;
    if let Some(line) = line {
        line.ends();
    }
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONNECTION, "close"),
    ];
    Ok((headers, body).into_response())
}

fn ended(app: &App, end: LinkEnd, request: &Request) -> Result<Response, Fault> {
    let at = |moment| app.site.moment(moment);
    let (title, text) = match end {
        LinkEnd::Used(when) => (
            "This key link has been used",
            format!("It was opened on {}, and it opens only once.", at(when)),
        ),
        LinkEnd::Expired(when) => (
            "This key link has expired",
            format!("It ended on {}. No key was shown.", at(when)),
        ),
        LinkEnd::Withdrawn(when) => (
            "The request was withdrawn",
            format!(
                "That was on {}. Its key link does not open any more.",
                at(when)
            ),
        ),
        LinkEnd::Revoked(when) if request.ticket.is_some() => (
            "The request was stopped",
            format!(
                "That was on {}: its ticket was closed or changed, or somebody stopped it. Its key \
                 link does not open any more. Raise a new ticket, or call support.",
                at(when)
            ),
        ),
        LinkEnd::Revoked(when) => (
            "The request was stopped",
            format!(
                "That was on {}. Its key link does not open any more. Call support to learn why.",
                at(when)
            ),
        ),
        LinkEnd::Replaced => (
            "There is a newer key link",
            "This link was replaced by one in a later mail. Please open that one.".to_owned(),
        ),
    };
    let page = EndedPage {
        frame: Frame::plain(&app.site),
        title,
        text,
        end,
        ask_again: ask_again(request),
        request,
    };
    page_with(StatusCode::GONE, &page)
}

fn why_not(missed: &Unfetched) -> String {
    let place = match &missed.backend {
        Some(backend) => format!("{backend}, where the recovery keys lie,"),
        None => "The place where the recovery keys lie".to_owned(),
    };
    match missed.why {
        FetchFault::Unavailable => format!("{place} does not answer at the moment."),
        FetchFault::Denied => {
            format!("{place} refuses Clavis at the moment. Support can have this mended.")
        }
        FetchFault::Missing => "A recovery key that was there when you asked cannot be found now. \
                                Support has to look into it."
            .to_owned(),
        FetchFault::Damaged => "The record of the recovery key is damaged, so that it would open \
                                nothing. Support has to look into it."
            .to_owned(),
        FetchFault::Directory => "The directory, which says whether your account is active, does \
                                  not answer at the moment."
            .to_owned(),
        FetchFault::Desk => "The service desk, which says whether your ticket is still open, does \
                             not answer at the moment."
            .to_owned(),
        FetchFault::Beneficiary => "The directory does not list your account as active.".to_owned(),
    }
}
