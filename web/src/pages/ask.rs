//! Asking for the recovery key of a device: the form, and everything that can be wrong with it.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::devices::{BackendName, Device, DeviceId};
use clavis_broker::keys::WantedKey;
use clavis_broker::lifecycle::Request;
use clavis_broker::people::PersonId;
use clavis_broker::policy::NoPanel;
use clavis_broker::service::{Ask, AskError};
use clavis_broker::text::{Asset, Reason};
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use super::{Frame, page, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::{Posted, query, with_query};
use crate::sessions::SignedIn;

/// The form as it was typed, to be shown again where something is wrong with it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Typed {
    asset: String,
    reason: String,
    key_id: String,
    /// Which of several devices of a name, as [`device_value`] writes it.
    device: String,
    /// The name that `device` was chosen for: another name makes the choice void.
    device_for: String,
}

impl Typed {
    /// The device that was chosen for the name as it stands now.
    fn chosen(&self) -> Option<&str> {
        (self.device_for == self.asset).then_some(self.device.as_str())
    }

    /// The form's address with what can be typed again from it, for whoever has to sign in once
    /// more. The reason stays out: addresses are kept in histories and logs.
    fn address(&self) -> String {
        let device = self.chosen().unwrap_or_default();
        with_query(
            "/requests/new",
            &[
                ("asset", &self.asset),
                ("device", device),
                ("key_id", &self.key_id),
            ],
        )
    }
}

/// What is wrong with the form, field by field.
#[derive(Default)]
struct Wrong {
    asset: Option<String>,
    reason: Option<String>,
    key_id: Option<String>,
    device: Option<&'static str>,
}

/// What is wrong with no single field.
struct Notice {
    title: String,
    text: String,
    /// Where to go instead.
    link: Option<(String, String)>,
}

/// One of several devices of a name.
struct Candidate {
    value: String,
    name: String,
    detail: Option<String>,
    is_mine: bool,
}

#[derive(Template)]
#[template(path = "ask.html")]
struct AskPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    typed: &'a Typed,
    wrong: Wrong,
    notice: Option<Notice>,
    candidates: Vec<Candidate>,
}

impl AskPage<'_> {
    const LONGEST_REASON: usize = Reason::MAX_CHARS;

    fn has_wrong_fields(&self) -> bool {
        let Wrong {
            asset,
            reason,
            key_id,
            device,
        } = &self.wrong;
        asset.is_some() || reason.is_some() || key_id.is_some() || device.is_some()
    }
}

/// A device as the value of a form field.
pub(crate) fn device_value(id: &DeviceId) -> String {
    format!("{}/{}", id.backend, id.native)
}

fn device_id(value: &str) -> Option<DeviceId> {
    let (backend, native) = value.split_once('/')?;
    Some(DeviceId {
        backend: BackendName(backend.to_owned()),
        native: native.to_owned(),
    })
}

pub(crate) async fn form(
    State(app): State<App>,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let mut typed: Typed = query(&uri);
    // A link names the device along with the name that it goes by.
    typed.device_for.clone_from(&typed.asset);
    page(&AskPage {
        frame: Frame::signed_in(&app.site, &who),
        form_token: who.token.form_token(),
        typed: &typed,
        wrong: Wrong::default(),
        notice: None,
        candidates: Vec::new(),
    })
}

pub(crate) async fn ask(
    State(app): State<App>,
    Source(source): Source,
    who: Option<SignedIn>,
    form: Posted<Typed>,
) -> Result<Response, Fault> {
    let Some(who) = who else {
        let typed = form.served_to_anybody();
        return Err(Fault::SignInFirst {
            then: typed.address(),
        });
    };
    let typed = form.served_to(&who.token)?;
    let turn = app.turns.take(&who.person().id).await;
    let _turn = turn.ok_or(Fault::TooManyAtOnce)?;
    let mut answer = Answer::default();
    match read(&typed) {
        Ok(ask) => match app.broker.ask(who.person(), ask, source).await {
            Ok(request) => {
                let path = format!("/requests/{}", request.reference);
                return Ok(Redirect::to(&path).into_response());
            }
            Err(error) => answer = refusal(error, &who.person().id),
        },
        Err(wrong) => answer.wrong = wrong,
    }
    show_again(&app, &who, &typed, answer)
}

/// The form, filled in as for a request that could not be made once more, with what was in the way.
pub(super) fn not_asked_again(
    app: &App,
    who: &SignedIn,
    request: &Request,
    error: AskError,
) -> Result<Response, Fault> {
    let wanted = request.wanted.as_ref();
    let typed = Typed {
        asset: request.device.name.clone(),
        reason: request.reason.as_str().to_owned(),
        key_id: wanted.map_or_else(String::new, |wanted| wanted.as_str().to_owned()),
        device: device_value(&request.device.id),
        device_for: request.device.name.clone(),
    };
    show_again(app, who, &typed, refusal(error, &who.person().id))
}

