//! Signing in as an app registration: the exchange of a proof for a token (RFC 6749, section 4.4).

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use clavis_broker::ports::{Clock, Random};
use oauth2::basic::{
    BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenResponse,
};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, ErrorResponse, HttpRequest, HttpResponse,
    RequestTokenError, StandardRevocableToken, TokenResponse, TokenUrl,
};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Trouble;
use super::credentials::{Credential, Proof};
use super::retry::{Failure, Setback};
use super::trouble::{Answer, Refusal};
use super::wire;

/// What a `client_assertion` is (RFC 7523, section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long a token is taken to be good for where nobody says.
const UNSAID: Duration = Duration::from_mins(5);

/// No answer with a token is longer.
const LONGEST: usize = 64 * 1024;

/// An app registration in a tenant.
pub(super) struct Application {
    pub(super) client_id: Uuid,
    pub(super) credential: Credential,
}

/// A token just given out.
pub(super) struct Fetched {
    /// The token.
    pub(super) secret: SecretString,
    /// For how long it is good.
    pub(super) good_for: Duration,
}

impl Application {
    /// Asks once for a token for a service.
    pub(super) async fn token(
        &self,
        http: &Client,
        token_url: &Url,
        resource: &str,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Fetched, Failure> {
        let proof = self
            .credential
            .proof(token_url, self.client_id, clock, random)
            .await
            .map_err(Failure::of)?;
        let client = OAuthClient::new(ClientId::new(self.client_id.to_string()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::from_url(token_url.clone()));
        let (client, assertion) = match &proof {
            Proof::Secret(secret) => {
                let secret = ClientSecret::new(secret.expose_secret().to_owned());
                (client.set_client_secret(secret), None)
            }
            Proof::Assertion(assertion) => (client, Some(assertion.expose_secret())),
        };
        let mut exchange = client
            .exchange_client_credentials()
            .add_scope(oauth2::Scope::new(format!("{resource}/.default")));
        if let Some(assertion) = assertion {
            exchange = exchange
                .add_extra_param("client_assertion_type", JWT_BEARER)
                .add_extra_param("client_assertion", assertion);
        }
        let answer = exchange
            .request_async(&Over { http, clock })
            .await
            .map_err(|error| failure(error, token_url))?;
        Ok(Fetched {
            secret: SecretString::from(answer.access_token().secret().as_str()),
            good_for: answer.expires_in().unwrap_or(UNSAID),
        })
    }
}

type OAuthClient = oauth2::Client<
    LoginError,
    BasicTokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// What Entra ID says where it refuses. The description is left where it is: it names people.
#[derive(Debug, Deserialize, Serialize)]
struct LoginError {
    error: String,
    #[serde(default)]
    error_codes: Vec<u64>,
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wire::plain(&self.error))
    }
}

impl ErrorResponse for LoginError {}

/// A try that came to no answer that OAuth knows.
#[derive(Debug, thiserror::Error)]
#[error("{trouble}")]
struct NoAnswer {
    trouble: Trouble,
    setback: Setback,
}

/// What the OAuth library sends its request over.
struct Over<'h> {
    http: &'h Client,
    clock: &'h dyn Clock,
}

impl<'c> AsyncHttpClient<'c> for Over<'_> {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(self.http, request, self.clock))
    }
}

/// Sends one request of the OAuth library.
async fn send(
    http: &Client,
    request: HttpRequest,
    clock: &dyn Clock,
) -> Result<HttpResponse, NoAnswer> {
    let failed = |trouble: Trouble| {
        let Failure { trouble, setback } = Failure::of(trouble);
        NoAnswer { trouble, setback }
    };
    let nonsense = || failed(Trouble::Nonsense("the sign-in cannot be asked for".into()));
    let request = reqwest::Request::try_from(request).map_err(|_| nonsense())?;
    let host = wire::host(request.url());
    let response = http
        .execute(request)
        .await
        .map_err(|error| failed(Trouble::of(error, &host)))?;
    let reply = wire::read(response, LONGEST, clock).await.map_err(failed)?;
    if matches!(reply.status, 300..400 | 404 | 429 | 500..) {
        return Err(NoAnswer {
            trouble: Trouble::Refused(Answer {
                status: reply.status,
                code: String::new(),
                request_id: reply.request_id,
            }),
            setback: Setback::Status {
                status: reply.status,
                retry_after: reply.retry_after,
            },
        });
    }
    let mut response = HttpResponse::new(reply.body.to_vec());
    *response.status_mut() = reqwest::StatusCode::from_u16(reply.status).unwrap_or_default();
    Ok(response)
}

/// What became of it. Nothing of a body is repeated: there may be a token in it.
fn failure(error: RequestTokenError<NoAnswer, LoginError>, token_url: &Url) -> Failure {
    match error {
        RequestTokenError::Request(NoAnswer { trouble, setback }) => Failure { trouble, setback },
        RequestTokenError::ServerResponse(error) => Failure::of(Trouble::Credentials(Refusal {
            code: wire::plain(&error.error),
            number: error.error_codes.first().copied(),
        })),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            let host = wire::host(token_url);
            Failure::of(Trouble::Nonsense(format!("{host} gives out no tokens")))
        }
    }
}
