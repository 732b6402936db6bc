//! The line that a request came over: an answer may say that it is the last on it.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The connection of a request, among the request's extensions where the server puts it there.
#[derive(Clone)]
pub struct Line(Arc<dyn Fn() + Send + Sync>);

impl Line {
    /// A line that ends as soon as `ends` is called and the answer is sent, and 1.5 s later in any
    /// case, whether the client has read the answer or not.
    pub fn new(ends: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(ends))
    }

    /// Says that the answer which is about to be given is the last: nothing of it stays in memory
    /// because the client is slow.
    pub(crate) fn ends(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

/// As an argument of a handler: the line, where the server tells it.
pub(crate) struct OnLine(pub(crate) Option<Line>);

impl<S: Sync> FromRequestParts<S> for OnLine {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Line>().cloned()))
    }
}
