//! What programs elsewhere tell Clavis by themselves: messages of service desks, which are hints, and
//! signed messages, which ask as the API does.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use clavis_broker::ports::{EventError, Signed};
use clavis_broker::programs::Scope;
use clavis_broker::service::{HearError, Sent};
use clavis_broker::tickets::DeskName;
use serde::Deserialize;

use crate::api::{self, Kind, Problem};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::headers::only;

/// Where they come to; a name is what follows.
pub(crate) const ROOT: &str = "/hooks/";
/// The longest message of a service desk that is read: a ticket with all that hangs on it, or a hundred of
/// them. Who shows no credential of a desk's does not get so far with one (`porter`).
pub(crate) const LONGEST: usize = 256 * 1024;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// A signed message.
#[derive(Deserialize)]
#[serde(tag = "type", content = "data")]
enum Message {
    #[serde(rename = "request.create")]
    Create(api::Asked),
    #[serde(rename = "request.withdraw")]
    Withdraw(Named),
}

/// A request, by the name that people use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    reference: String,
}

/// Takes a message for the desk or the program whose name the address ends with. Strangers learn nothing
/// of which there are.
pub(crate) async fn take(
    State(app): State<App>,
    Source(source): Source,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fault> {
    let body = body.map_err(|_| Fault::TooLarge)?;
    app.limits.count_call_from(source).map_err(Problem::wait)?;
    let name = uri.path().strip_prefix(ROOT).unwrap_or_default();
    let desk = DeskName(name.to_owned());
    let taken = if app.broker.has_desk(&desk) {
        hear(&app, &desk, &headers, &body).await
    } else {
        read(&app, name, source, &headers, &body).await
    };
    if let Err(Fault::Problem(Problem {
        kind: Kind::UnprovenMessage,
        ..
    })) = &taken
    {
        app.limits
            .count_wrong_token(source)
            .map_err(Problem::wait)?;
    }
    taken
}

/// Of a desk's message nothing is believed but which tickets to look at, which is done later.
async fn hear(
    app: &App,
    desk: &DeskName,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Fault> {
    let credential = only(headers, &AUTHORIZATION);
    match app.broker.hear(desk, credential, body).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(HearError::NoSuchDesk | HearError::NotTaken(EventError::Stranger)) => {
            Err(Problem::of(Kind::UnprovenMessage).into())
        }
        Err(HearError::NotTaken(EventError::Nonsense)) => Err(Problem::of(Kind::Malformed).into()),
        Err(HearError::Unavailable(error)) => Err(error.into()),
    }
}

/// A signed message does what a call of the API does; its ID is the key by which it is known when it
/// comes again.
async fn read(
    app: &App,
    name: &str,
    source: Option<std::net::IpAddr>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Fault> {
    let field = |name| only(headers, name).unwrap_or_default();
    let message = Signed {
        id: field(&ID),
        timestamp: field(&TIMESTAMP),
        signature: field(&SIGNATURE),
        body,
    };
    let sent = app.broker.sender(name, &message);
    let Sent { program, scopes } = sent.map_err(|why| {
        if let Some(times) = app.unproven.count(why) {
            tracing::info!(times, %why, "messages were not believed");
        }
        Problem::of(Kind::UnprovenMessage)
    })?;
    let may = |scope| {
        let is_allowed = scopes.contains(&scope);
        is_allowed
            .then_some(())
            .ok_or(Problem::of(Kind::WrongScope(scope)))
    };
    match api::from_json(body)? {
        Message::Create(asked) => {
            may(Scope::Create)?;
            let ask = asked.read(message.id)?;
            api::make(app, &program, ask, source).await
        }
        Message::Withdraw(named) => {
            may(Scope::Withdraw)?;
            let reference = named.reference.parse().map_err(|_| Fault::NotFound)?;
            api::take_back_once(app, &program, &reference, source).await
        }
    }
}
