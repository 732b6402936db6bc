//! The way to Graph: the one place that knows `graph-rs-sdk`.
//!
//! Of it only `custom` and `send` are used. Its paging sends the token wherever a next link points,
//! its retries repeat what may have been carried out, and its waiting for `Retry-After` has no end.

use async_trait::async_trait;
use graph_core::identity::{ClientApplication, ForceTokenRefresh};
use graph_rs_sdk::error::{AuthExecutionResult, AuthorizationFailure, GraphFailure};
use graph_rs_sdk::http::BodyRead;
use graph_rs_sdk::{GraphClient, GraphClientConfiguration};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Method, Proxy, Response, Url};
use secrecy::{ExposeSecret, SecretString};

use super::client::Body;
use super::{Trouble, wire};

tokio::task_local! {
    /// The token that a call has brought along.
    static TOKEN: SecretString;
}

/// The way to Graph.
pub(super) struct Transport {
    graph: GraphClient,
}

/// What is sent.
pub(super) struct Request<'r> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: &'r Body<'r>,
    /// Asks for advanced queries.
    pub(super) eventual: bool,
    /// Ends the connection after the answer.
    pub(super) last: bool,
}

impl Transport {
    /// The way to the Graph at `base`. Reads the certificates that the system trusts, which
    /// blocks, and panics where there are none.
    pub(super) fn open(base: &Url) -> Self {
        let mut head = HeaderMap::new();
        let own = [
            ("ocp-client-name", "Clavis"),
            ("ocp-client-version", env!("CARGO_PKG_VERSION")),
        ];
        for (name, value) in own {
            head.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        head.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // What is not packed is not unpacked into buffers that nobody wipes.
        head.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut configuration = GraphClientConfiguration::new()
            .client_application(Bearer)
            .user_agent(HeaderValue::from_static(wire::USER_AGENT))
            .default_headers(head)
            .referer(false)
            // The settings allow http for loopback addresses alone.
            .https_only(base.scheme() != "http");
        if base.scheme() == "http" {
            // A proxy of the environment would read tokens and keys. Any proxy of our own switches
            // those off, and this one is for no address.
            configuration = configuration.proxy(Proxy::custom(|_| None::<Url>));
        }
        let mut graph = GraphClient::from(configuration);
        graph.use_test_endpoint(base);
        Self { graph }
    }

    /// Sends a request with a token.
    pub(super) async fn send(
        &self,
        request: Request<'_>,
        token: &SecretString,
    ) -> Result<Response, Trouble> {
        let host = wire::host(&request.url);
        let url = request.url.clone();
        let body = body(request.body);
        let mut handler = self.graph.custom(request.method, body.map(BodyRead::from));
        *AsMut::<Url>::as_mut(&mut handler) = request.url;
        let head = handler.headers_mut();
        if let Some(kind) = kind(request.body) {
            head.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if request.eventual {
            let name = HeaderName::from_static("consistencylevel");
            head.insert(name, HeaderValue::from_static("eventual"));
        }
        if request.last {
            head.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let response = TOKEN
            .scope(token.clone(), handler.send())
            .await
            .map_err(|failure| trouble(failure, &host))?;
        // Redirections are followed: to another host without the token, and an order as a question.
        // Their ends are not what we asked.
        if *response.url() != url {
            return Err(Trouble::Nonsense(format!("{host} leads elsewhere")));
        }
        Ok(response)
    }
}

fn body(body: &Body<'_>) -> Option<reqwest::Body> {
    let bytes: Vec<u8> = match body {
        Body::Empty => return None,
        Body::Json(value) => value.to_string().into_bytes(),
        Body::Mime(text) => text.as_bytes().to_vec(),
    };
    // Wrapped, it cannot be sent a second time to wherever a redirection points.
    Some(reqwest::Body::wrap(reqwest::Body::from(bytes)))
}

fn kind(body: &Body<'_>) -> Option<&'static str> {
    match body {
        Body::Empty => None,
        Body::Json(_) => Some("application/json"),
        Body::Mime(_) => Some("text/plain"),
    }
}

/// The library's own words repeat addresses and heads, so none of them is kept.
fn trouble(failure: GraphFailure, host: &str) -> Trouble {
    let error = match failure {
        GraphFailure::ReqwestError(error) => Some(error),
        GraphFailure::Other(error) => error.downcast::<reqwest::Error>().ok().map(|error| *error),
        _ => None,
    };
    match error {
        Some(error) => Trouble::of(error, host),
        None => Trouble::Nonsense(format!("{host} cannot be asked like this")),
    }
}

/// Gives the library the token that the call has brought along.
#[derive(Clone)]
struct Bearer;

#[async_trait]
impl ClientApplication for Bearer {
    fn get_token_silent(&mut self) -> AuthExecutionResult<String> {
        TOKEN
            .try_with(|token| token.expose_secret().to_owned())
            .map_err(|_| AuthorizationFailure::required("token").into())
    }

    async fn get_token_silent_async(&mut self) -> AuthExecutionResult<String> {
        self.get_token_silent()
    }

    fn with_force_token_refresh(&mut self, _: ForceTokenRefresh) {}
}
