//! Asking Graph: with a token, again where that is of use, and always within a deadline.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::Instant;

use super::call::Call;
use super::retry::{self, Failure, Setback};
use super::tenant::{Tenant, Wires};
use super::transport::Request;
use super::trouble::Answer;
use super::wire::{self, Reply};
use super::{Scope, Trouble};

/// The longest answer: a page of a thousand entries is about one megabyte.
const LONGEST: usize = 8 * 1024 * 1024;

/// What is sent along.
pub enum Body<'b> {
    /// Nothing.
    Empty,
    /// A JSON value.
    Json(&'b serde_json::Value),
    /// A message in MIME form, in base64.
    Mime(&'b str),
}

/// One question, wherever it leads.
pub(super) struct Question<'q> {
    pub(super) url: Url,
    pub(super) call: &'q Call,
    pub(super) body: Body<'q>,
    /// The longest answer.
    pub(super) limit: usize,
    /// Whether the connection ends with it.
    pub(super) last: bool,
    /// How far it came.
    pub(super) sent: Sent,
}

impl<'q> Question<'q> {
    /// A call of this address that brings nothing along and leaves its connection open.
    pub(super) fn new(url: Url, call: &'q Call) -> Self {
        Self {
            url,
            call,
            body: Body::Empty,
            limit: LONGEST,
            last: false,
            sent: Sent::default(),
        }
    }
}

/// How far a question came. It is kept beside the answer, since who stops waiting gets none.
#[derive(Debug, Default)]
pub(super) struct Sent(AtomicBool);

impl Sent {
    /// Whether it may have been carried out, as far as anybody knows here.
    pub(super) fn may_be_done(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn set(&self, may_be_done: bool) {
        self.0.store(may_be_done, Ordering::SeqCst);
    }
}

impl Tenant {
    /// The answer; `None` where what was asked for is not there.
    pub(super) async fn ask(
        &self,
        question: &Question<'_>,
        deadline: Instant,
    ) -> Result<Option<Reply>, Trouble> {
        let token = self.token(Scope::Graph, deadline).await?;
        // The state of a try is large; boxed, it weighs on no caller's.
        let tries = |token| Box::pin(self.tries(question, token, deadline));
        match tries(token.secret()).await {
            // A token can end early: what it was refused for was not carried out.
            Err(Trouble::Refused(Answer { status: 401, .. })) => {
                self.tokens().forget(Scope::Graph, &token).await;
                let token = self.token(Scope::Graph, deadline).await?;
                tries(token.secret()).await
            }
            outcome => outcome,
        }
    }

    async fn tries(
        &self,
        question: &Question<'_>,
        token: &SecretString,
        deadline: Instant,
    ) -> Result<Option<Reply>, Trouble> {
        let harmless = !question.call.is_order();
        let gate = self.gate(question.call.service());
        let once = || self.once(question, token);
        retry::until(deadline, gate, harmless, self.random(), once).await
    }

    async fn once(
        &self,
        question: &Question<'_>,
        token: &SecretString,
    ) -> Result<Option<Reply>, Failure> {
        let wires = self.wires().await.map_err(Failure::of)?;
        question.sent.set(true);
        let outcome = self.send_once(wires, question, token).await;
        if let Err(failure) = &outcome {
            question.sent.set(!failure.trouble.is_undone());
        }
        outcome
    }

    async fn send_once(
        &self,
        wires: &Wires,
        question: &Question<'_>,
        token: &SecretString,
    ) -> Result<Option<Reply>, Failure> {
        let request = Request {
            method: question.call.method().clone(),
            url: question.url.clone(),
            body: &question.body,
            eventual: question.call.is_eventual(),
            last: question.last,
        };
        let response = wires
            .graph
            .send(request, token)
            .await
            .map_err(Failure::of)?;
        let reply = wire::read(response, question.limit, self.clock())
            .await
            .map_err(Failure::of)?;
        match reply.status {
            200..300 => Ok(Some(reply)),
            404 => Ok(None),
            status => Err(Failure {
                setback: Setback::Status {
                    status,
                    retry_after: reply.retry_after,
                },
                trouble: refusal(&reply, question.call.permission()),
            }),
        }
    }
}

/// What is kept of an answer that refuses: never its message, which names people and devices.
fn refusal(reply: &Reply, needs: &'static str) -> Trouble {
    #[derive(Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(default)]
        code: String,
        #[serde(default, rename = "innerError")]
        inner: Option<InnerError>,
    }
    #[derive(Deserialize)]
    struct InnerError {
        #[serde(default, rename = "request-id")]
        request_id: String,
    }
    let error = serde_json::from_slice::<Body>(&reply.body).ok();
    let error = error.map(|body| body.error);
    let code = error.as_ref().map(|error| wire::plain(&error.code));
    let inner = error.and_then(|error| error.inner);
    let inner = inner.map(|inner| wire::plain(&inner.request_id));
    let answer = Answer {
        status: reply.status,
        code: code.unwrap_or_default(),
        request_id: inner
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| reply.request_id.clone()),
    };
    if answer.status == 403 && !needs.is_empty() {
        Trouble::Forbidden { needs, answer }
    } else {
        Trouble::Refused(answer)
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn of_an_answer_that_refuses_only_codes_are_kept() {
        let sound = r#"{"error":{"code":"Authorization_RequestDenied","message":"anna@example.com",
            "innerError":{"request-id":"d5bfb251-c671-4189-a6d1-9cb689adfe45"}}}"#;
        let pieces = [
            "\"",
            "{",
            "}",
            ",",
            ":",
            "null",
            "[]",
            "anna@example.com",
            "é",
            "\\u0000",
            " ",
        ];
        check!().for_each(|bytes: &[u8]| {
            let reply = Reply {
                status: 403,
                retry_after: None,
                date: None,
                request_id: "from-the-head".to_owned(),
                body: Zeroizing::new(altered(sound, bytes, &pieces).into_bytes()),
            };
            let Trouble::Forbidden { answer, .. } = refusal(&reply, "User.Read.All") else {
                panic!("403 is the lack of a permission");
            };
            assert!(!answer.request_id.is_empty());
            for word in [answer.code, answer.request_id] {
                let is_a_code = word.len() <= 64 && !word.contains(['@', ' ', '"', '\0']);
                assert!(is_a_code, "{word}");
            }
        });
    }
}
