//! The page of an approver, by the link from their mail: what is asked, and the decision.
//!
//! Opening it decides nothing, whichever button of the mail was pressed: mail scanners open links.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::lifecycle::Refusal;
use clavis_broker::people::Party;
use clavis_broker::service::{Choice, Ownership, Review, ReviewError};
use clavis_broker::text::Comment;
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use super::{Frame, LinkToken, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::{Posted, query};
use crate::times::When;
use crate::words::{self, Standing};

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    path: &'a str,
    review: &'a Review,
    made_at: When,
    standing: Standing,
    comment: Option<(&'a Party, &'a Comment)>,
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
struct Aside<'a> {
    choice: Option<Choice>,
    typed: &'a str,
    wrong: Option<String>,
    not_counted: Option<&'static str>,
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
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Decided {
    choice: String,
    comment: String,
}

pub(crate) async fn show(
    State(app): State<App>,
    Source(source): Source,
    LinkToken(token): LinkToken,
    uri: Uri,
) -> Result<Response, Fault> {
    let review = app.broker.review(&token, source).await.map_err(fault_of)?;
    let asked: Decided = query(&uri);
    let aside = Aside {
        choice: choice(&asked.choice),
        ..Aside::default()
    };
    answer(&app, &token, uri.path(), &review, StatusCode::OK, aside)
}

pub(crate) async fn decide(
    State(app): State<App>,
    Source(source): Source,
    LinkToken(token): LinkToken,
    uri: Uri,
    form: Posted<Decided>,
) -> Result<Response, Fault> {
    let Decided {
        choice: chosen,
        comment: typed,
    } = form.served_to(&token)?;
    let chosen = choice(&chosen).ok_or(Fault::Malformed)?;
    let comment = match typed.trim() {
        "" => Ok(None),
        text => Comment::parse(text).map(Some),
    };
    let (status, aside) = match comment {
        Ok(comment) => match app.broker.decide(&token, chosen, comment, source).await {
            Ok(_) => return Ok(Redirect::to(uri.path()).into_response()),
            Err(ReviewError::Refused(why)) => {
                let aside = Aside {
                    not_counted: Some(not_counted(why)),
                    ..Aside::default()
                };
                (StatusCode::CONFLICT, aside)
            }
            Err(error) => return Err(fault_of(error)),
        },
        Err(error) => {
            let aside = Aside {
                choice: Some(chosen),
                typed: &typed,
                wrong: Some(error.to_string()),
                not_counted: None,
            };
            (StatusCode::UNPROCESSABLE_ENTITY, aside)
        }
    };
    let review = app.broker.review(&token, source).await.map_err(fault_of)?;
    answer(&app, &token, uri.path(), &review, status, aside)
}

fn answer(
    app: &App,
    token: &PlainToken,
    path: &str,
    review: &Review,
    status: StatusCode,
    aside: Aside<'_>,
) -> Result<Response, Fault> {
    let now = app.broker.now();
    let request = &review.request;
    let is_undecided = request.state.approval().is_none() && words::is_open(request, now);
    let decide_by = request.state.due_at().filter(|_| is_undecided);
    let page = ReviewPage {
        frame: Frame::plain(&app.site),
        form_token: token.form_token(),
        path,
        review,
        made_at: app.site.when(request.made_at),
        standing: words::standing(request, now, &app.site),
        comment: words::comment(request),
        decide_by: decide_by.map(|at| app.site.when(at)),
        choice: aside.choice,
        typed: aside.typed,
        wrong: aside.wrong,
        not_counted: aside.not_counted,
    };
    page_with(status, &page)
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
            "The directory no longer lets you decide this request. Please call support."
        }
        _ => "There was nothing left to decide. This is how the request stands:",
    }
}

fn fault_of(error: ReviewError) -> Fault {
    match error {
        // Refusals have a page of their own; one that comes of looking is none of ours.
        ReviewError::Unknown | ReviewError::Refused(_) => Fault::NotFound,
        ReviewError::Unavailable(error) => error.into(),
    }
}
