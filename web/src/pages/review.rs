//! The page of an approver, by the link from their mail: what is asked, and the decision.
//!
//! Opening it decides nothing, whichever button of the mail was pressed: mail scanners open links.

use std::net::IpAddr;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::lifecycle::Refusal;
use clavis_broker::service::{Choice, Ownership, Review, ReviewError, ReviewGate, Visitor};
use clavis_broker::text::Comment;
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use super::gate::{Gate, somebody_elses};
use super::{Frame, LinkToken, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::{Posted, query, with_query};
use crate::sessions::SignedIn;
use crate::times::When;
use crate::words::{self, Said, Standing};

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    path: &'a str,
    review: &'a Review,
    made_at: When,
    standing: Standing,
    said: Vec<Said<'a>>,
    /// Why they are asked, where they were not at first.
    asked_later: Option<String>,
    /// Who has said yes so far, where more than one has to.
    supporters: String,
    /// The yes that was said from this seat or in the same place.
    answered: Option<String>,
    /// Until when there is something to decide; `None` once there is not.
    decide_by: Option<When>,
    choice: Option<Choice>,
    typed: &'a str,
    wrong: Option<String>,
    /// Said where a decision did not count.
    not_counted: Option<&'static str>,
}

/// What is said beside the review itself.
#[derive(Default)]
pub(super) struct Aside<'a> {
    pub(super) choice: Option<Choice>,
    pub(super) typed: &'a str,
    pub(super) wrong: Option<String>,
    pub(super) not_counted: Option<&'static str>,
}

/// Where the page stands, and whose form it has.
pub(super) struct Place<'a> {
    pub(super) app: &'a App,
    pub(super) frame: Frame<'a>,
    pub(super) form_token: PlainToken,
    pub(super) path: &'a str,
}

impl ReviewPage<'_> {
    const LONGEST_COMMENT: usize = Comment::MAX_CHARS;

    fn is_theirs(&self) -> bool {
        self.review.request.ownership() == Ownership::Theirs
    }

    fn is_shared(&self) -> bool {
        self.review.request.ownership() == Ownership::Shared
    }

    fn is_somebody_elses(&self) -> bool {
        self.review.request.ownership() == Ownership::SomebodyElses
    }

    fn is_approved_of(&self) -> bool {
        self.choice == Some(Choice::Approve)
    }

    fn is_declined_of(&self) -> bool {
        self.choice == Some(Choice::Decline)
    }

    fn needed(&self) -> usize {
        self.review.request.panel.needed()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Decided {
    choice: String,
    comment: String,
}

impl Decided {
    /// What was decided, and with which comment; or what is to be said of a comment that cannot be one.
    pub(super) fn read(&self) -> Result<(Choice, Result<Option<Comment>, Aside<'_>>), Fault> {
        let chosen = choice(&self.choice).ok_or(Fault::Malformed)?;
        let comment = match self.comment.trim() {
            "" => Ok(None),
            text => Comment::parse(text).map(Some).map_err(|error| Aside {
                choice: Some(chosen),
                typed: &self.comment,
                wrong: Some(error.to_string()),
                not_counted: None,
            }),
        };
        Ok((chosen, comment))
    }
}

/// Somebody with a review link in their hands.
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
    let asked: Decided = query(&uri);
    let caller = Caller::new(&app, &token, who.as_ref(), source, &uri);
    let review = match app.broker.review(&token, caller.visitor).await {
        Ok(review) => review,
        Err(error) => return caller.refused(error, &asked.choice),
    };
    let aside = Aside {
        choice: choice(&asked.choice),
        ..Aside::default()
    };
    caller.answer(&review, StatusCode::OK, aside)
}

