//! A key link: the page before the button, the page that shows the recovery keys once, and the
//! pages that say why not.

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use clavis_broker::audit::FetchFault;
use clavis_broker::devices::{EscrowRecord, VolumeKind};
use clavis_broker::keys::{Damage, Form, RecoveryKey};
use clavis_broker::lifecycle::{self, Request};
use clavis_broker::service::{
    DisclosedKey, LinkEnd, LinkError, RedeemError, Redemption, Unfetched,
};
use clavis_broker::tokens::PlainToken;

use super::sign_in::NoFields;
use super::{Frame, LinkToken, page, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::Posted;
use crate::pages::request::{ask_again, ask_for};
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
        key.groups().any(|whole| whole.trim() != whole)
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

pub(crate) async fn show(
    State(app): State<App>,
    Source(source): Source,
    LinkToken(token): LinkToken,
    uri: Uri,
) -> Result<Response, Fault> {
    let view = match app.broker.open_link(&token, source).await {
        Ok(view) => view,
        Err(LinkError::Unknown) => return Err(Fault::NotFound),
        Err(LinkError::Ended { end, request }) => return ended(&app, end, &request),
        Err(LinkError::Unavailable(error)) => return Err(error.into()),
    };
    page(&LinkPage {
        frame: Frame::plain(&app.site),
        form_token: token.form_token(),
        path: uri.path(),
        request: &view.request,
        expires_at: app.site.when(view.expires_at),
    })
}

pub(crate) async fn redeem(
    State(app): State<App>,
    Source(source): Source,
    LinkToken(token): LinkToken,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&token)?;
    match app.broker.redeem(&token, source).await {
        Ok(redemption) => keys(&app, &redemption),
        Err(RedeemError::Link(LinkError::Unknown)) => Err(Fault::NotFound),
        Err(RedeemError::Link(LinkError::Ended { end, request })) => ended(&app, end, &request),
        Err(RedeemError::Link(LinkError::Unavailable(error))) => {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, "a key link could not be opened for now");
            let why = "Clavis cannot write down at the moment that the keys are shown, and so does \
                       not show them.";
            not_used(&app, &token, uri.path(), vec![why.to_owned()])
        }
        Err(RedeemError::NotUsed(missed)) => {
            let why = missed.iter().map(why_not).collect();
            not_used(&app, &token, uri.path(), why)
        }
    }
}

/// The keys go from their own memory into one buffer that wipes itself, and from there to the
/// connection, which is closed afterwards so that its buffers go as well.
fn keys(app: &App, redemption: &Redemption) -> Result<Response, Fault> {
    let body = WipedPage::render(&KeyPage {
        frame: Frame::plain(&app.site),
        ask_again: ask_again(&redemption.request),
        redemption,
    })?;
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

fn not_used(
    app: &App,
    token: &PlainToken,
    path: &str,
    why: Vec<String>,
) -> Result<Response, Fault> {
    let page = NotUsedPage {
        frame: Frame::plain(&app.site),
        form_token: token.form_token(),
        path,
        why,
    };
    page_with(StatusCode::SERVICE_UNAVAILABLE, &page)
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
        FetchFault::Beneficiary => "The directory does not list your account as active.".to_owned(),
    }
}
