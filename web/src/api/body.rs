//! JSON that is read to the letter: what has too much, too little or something else is refused.

use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::error::Category;

use super::problem::{Kind, Problem};
use crate::app::App;
use crate::fault::Fault;
use crate::headers::only;

/// A body of JSON.
pub(crate) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &App) -> Result<Self, Fault> {
        if !is_json(request.headers()) {
            return Err(Problem::of(Kind::NotJson).into());
        }
        let body = Bytes::from_request(request, app).await;
        let body = body.map_err(|rejection| match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Fault::TooLarge,
            _ => Fault::Malformed,
        })?;
        Ok(Self(from_json(&body)?))
    }
}

/// What bytes of JSON say.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let read = serde_json::from_slice(bytes);
    read.map_err(|error| match error.classify() {
        Category::Data => Problem::invalid(error.to_string()),
        // Two fields where one is wanted end the reading early.
        _ if is_whole(bytes) => Problem::invalid(error.to_string()),
        Category::Io | Category::Syntax | Category::Eof => Problem::of(Kind::Malformed),
    })
}

/// Whether it is JSON, of whatever shape.
fn is_whole(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// An answer of JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let text = serde_json::to_string(value).expect("whatever is answered can be written as JSON");
    (status, [(CONTENT_TYPE, "application/json")], text).into_response()
}

/// Whether the one type that is named is that of JSON, whatever parameters stand behind it.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = only(headers, CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// What an address's query says, to the letter.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let read = Query::try_from_uri(uri);
    let Query(read) = read.map_err(|error| Problem::invalid(error.body_text()))?;
    Ok(read)
}

/// A field that may be missing, and is no `null`.
pub(super) fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_named_once() {
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_TYPE, line.parse().unwrap());
            }
            is_json(&headers)
        };
        assert!(read(&["application/json"]));
        assert!(read(&["Application/JSON; charset=utf-8"]));
        for lines in [
            &[][..],
            &["application/json", "application/json"],
            &["text/json"],
            &["application/x-www-form-urlencoded"],
            &["text/plain; application/json"],
        ] {
            assert!(!read(lines), "{lines:?}");
        }
    }
}
