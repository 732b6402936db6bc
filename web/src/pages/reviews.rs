//! The page of an approver who is signed in, by the reference of a request: where a notice in a channel
//! leads. It is the page of a review link, and has no token.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::service::{Review, ReviewError};

use super::review::{Aside, Decided, Place};
use super::{Frame, reference};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::Posted;
use crate::sessions::SignedIn;

pub(crate) async fn show(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let review = (app.broker)
        .review_of(who.person(), &reference(&uri)?, source)
        .await
        .map_err(fault)?;
    answer(&app, &who, &uri, &review, StatusCode::OK, Aside::default())
}

pub(crate) async fn decide(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<Decided>,
) -> Result<Response, Fault> {
    let decided = form.served_to(&who.token)?;
    let (choice, comment) = decided.read()?;
    let (broker, person, reference) = (&app.broker, who.person(), reference(&uri)?);
    let (status, aside) = match comment {
        Ok(comment) => {
            let deciding = broker.decide_as(person, &reference, choice, comment, source);
            match deciding.await {
                Ok(_) => return Ok(Redirect::to(uri.path()).into_response()),
                Err(ReviewError::Refused(why)) => (StatusCode::CONFLICT, Aside::of_refusal(why)),
                Err(error) => return Err(fault(error)),
            }
        }
        Err(aside) => (StatusCode::UNPROCESSABLE_ENTITY, aside),
    };
    let review = broker.review_of(person, &reference, source).await;
    answer(&app, &who, &uri, &review.map_err(fault)?, status, aside)
}

fn answer(
    app: &App,
    who: &SignedIn,
    uri: &Uri,
    review: &Review,
    status: StatusCode,
    aside: Aside<'_>,
) -> Result<Response, Fault> {
    let place = Place {
        app,
        frame: Frame::signed_in(&app.site, who),
        form_token: who.token.form_token(),
        path: uri.path(),
    };
    place.answer(review, status, aside)
}

/// Whoever was not asked is told what they are told of a request that there is not.
fn fault(error: ReviewError) -> Fault {
    match error {
        ReviewError::Unavailable(error) => error.into(),
        ReviewError::Unknown
        | ReviewError::SignInFirst
        | ReviewError::SomebodyElses
        | ReviewError::Refused(_) => Fault::NotFound,
    }
}
