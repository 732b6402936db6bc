//! A request, as an agent sees it: all that its own page shows, what it waits for, and what an agent
//! can do about it.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::lifecycle::{Refusal, Request, State as Stands};
use clavis_broker::roles::{Agent, GlassBreaker};
use clavis_broker::service::{AdvanceError, DeskView};
use clavis_broker::text::Reason;
use clavis_broker::tokens::{PlainToken, Reference};
use jiff::Timestamp;
use serde::Deserialize;

use super::agent;
use super::ask::link_for;
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::Posted;
use crate::pages::ask::{OnBehalf, not_asked_again, turn_to_ask};
use crate::pages::body::Body;
use crate::pages::sign_in::NoFields;
use crate::pages::{Frame, page_with, reference};
use crate::sessions::SignedIn;
use crate::words::{self, Page, Wait};

/// What is said where the directory does not know any more whom a request was for.
const GONE: &str = "The directory does not know any more whom the request was for, so no key can be \
                    asked for. If that is wrong, it has to be mended there.";

/// The route by which the glass is broken.
pub(crate) const GLASS: &str = "/desk/requests/{reference}/break-glass";

/// What is typed to break the glass.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    reason: String,
    known: String,
}

/// What is wrong with it.
#[derive(Default)]
struct Wrong {
    reason: Option<String>,
    known: bool,
}

/// What a page says beside the request itself.
struct Answer {
    status: StatusCode,
    /// Why a button came to nothing.
    refused: Option<&'static str>,
    typed: Typed,
    wrong: Wrong,
}

#[derive(Template)]
#[template(path = "desk/request.html")]
struct DeskRequestPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    body: Body<'a>,
    refused: Option<&'static str>,
    waits: Vec<Wait>,
    may: May,
    typed: Typed,
    wrong: Wrong,
    /// Where to ask for the same device once more, after its end.
    ask_again: Option<String>,
}

/// What the reader may do to the request as it stands.
#[expect(clippy::struct_excessive_bools, reason = "each is a button of its own")]
struct May {
    /// Whether it is theirs: they asked, or get the key.
    own: bool,
    call_next: bool,
    send_again: bool,
    stop: bool,
    break_glass: bool,
    ask_again: bool,
}

pub(crate) async fn show(
    State(app): State<App>,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let agent = agent(&who)?;
    answer(&app, &who, &agent, &reference(&uri)?, Answer::plain()).await
}

pub(crate) async fn call_next(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    let (agent, reference) = (agent(&who)?, reference(&uri)?);
    let came = app.broker.call_next(&agent, &reference, source).await;
    settle(&app, &who, &agent, &reference, came).await
}

pub(crate) async fn send_again(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    let (agent, reference) = (agent(&who)?, reference(&uri)?);
    let came = app.broker.send_again(&agent, &reference, source).await;
    settle(&app, &who, &agent, &reference, came).await
}

pub(crate) async fn stop(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    let (agent, reference) = (agent(&who)?, reference(&uri)?);
    let came = app.broker.stop(&agent, &reference, source).await;
    settle(&app, &who, &agent, &reference, came).await
}

/// Asks once more for what a closed request of theirs asked for, for whom it was for. Where no request
/// comes of it, the form says why, filled in.
pub(crate) async fn ask_again(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    let (agent, reference) = (agent(&who)?, reference(&uri)?);
    let _turn = turn_to_ask(&app, &who).await?;
    let asked = app.broker.ask_for_again(&agent, &reference, source).await;
    let error = match asked {
        Ok(Some(request)) => return Ok(go_to(&request.reference)),
        // It is open, or of somebody else: its page knows. Or there is none.
        Ok(None) => return Ok(go_to(&reference)),
        Err(error) => error,
    };
    let found = app.broker.desk_view(&agent, &reference).await?;
    let request = found.ok_or(Fault::NotFound)?.queued.request;
    let of = app.broker.person_of(&agent, &request.beneficiary.id).await;
    let Some(of) = of? else {
        let said = Answer {
            status: StatusCode::CONFLICT,
            refused: Some(GONE),
            ..Answer::plain()
        };
        return answer(&app, &who, &agent, &reference, said).await;
    };
    let behalf = OnBehalf { agent, of };
    not_asked_again(&app, &who, Some(&behalf), &request, error)
}

/// Releases the keys without an approval. The page with the button is one of the desk, so whoever
/// presses it has to be an agent as well.
pub(crate) async fn break_glass(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<Typed>,
) -> Result<Response, Fault> {
    let typed = form.served_to(&who.token)?;
    let Ok(agent) = agent(&who) else {
        let refused = app.broker.refuse_access(&who.session, GLASS, source);
        refused.await?;
        return Err(Fault::NotFound);
    };
    let reference = reference(&uri)?;
    let by = who.roles.glass_breaker(who.person());
    let by = by.ok_or(Fault::NotFound)?;
    let reason = match (Reason::parse(&typed.reason), typed.known.is_empty()) {
        (Ok(reason), false) => reason,
        (reason, known) => {
            let wrong = Wrong {
                reason: reason.err().map(|error| error.to_string()),
                known,
            };
            let said = Answer {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                typed,
                wrong,
                ..Answer::plain()
            };
            return answer(&app, &who, &agent, &reference, said).await;
        }
    };
    let came = app
        .broker
        .break_glass(&by, &reference, reason, source)
        .await;
    settle(&app, &who, &agent, &reference, came).await
}