fn show_again(app: &App, who: &SignedIn, typed: &Typed, answer: Answer) -> Result<Response, Fault> {
    let again = AskPage {
        frame: Frame::signed_in(&app.site, who),
        form_token: who.token.form_token(),
        typed,
        wrong: answer.wrong,
        notice: answer.notice,
        candidates: answer.candidates,
    };
    page_with(answer.status, &again)
}

fn read(typed: &Typed) -> Result<Ask, Wrong> {
    let asset = Asset::parse(&typed.asset);
    let reason = Reason::parse(&typed.reason);
    let wanted = match typed.key_id.trim() {
        "" => Ok(None),
        text => WantedKey::parse(text).map(Some),
    };
    let chosen = typed.chosen().and_then(device_id);
    match (asset, reason, wanted) {
        (Ok(asset), Ok(reason), Ok(wanted)) => Ok(Ask {
            asset,
            chosen,
            wanted,
            reason,
        }),
        (asset, reason, wanted) => Err(Wrong {
            asset: asset.err().map(|error| error.to_string()),
            reason: reason.err().map(|error| error.to_string()),
            key_id: wanted.err().map(|error| error.to_string()),
            device: None,
        }),
    }
}

/// What the form says where no request was made.
struct Answer {
    status: StatusCode,
    wrong: Wrong,
    notice: Option<Notice>,
    candidates: Vec<Candidate>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            wrong: Wrong::default(),
            notice: None,
            candidates: Vec::new(),
        }
    }
}

fn refusal(error: AskError, person: &PersonId) -> Answer {
    let mut answer = Answer::default();
    match error {
        AskError::UnknownDevice => {
            answer.wrong.asset = Some(
                "No device goes by that name. Check the sticker on the laptop, or call support."
                    .to_owned(),
            );
        }
        AskError::Ambiguous(devices) => {
            answer.wrong.device = Some("Several devices go by that name. Please choose yours.");
            answer.candidates = devices
                .into_iter()
                .map(|device| Candidate::new(device, person))
                .collect();
        }
        AskError::WrongKeyId(device) => {
            answer.wrong.key_id = Some(format!(
                "{} has no recovery key of that ID. Compare the first 8 digits with the locked \
                 screen. If they are right, it may be another device; if you can't read them, \
                 leave this empty.",
                device.name
            ));
        }
        AskError::NothingEscrowed(device) => {
            answer.notice = Some(Notice::new(
                format!("No recovery key is kept for {}", device.name),
                "There is nothing that an approver could release. Support can tell you what else \
                 can be done.",
            ));
        }
        AskError::NobodyToAsk(NoPanel::Fault(_)) => {
            answer.status = StatusCode::SERVICE_UNAVAILABLE;
            answer.notice = Some(Notice::new(
                "Nobody can approve your request for now",
                "The rules that say who approves have a mistake. Operators have been told. Nothing \
                 has been sent. Please call support.",
            ));
        }
        AskError::UnfitBeneficiary => {
            answer.notice = Some(Notice::new(
                "The key cannot be given to this person",
                "Their account is gone or disabled, or the directory has no mail address for it. \
                 Nothing has been sent. Please call support.",
            ));
        }
        AskError::NobodyToAsk(NoPanel::TooFew) => {
            answer.notice = Some(Notice::new(
                "There is nobody to approve your request",
                "The directory knows too few people who could approve it: no manager, perhaps, and \
                 nobody in their place. Please call support: they can have this mended.",
            ));
        }
        AskError::Unfit => {
            answer.notice = Some(Notice::new(
                "Your account cannot ask for a recovery key",
                "It is disabled, or the directory has no mail address for it. Please call support.",
            ));
        }
        AskError::AlreadyOpen(reference) => {
            answer.status = StatusCode::CONFLICT;
            answer.notice = Some(Notice {
                link: Some((
                    format!("/requests/{reference}"),
                    format!("Go to request {reference}"),
                )),
                ..Notice::new(
                    "You have asked for this device already",
                    "One request at a time is enough. To ask anew, withdraw the open one first.",
                )
            });
        }
        AskError::Unavailable(error) => {
            answer.status = StatusCode::SERVICE_UNAVAILABLE;
            let part = error.part.clone();
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, "a request could not be made for now");
            answer.notice = Some(Notice::new(
                "Clavis cannot look this up right now",
                format!(
                    "No answer came from {part}. No request has been made. What you typed is \
                     still here: please try again in a minute, or call support."
                ),
            ));
        }
    }
    answer
}

impl Notice {
    fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
            link: None,
        }
    }
}

impl Candidate {
    fn new(device: Device, person: &PersonId) -> Self {
        Self {
            value: device_value(&device.id),
            is_mine: device.is_owned_by(person),
            name: device.name,
            detail: device.detail,
        }
    }
}