pub(crate) async fn decide(
    State(app): State<App>,
    Source(source): Source,
    LinkToken(token): LinkToken,
    who: Option<SignedIn>,
    uri: Uri,
    form: Posted<Decided>,
) -> Result<Response, Fault> {
    let caller = Caller::new(&app, &token, who.as_ref(), source, &uri);
    let (broker, visitor) = (&app.broker, caller.visitor);
    let Some(holder) = caller.gate.holder(&token) else {
        let Decided { choice, .. } = form.served_to_anybody();
        return caller.refused(ReviewError::SignInFirst, &choice);
    };
    let decided = form.served_to(holder)?;
    let (chosen, comment) = decided.read()?;
    let (status, aside) = match comment {
        Ok(comment) => match broker.decide(&token, chosen, comment, visitor).await {
            Ok(_) => return Ok(Redirect::to(uri.path()).into_response()),
            Err(ReviewError::Refused(why)) => (StatusCode::CONFLICT, Aside::of_refusal(why)),
            Err(error) => return caller.refused(error, ""),
        },
        Err(aside) => (StatusCode::UNPROCESSABLE_ENTITY, aside),
    };
    match broker.review(&token, visitor).await {
        Ok(review) => caller.answer(&review, status, aside),
        Err(error) => caller.refused(error, ""),
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
        let is_shut = app.broker.gates().review == ReviewGate::SignIn;
        let gate = Gate { is_shut, who };
        Self {
            app,
            path: uri.path(),
            token,
            gate,
            visitor: gate.visitor(source),
        }
    }

    fn answer(
        &self,
        review: &Review,
        status: StatusCode,
        aside: Aside<'_>,
    ) -> Result<Response, Fault> {
        let place = Place {
            app: self.app,
            frame: self.gate.frame(&self.app.site),
            form_token: self.gate.form_token(self.token),
            path: self.path,
        };
        place.answer(review, status, aside)
    }

    fn refused(&self, error: ReviewError, choice: &str) -> Result<Response, Fault> {
        Err(match error {
            // Refusals have a page of their own; one that comes of looking is none of ours.
            ReviewError::Unknown | ReviewError::Refused(_) => Fault::NotFound,
            ReviewError::SignInFirst => Fault::SignInFirst {
                then: with_query(self.path, &[("choice", choice)]),
            },
            ReviewError::SomebodyElses => return somebody_elses(self.app, self.gate),
            ReviewError::Unavailable(error) => error.into(),
        })
    }
}

impl Aside<'_> {
    /// A decision did not count.
    pub(super) fn of_refusal(why: Refusal) -> Self {
        Self {
            not_counted: Some(not_counted(why)),
            ..Self::default()
        }
    }
}

impl Place<'_> {
    /// The page of a review.
    pub(super) fn answer(
        self,
        review: &Review,
        status: StatusCode,
        aside: Aside<'_>,
    ) -> Result<Response, Fault> {
        let (site, now) = (&*self.app.site, self.app.broker.now());
        let request = &review.request;
        let is_undecided = request.state.approval().is_none() && words::is_open(request, now);
        let decide_by = request.state.runs_out_at().filter(|_| is_undecided);
        let votes = request.votes().iter();
        let page = ReviewPage {
            frame: self.frame,
            form_token: self.form_token,
            path: self.path,
            review,
            made_at: site.when(request.made_at),
            standing: words::standing(request, &review.seat.party, now, site),
            said: words::said(request),
            asked_later: words::asked_later(request, &review.seat, site),
            supporters: words::all(votes.map(|vote| vote.by.name.as_str())),
            answered: answered(review).filter(|_| is_undecided),
            decide_by: decide_by.map(|at| site.when(at)),
            choice: aside.choice,
            typed: aside.typed,
            wrong: aside.wrong,
            not_counted: aside.not_counted,
        };
        page_with(status, &page)
    }
}

/// The yes that was said from this seat or in the same place, in words.
fn answered(review: &Review) -> Option<String> {
    let vote = review.request.vote_of(&review.seat)?;
    Some(if vote.by.id == review.seat.party.id {
        "You have said yes.".to_owned()
    } else {
        format!("{} has said yes in the same place.", vote.by.name)
    })
}

fn choice(text: &str) -> Option<Choice> {
    match text {
        "approve" => Some(Choice::Approve),
        "decline" => Some(Choice::Decline),
        _ => None,
    }
}

fn not_counted(why: Refusal) -> &'static str {
    match why {
        Refusal::NotConcerned => {
            "You cannot decide this any more: why you were asked no longer holds. Please call support."
        }
        Refusal::AtDesk => {
            "Its approvals are given in its ticket, at the service desk: please answer there. \
             Declining is possible here as well."
        }
        Refusal::AlreadyVoted => {
            "You have said yes already, or somebody in the same place has. It counts once."
        }
        _ => "There was nothing left to decide. This is how the request stands:",
    }
}