/// Goes back to the request, or shows it with why nothing came of it.
async fn settle(
    app: &App,
    who: &SignedIn,
    agent: &Agent,
    reference: &Reference,
    came: Result<Option<Request>, AdvanceError>,
) -> Result<Response, Fault> {
    match came {
        Ok(Some(_)) => Ok(go_to(reference)),
        Ok(None) => Err(Fault::NotFound),
        Err(AdvanceError::Refused(why)) => {
            let said = Answer {
                status: StatusCode::CONFLICT,
                refused: Some(words_of(why)),
                ..Answer::plain()
            };
            answer(app, who, agent, reference, said).await
        }
        Err(AdvanceError::Unavailable(error)) => Err(error.into()),
    }
}

fn go_to(reference: &Reference) -> Response {
    Redirect::to(&format!("/desk/requests/{reference}")).into_response()
}

async fn answer(
    app: &App,
    who: &SignedIn,
    agent: &Agent,
    reference: &Reference,
    said: Answer,
) -> Result<Response, Fault> {
    let found = app.broker.desk_view(agent, reference).await?;
    let DeskView { queued, history } = found.ok_or(Fault::NotFound)?;
    let request = &queued.request;
    let (site, now) = (&*app.site, app.broker.now());
    let wanted = request.wanted.as_ref().map_or("", |wanted| wanted.as_str());
    let is_over = !words::is_open(request, now);
    let page = DeskRequestPage {
        frame: Frame::signed_in(site, who),
        form_token: who.token.form_token(),
        body: Body::new(request, &history, Page::AtDesk, who.person(), now, site),
        refused: said.refused,
        waits: words::waits(&queued, now, site),
        may: May::of(request, who, now),
        typed: said.typed,
        wrong: said.wrong,
        ask_again: is_over.then(|| link_for(&request.beneficiary.id, &request.device, wanted)),
    };
    page_with(said.status, &page)
}

impl May {
    fn of(request: &Request, who: &SignedIn, now: Timestamp) -> Self {
        let is_open = words::is_open(request, now);
        let is_pending = is_open && matches!(request.state, Stands::Pending { .. });
        let breaker = who.roles.glass_breaker(who.person());
        let is_for_another = |by: GlassBreaker| {
            let mut askers = request.askers();
            !askers.any(|asker| asker.is_same_as(by.party()))
        };
        Self {
            own: request.concerns(who.person()),
            call_next: is_pending && words::has_next(request),
            send_again: is_open && can_be_sent(request, now),
            stop: is_open,
            break_glass: is_pending && breaker.is_some_and(is_for_another),
            ask_again: matches!(request.state, Stands::Closed(_))
                && request.requester.id == who.person().id,
        }
    }
}

/// Whether the approval still lets a link be sent.
fn can_be_sent(request: &Request, now: Timestamp) -> bool {
    match &request.state {
        Stands::Approved { deliver_by, .. } | Stands::LinkSent { deliver_by, .. } => {
            now < *deliver_by
        }
        Stands::Pending { .. } | Stands::Closed(_) => false,
    }
}

impl Answer {
    fn plain() -> Self {
        Self {
            status: StatusCode::OK,
            refused: None,
            typed: Typed::default(),
            wrong: Wrong::default(),
        }
    }
}

/// Why a command came to nothing, and what to do.
fn words_of(why: Refusal) -> &'static str {
    match why {
        Refusal::Closed => "The request is over. If the key is still needed, ask for it again.",
        Refusal::Overdue => "Its time has run out. If the key is still needed, ask for it again.",
        Refusal::AlreadyDecided => "It was decided meanwhile. Look at where it stands now.",
        Refusal::NotDecided | Refusal::NoLink => {
            "There is no key link yet: the request has to be approved first."
        }
        Refusal::NobodyLeft => {
            "There is nobody left to ask. Talk to one of those who were asked, or stop the request."
        }
        Refusal::NotConcerned => "You cannot do this: the key would be yours, or you asked for it.",
        Refusal::AtDesk => "Its approvals are given in the ticket, at the service desk.",
        Refusal::ApprovalTooOld => {
            "The approval is too old to send another link. Ask for the key again."
        }
        Refusal::NotDue | Refusal::Superseded | Refusal::AlreadyVoted | Refusal::NoKeys => {
            "The request does not allow it as it stands. Look at where it stands now."
        }
    }
}
