//! Why no request was made, in words: for the form, field by field and as a whole.

use axum::http::StatusCode;
use clavis_broker::devices::Device;
use clavis_broker::people::PersonId;
use clavis_broker::policy::NoPanel;
use clavis_broker::service::AskError;

use super::{OnBehalf, device_value, pages_of_requests};
use crate::app::App;
use crate::sessions::SignedIn;

/// What the form says where no request was made.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) wrong: Wrong,
    pub(super) notice: Option<Notice>,
    pub(super) candidates: Vec<Candidate>,
}

/// What is wrong with the form, field by field.
#[derive(Default)]
pub(super) struct Wrong {
    pub(super) asset: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) device: Option<&'static str>,
}

/// What is wrong with no single field.
pub(super) struct Notice {
    pub(super) title: String,
    pub(super) text: String,
    /// Where to go instead.
    pub(super) link: Option<(String, String)>,
}

/// One of several devices of a name.
pub(super) struct Candidate {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) detail: Option<String>,
    pub(super) is_mine: bool,
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
    pub(super) fn fresh() -> Self {
        Self {
            status: StatusCode::OK,
            ..Self::default()
        }
    }
}

/// What the form says where this was in the way.
pub(super) fn refusal(
    error: AskError,
    app: &App,
    who: &SignedIn,
    behalf: Option<&OnBehalf>,
) -> Answer {
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
            answer.notice = Some(Notice::of_a_mistake(app));
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

    /// The policy cannot be carried out.
    fn of_a_mistake(app: &App) -> Self {
        let told = if app.broker.has_alarms() {
            "Operators have been told. Nothing has been sent. Please call support."
        } else {
            "Nothing has been sent. Please call support: they can have this mended."
        };
        Self::new(
            "Nobody can approve your request for now",
            format!("The rules that say who approves have a mistake. {told}"),
        )
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
