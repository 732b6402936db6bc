//! The API for programs: JSON in and out, one token with scopes, no cookies. What it is, says
//! `docs/openapi.json`, which is served here as well. Nothing of it ever holds a key, a link or the
//! token of a link.

mod admission;
mod body;
mod problem;
mod wire;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;

use clavis_broker::lifecycle::{Outcome, Request, State as Stage};
use clavis_broker::programs::Program;
use clavis_broker::service::{
    AdvanceError, AskError, Broker, ProgramAsk, ProgramAskError, ReviewError,
};
use clavis_broker::tokens::Reference;

use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::headers::only;
use crate::pages::reference;

pub(crate) use admission::admit;
pub(crate) use problem::{Kind, Problem};

pub(crate) use body::from_json;
pub(crate) use wire::Asked;

use body::{Json, json, query};
use wire::{Decided, Wanted};

/// Where everything of it lies.
pub(crate) const ROOT: &str = "/api/";

const DESCRIPTION: &str = include_str!("../../../docs/openapi.json");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST_KEY: usize = 255;

/// The description of the API.
pub(crate) async fn description() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION)
}

/// Makes a request.
pub(crate) async fn ask(
    State(app): State<App>,
    Source(source): Source,
    Extension(program): Extension<Program>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Result<Response, Fault> {
    let key = idempotency_key(&headers)?;
    let ask = asked.read(key)?;
    make(&app, &program, ask, source).await
}

/// Makes a request at a program's word.
pub(crate) async fn make(
    app: &App,
    program: &Program,
    ask: ProgramAsk,
    source: Option<IpAddr>,
) -> Result<Response, Fault> {
    let turn = app.turns.take(&program.name).await;
    let _turn = turn.ok_or(Problem::of(Kind::TooManyAtOnce))?;
    let counted = app.limits.count_ask_by(&program.name);
    counted.map_err(Problem::wait)?;
    let made = app.broker.ask_by(program, ask, source).await;
    let made = made.map_err(not_made)?;
    let place = HeaderValue::from_str(&format!("/api/v1/requests/{}", made.reference))?;
    let answer = json(StatusCode::CREATED, &wire::made(&made));
    Ok(([(LOCATION, place)], answer).into_response())
}

/// Shows a request.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(program): Extension<Program>,
    uri: Uri,
) -> Result<Response, Fault> {
    let found = app.broker.request_for(&program, &reference(&uri)?).await?;
    Ok(shown(&app.broker, &found.ok_or(Fault::NotFound)?))
}

/// Takes a request back.
pub(crate) async fn withdraw(
    State(app): State<App>,
    Source(source): Source,
    Extension(program): Extension<Program>,
    uri: Uri,
) -> Result<Response, Fault> {
    let reference = reference(&uri)?;
    take_back(&app, &program, &reference, source).await
}

/// Decides a request, in the name of whoever's token it is.
pub(crate) async fn decide(
    State(app): State<App>,
    Source(source): Source,
    Extension(program): Extension<Program>,
    uri: Uri,
    Json(decided): Json<Decided>,
) -> Result<Response, Fault> {
    let reference = reference(&uri)?;
    let (choice, comment) = decided.read()?;
    let broker = &app.broker;
    let decided = broker.decide_by(&program, &reference, choice, comment, source);
    match decided.await {
        Ok(Some(request)) => Ok(shown(broker, &request)),
        Ok(None) | Err(ReviewError::Unknown) => Err(Fault::NotFound),
        Err(ReviewError::Refused(why)) => Err(Problem::of(Kind::Refused(why)).into()),
        Err(ReviewError::SignInFirst | ReviewError::SomebodyElses) => {
            Err(Problem::of(Kind::NotConcerned).into())
        }
        Err(ReviewError::Unavailable(error)) => Err(error.into()),
    }
}

/// Lists what has become of requests.
pub(crate) async fn events(State(app): State<App>, uri: Uri) -> Result<Response, Fault> {
    let (after, limit) = query::<Wanted>(&uri)?.read()?;
    let events = app.broker.events_after(after, limit).await?;
    Ok(json(StatusCode::OK, &wire::events(&events)))
}

/// Takes a request back, once: whoever says so again is shown that it was taken back.
pub(crate) async fn take_back_once(
    app: &App,
    program: &Program,
    reference: &Reference,
    source: Option<IpAddr>,
) -> Result<Response, Fault> {
    let known = app.broker.request_for(program, reference).await?;
    let known = known.ok_or(Fault::NotFound)?;
    if let Stage::Closed(closing) = &known.state
        && matches!(closing.outcome, Outcome::Withdrawn { .. })
    {
        return Ok(shown(&app.broker, &known));
    }
    take_back(app, program, reference, source).await
}

async fn take_back(
    app: &App,
    program: &Program,
    reference: &Reference,
    source: Option<IpAddr>,
) -> Result<Response, Fault> {
    let withdrawn = app.broker.withdraw_by(program, reference, source).await;
    match withdrawn {
        Ok(Some(request)) => Ok(shown(&app.broker, &request)),
        Ok(None) => Err(Fault::NotFound),
        Err(AdvanceError::Refused(why)) => Err(Problem::of(Kind::Refused(why)).into()),
        Err(AdvanceError::Unavailable(error)) => Err(error.into()),
    }
}

fn shown(broker: &Broker, request: &Request) -> Response {
    json(StatusCode::OK, &wire::request(request, broker.now()))
}

/// The one key of a question.
fn idempotency_key(headers: &HeaderMap) -> Result<&str, Problem> {
    only(headers, IDEMPOTENCY_KEY)
        .filter(|key| (1..=LONGEST_KEY).contains(&key.len()))
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or(Problem::of(Kind::NoKey))
}

fn not_made(error: ProgramAskError) -> Fault {
    let kind = match error {
        ProgramAskError::OtherQuestion => Kind::KeyReused,
        ProgramAskError::NotInTheirName => Kind::NotInTheirName,
        ProgramAskError::Ask(error) => match *error {
            AskError::UnknownDevice => Kind::UnknownDevice,
            AskError::Ambiguous(_) => Kind::AmbiguousDevice,
            AskError::NothingEscrowed(_) => Kind::NothingEscrowed,
            AskError::WrongKeyId(_) => Kind::UnknownKey,
            AskError::NobodyToAsk(_) => Kind::NobodyToAsk,
            AskError::Unfit => Kind::UnfitRequester,
            AskError::UnfitBeneficiary => Kind::UnfitBeneficiary,
            AskError::AlreadyOpen(_) => Kind::AlreadyOpen,
            AskError::Unavailable(error) => return error.into(),
        },
    };
    Problem::of(kind).into()
}
