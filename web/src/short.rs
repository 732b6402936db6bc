//! Short answers, for what never gets to a page.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};

use crate::headers;

/// Why a request does not get to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InShort {
    /// There is too much to do.
    Overloaded,
    /// It did not come in time.
    TooSlow,
    /// It is too large.
    TooLarge,
}

/// In seconds.
const RETRY_OVERLOADED: u64 = 5;

impl InShort {
    /// The answer.
    pub fn answer(self) -> Response<Body> {
        let (status, text) = match self {
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Clavis has too much to do right now. Nothing has changed. Please try again in a few \
                 seconds.\n",
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "The form did not come in time. Nothing has changed. Please send it again.\n",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "This is too long. Nothing has been sent. Go back and say it more shortly.\n",
            ),
        };
        let mut answer = Response::new(Body::from(text));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        if self == Self::Overloaded {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_OVERLOADED));
        }
        headers::put_on(answer, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_status_and_the_headers_of_every_answer() {
        for (why, status, retry) in [
            (InShort::Overloaded, 503, Some("5")),
            (InShort::TooSlow, 408, None),
            (InShort::TooLarge, 413, None),
        ] {
            let answer = why.answer();
            assert_eq!(answer.status().as_u16(), status);
            let header = |name: &str| answer.headers().get(name).map(|it| it.to_str().unwrap());
            assert_eq!(header("retry-after"), retry, "{why:?}");
            assert_eq!(header("x-content-type-options"), Some("nosniff"));
            assert_eq!(header("cache-control"), Some("no-store"));
        }
    }
}
