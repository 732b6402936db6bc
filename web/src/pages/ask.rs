//! Asking for the recovery key of a device, for oneself or, at the desk, for somebody else: the form,
//! and everything that can be wrong with it.

use std::net::IpAddr;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::devices::{BackendName, Device, DeviceId};
use clavis_broker::keys::WantedKey;
use clavis_broker::lifecycle::Request;
use clavis_broker::people::{Person, PersonId};
use clavis_broker::policy::NoPanel;
use clavis_broker::roles::Agent;
use clavis_broker::service::{Ask, AskError};
use clavis_broker::text::{Asset, Reason};
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use super::{Frame, page_with};
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
    /// For whom an agent asks, by the directory's ID.
    #[serde(rename = "for")]
    pub(super) for_whom: String,
}

impl Typed {
    /// The device that was chosen for the name as it stands now.
    fn chosen(&self) -> Option<&str> {
        (self.device_for == self.asset).then_some(self.device.as_str())
    }

    /// A form's address with what can be typed again from it, for whoever has to sign in once
    /// more. The reason stays out: addresses are kept in histories and logs.
    pub(super) fn address(&self, form: &str) -> String {
        let device = self.chosen().unwrap_or_default();
        with_query(
            form,
            &[
                ("for", &self.for_whom),
                ("asset", &self.asset),
                ("device", device),
                ("key_id", &self.key_id),
            ],
        )
    }
}

/// What an address has filled in.
pub(super) fn typed_in(uri: &Uri) -> Typed {
    let mut typed: Typed = query(uri);
    // A link names the device along with the name that it goes by.
    typed.device_for.clone_from(&typed.asset);
    typed
}

/// An agent, and for whom they ask.
pub(super) struct OnBehalf {
    pub(super) agent: Agent,
    pub(super) of: Person,
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
    /// Where the form goes to.
    action: &'static str,
    /// For whom, where that is somebody else than who fills it in.
    for_whom: Option<&'a Person>,
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

/// Where the form of somebody's own is, and the one of agents.
const OWN: &str = "/requests/new";
pub(super) const AT_DESK: &str = "/desk/new";

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
    show(&app, &who, None, &typed_in(&uri), Answer::fresh())
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
            then: typed.address(OWN),
        });
    };
    let typed = form.served_to(&who.token)?;
    send(&app, &who, None, &typed, source).await
}

/// Makes a request of what was typed and goes to its page, or shows the form once more.
pub(super) async fn send(
    app: &App,
    who: &SignedIn,
    behalf: Option<&OnBehalf>,
    typed: &Typed,
    source: Option<IpAddr>,
) -> Result<Response, Fault> {
    let turn = app.turns.take(&who.person().id).await;
    let _turn = turn.ok_or(Fault::TooManyAtOnce)?;
    let ask = match read(typed) {
        Ok(ask) => ask,
        Err(wrong) => {
            let answer = Answer {
                wrong,
                ..Answer::default()
            };
            return show(app, who, behalf, typed, answer);
        }
    };
    let made = match behalf {
        None => app.broker.ask(who.person(), ask, source).await,
        Some(OnBehalf { agent, of }) => app.broker.ask_for(agent, &of.id, ask, source).await,
    };
    match made {
        Ok(request) => {
            let path = format!("{}/{}", pages_of_requests(behalf), request.reference);
            Ok(Redirect::to(&path).into_response())
        }
        Err(error) => show(app, who, behalf, typed, refusal(error, who, behalf)),
    }
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
        for_whom: String::new(),
    };
    show(app, who, None, &typed, refusal(error, who, None))
}

/// The form of an agent, with what is in the way of a key for this person, if anything is.
pub(super) fn show_for(
    app: &App,
    who: &SignedIn,
    behalf: &OnBehalf,
    typed: &Typed,
) -> Result<Response, Fault> {
    let answer = match behalf.of.party() {
        Ok(_) => Answer::fresh(),
        Err(_) => refusal(AskError::UnfitBeneficiary, who, Some(behalf)),
    };
    show(app, who, Some(behalf), typed, answer)
}

fn show(
    app: &App,
    who: &SignedIn,
    behalf: Option<&OnBehalf>,
    typed: &Typed,
    answer: Answer,
) -> Result<Response, Fault> {
    let form = AskPage {
        frame: Frame::signed_in(&app.site, who),
        form_token: who.token.form_token(),
        action: if behalf.is_some() { AT_DESK } else { OWN },
        for_whom: behalf.map(|behalf| &behalf.of),
        typed,
        wrong: answer.wrong,
        notice: answer.notice,
        candidates: answer.candidates,
    };
    page_with(answer.status, &form)
}

/// Where the pages of requests are, for somebody of their own and for an agent.
fn pages_of_requests(behalf: Option<&OnBehalf>) -> &'static str {
    match behalf {
        None => "/requests",
        Some(_) => "/desk/requests",
    }
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

impl Answer {
    /// Nothing was asked for yet.
    fn fresh() -> Self {
        Self {
            status: StatusCode::OK,
            ..Self::default()
        }
    }
}

fn refusal(error: AskError, who: &SignedIn, behalf: Option<&OnBehalf>) -> Answer {
    let person = behalf.map_or(&who.person().id, |behalf| &behalf.of.id);
    let mut answer = Answer::default();
    match error {
        AskError::UnknownDevice => {
            answer.wrong.asset = Some(
                "No device goes by that name. Check the sticker on the laptop, or call support."
                    .to_owned(),
            );
        }
        AskError::Ambiguous(devices) => {
            answer.wrong.device = Some(match behalf {
                None => "Several devices go by that name. Please choose yours.",
                Some(_) => "Several devices go by that name. Please choose theirs.",
            });
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
                    format!("{}/{reference}", pages_of_requests(behalf)),
                    format!("Go to request {reference}"),
                )),
                ..match behalf {
                    None => Notice::new(
                        "You have asked for this device already",
                        "One request at a time is enough. To ask anew, withdraw the open one first.",
                    ),
                    Some(_) => Notice::new(
                        "There is an open request for this device already",
                        "One request at a time is enough. To ask anew, stop the open one first.",
                    ),
                }
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
