//! What went wrong, as RFC 9457 has it: a `type` that stays the same, a status, and words for people.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use clavis_broker::lifecycle::Refusal;
use clavis_broker::programs::Scope;
use serde::Serialize;

use super::body::json;
use crate::fault::Fault;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    /// What exactly, where the kind does not say it.
    detail: Option<String>,
    /// After how long another try makes sense.
    pub(crate) wait: Option<Duration>,
}

/// Which problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No token was shown.
    NoToken,
    /// A token was shown that does not hold.
    InvalidToken,
    /// A message does not come from who is known to send there, as far as can be told.
    UnprovenMessage,
    /// The token is not good for this.
    WrongScope(Scope),
    NotFound,
    MethodNotAllowed,
    Malformed,
    NoKey,
    NotJson,
    TooLarge,
    Invalid,
    KeyReused,
    UnknownDevice,
    AmbiguousDevice,
    NothingEscrowed,
    UnknownKey,
    NobodyToAsk,
    UnfitBeneficiary,
    UnfitRequester,
    NotInTheirName,
    AlreadyOpen,
    /// The request does not allow it.
    Refused(Refusal),
    NotConcerned,
    TooMany,
    TooManyAtOnce,
    Unavailable,
    Broken,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl Problem {
    pub(crate) fn of(kind: Kind) -> Self {
        Self {
            kind,
            detail: None,
            wait: None,
        }
    }

    /// What was sent is not what is wanted.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::of(Kind::Invalid)
        }
    }

    /// It is too much for now.
    pub(crate) fn wait(wait: Duration) -> Self {
        Self {
            wait: Some(wait),
            ..Self::of(Kind::TooMany)
        }
    }

    /// What a program is told of a fault.
    pub(crate) fn told(fault: &Fault) -> Self {
        Self::of(match fault {
            Fault::Problem(problem) => return problem.clone(),
            Fault::NotFound | Fault::SignInFirst { .. } => Kind::NotFound,
            Fault::MethodNotAllowed => Kind::MethodNotAllowed,
            Fault::Malformed | Fault::ForeignForm => Kind::Malformed,
            Fault::TooLarge => Kind::TooLarge,
            Fault::TooMany { .. }
            | Fault::TooManyEverywhere { .. }
            | Fault::TooManyLinks { .. }
            | Fault::AskedTooOften { .. }
            | Fault::TooManyAtOnce => Kind::TooMany,
            Fault::Unavailable(_) => Kind::Unavailable,
            Fault::Unrenderable(_) | Fault::BadHeader(_) | Fault::Panicked => Kind::Broken,
        })
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.kind.parts().0
    }

    /// The answer, but for how long to wait.
    pub(crate) fn answer(&self) -> Response {
        let (status, name, title) = self.kind.parts();
        let body = Body {
            r#type: format!("urn:clavis:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail.as_deref(),
        };
        let mut answer = json(status, &body);
        let headers = answer.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, json);
        let challenge = match self.kind {
            Kind::NoToken => Some("Bearer realm=\"clavis\"".to_owned()),
            Kind::InvalidToken => {
                Some("Bearer realm=\"clavis\", error=\"invalid_token\"".to_owned())
            }
            Kind::WrongScope(scope) => Some(format!(
                "Bearer realm=\"clavis\", error=\"insufficient_scope\", scope=\"{scope}\""
            )),
            Kind::UnprovenMessage => Some("Basic realm=\"clavis\", charset=\"UTF-8\"".to_owned()),
            _ => None,
        };
        if let Some(challenge) = challenge.and_then(|it| HeaderValue::try_from(it).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.parts().1)
    }
}

impl std::error::Error for Problem {}

impl Kind {
    /// Its status, the name that ends its `type`, and its title.
    #[rustfmt::skip]
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::NoToken => (S::UNAUTHORIZED, "no-token", "Show a token in the header Authorization"),
            Self::InvalidToken => (S::UNAUTHORIZED, "invalid-token", "The token is not valid, or no more"),
            Self::UnprovenMessage => (S::UNAUTHORIZED, "unproven-message", "The message does not prove whose it is, or not as of now"),
            Self::WrongScope(_) => (S::FORBIDDEN, "wrong-scope", "The token is not good for this"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is nothing here, or nothing that is yours"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "This cannot be done here"),
            Self::Malformed => (S::BAD_REQUEST, "malformed", "The body is no JSON"),
            Self::NoKey => (S::BAD_REQUEST, "no-idempotency-key", "Send one header Idempotency-Key, of 1 to 255 visible ASCII characters"),
            Self::NotJson => (S::UNSUPPORTED_MEDIA_TYPE, "not-json", "Send JSON, as application/json"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::Invalid => (S::UNPROCESSABLE_ENTITY, "invalid", "What was sent is not what is wanted here"),
            Self::KeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key came with another body before"),
            Self::UnknownDevice => (S::UNPROCESSABLE_ENTITY, "unknown-device", "No device goes by that name"),
            Self::AmbiguousDevice => (S::UNPROCESSABLE_ENTITY, "ambiguous-device", "Several devices go by that name: name it by its ID"),
            Self::NothingEscrowed => (S::UNPROCESSABLE_ENTITY, "nothing-escrowed", "No key is escrowed for the device"),
            Self::UnknownKey => (S::UNPROCESSABLE_ENTITY, "unknown-key", "The device has no key of that ID"),
            Self::NobodyToAsk => (S::UNPROCESSABLE_ENTITY, "nobody-to-ask", "Nobody may approve this"),
            Self::UnfitBeneficiary => (S::UNPROCESSABLE_ENTITY, "unfit-beneficiary", "The directory knows no such person, or they may not be given a key"),
            Self::UnfitRequester => (S::UNPROCESSABLE_ENTITY, "unfit-requester", "The directory knows no such person, or they may not ask"),
            Self::NotInTheirName => (S::UNPROCESSABLE_ENTITY, "not-in-their-name", "This token asks in the name of its person alone"),
            Self::AlreadyOpen => (S::CONFLICT, "already-open", "There is an open request for this person and device"),
            Self::Refused(Refusal::NotConcerned) | Self::NotConcerned => (S::FORBIDDEN, "not-concerned", "Whoever this token acts for has no say in this"),
            Self::Refused(Refusal::Closed | Refusal::Overdue | Refusal::ApprovalTooOld) => (S::CONFLICT, "over", "The request is over"),
            Self::Refused(Refusal::AlreadyVoted) => (S::CONFLICT, "already-said", "This yes was said already"),
            Self::Refused(Refusal::AlreadyDecided) => (S::CONFLICT, "already-decided", "The request is decided already"),
            Self::Refused(_) => (S::CONFLICT, "refused", "The request does not allow this now"),
            Self::TooMany => (S::TOO_MANY_REQUESTS, "too-many", "This is too much for now"),
            Self::TooManyAtOnce => (S::TOO_MANY_REQUESTS, "too-many-at-once", "Other requests of this program are still being looked up"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "Something that Clavis relies on does not answer; nothing has changed"),
            Self::Broken => (S::INTERNAL_SERVER_ERROR, "broken", "This is a mistake of Clavis, and it has been noted"),
        }
    }
}
