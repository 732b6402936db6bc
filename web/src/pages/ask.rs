//! Asking for the recovery key of a device, for oneself or, at the desk, for somebody else: the form,
//! and everything that can be wrong with it.

mod refusal;

use std::net::IpAddr;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::devices::{BackendName, DeviceId};
use clavis_broker::keys::WantedKey;
use clavis_broker::lifecycle::Request;
use clavis_broker::people::Person;
use clavis_broker::roles::Agent;
use clavis_broker::service::{Ask, AskError};
use clavis_broker::text::{Asset, Reason};
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use self::refusal::{Answer, Candidate, Notice, Wrong, refusal};
use super::{Frame, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::{Posted, query, with_query};
use crate::sessions::SignedIn;
use crate::turns::Turn;

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
    fn address(&self, form: &str) -> String {
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
    let (who, typed) = posted(who, form, OWN)?;
    send(&app, &who, None, &typed, source).await
}

/// What was sent and by whom. Who is not signed in any more comes back to the form of this address.
pub(super) fn posted(
    who: Option<SignedIn>,
    form: Posted<Typed>,
    address: &str,
) -> Result<(SignedIn, Typed), Fault> {
    let Some(who) = who else {
        let typed = form.served_to_anybody();
        return Err(Fault::SignInFirst {
            then: typed.address(address),
        });
    };
    let typed = form.served_to(&who.token)?;
    Ok((who, typed))
}

/// Waits for their turn to ask, and counts it.
pub(super) async fn turn_to_ask(app: &App, who: &SignedIn) -> Result<Turn, Fault> {
    let person = &who.person().id;
    let turn = app.turns.take(person).await;
    let turn = turn.ok_or(Fault::TooManyAtOnce)?;
    app.limits
        .count_ask(person)
        .map_err(|wait| Fault::AskedTooOften { wait })?;
    Ok(turn)
}

/// Makes a request of what was typed and goes to its page, or shows the form once more.
pub(super) async fn send(
    app: &App,
    who: &SignedIn,
    behalf: Option<&OnBehalf>,
    typed: &Typed,
    source: Option<IpAddr>,
) -> Result<Response, Fault> {
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
    let _turn = turn_to_ask(app, who).await?;
    let made = match behalf {
        None => app.broker.ask(who.person(), ask, source).await,
        Some(OnBehalf { agent, of }) => app.broker.ask_for(agent, &of.id, ask, source).await,
    };
    match made {
        Ok(request) => {
            let path = format!("{}/{}", pages_of_requests(behalf), request.reference);
            Ok(Redirect::to(&path).into_response())
        }
        Err(error) => show(app, who, behalf, typed, refusal(error, app, who, behalf)),
    }
}

/// The form, filled in as for a request that could not be made once more, with what was in the way.
pub(super) fn not_asked_again(
    app: &App,
    who: &SignedIn,
    behalf: Option<&OnBehalf>,
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
        for_whom: behalf.map_or_else(String::new, |behalf| behalf.of.id.0.clone()),
    };
    let answer = refusal(error, app, who, behalf);
    show(app, who, behalf, &typed, answer)
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
        Err(_) => refusal(AskError::UnfitBeneficiary, app, who, Some(behalf)),
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
