//! What the provider publishes about itself: its addresses and its keys. Kept for an hour, and
//! fetched anew once where something was signed with a key that is not known, or not by the one that
//! is: keys roll over. One fetch serves all that wait, whatever comes of it.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clavis_broker::ports::{EscrowFault, IdentityError};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, DiscoveryError, EndSessionUrl, IssuerUrl,
    ProviderMetadata, TokenUrl,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::http::Http;
use crate::entra::Trouble;

/// For how long what was published is taken to hold: a key that was withdrawn is trusted no longer.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// For how long a fetch that came to nothing stands for those after it.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// How often a key that is not known or does not fit may lead to a fetch. Whoever makes keys up could
/// have the provider asked without end otherwise.
const NO_OFTENER_THAN: Duration = Duration::from_mins(1);

/// What the provider publishes under `/.well-known/openid-configuration`.
pub(super) type Metadata = ProviderMetadata<
    About,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What is read of it beyond OpenID Connect Discovery.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct About {
    /// Where people sign out (OpenID Connect RP-Initiated Logout).
    pub(super) end_session_endpoint: Option<EndSessionUrl>,
    /// Whether every answer says whom it is from (RFC 9207).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
    /// The methods of PKCE (RFC 8414).
    pub(super) code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for About {}

/// What a provider has published.
pub(super) struct Published {
    pub(super) metadata: Metadata,
    pub(super) keys: CoreJsonWebKeySet,
    fetched_at: Instant,
}

impl Published {
    /// As if it had been fetched just now.
    #[cfg(test)]
    pub(super) fn of(metadata: Metadata, keys: CoreJsonWebKeySet) -> Self {
        Self {
            metadata,
            keys,
            fetched_at: Instant::now(),
        }
    }

    pub(super) fn about(&self) -> &About {
        self.metadata.additional_metadata()
    }

    /// Where a code is exchanged.
    pub(super) fn token_url(&self) -> Result<TokenUrl, IdentityError> {
        let url = self.metadata.token_endpoint().cloned();
        url.ok_or_else(|| nonsense("the provider publishes no token endpoint"))
    }

    /// How the provider wants the secret: in the head of the request unless it takes it in the body
    /// alone (OpenID Connect Discovery, section 3).
    pub(super) fn auth_type(&self) -> AuthType {
        let takes = |method| {
            let methods = self.metadata.token_endpoint_auth_methods_supported();
            methods.is_none_or(|methods| methods.contains(&method))
        };
        if !takes(CoreClientAuthMethod::ClientSecretBasic)
            && takes(CoreClientAuthMethod::ClientSecretPost)
        {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        }
    }
}

/// Fetches and keeps what is published.
pub(super) struct Publisher(Arc<Inner>);

struct Inner {
    issuer: String,
    http: Http,
    kept: Mutex<Kept>,
    /// Held while fetching, so that it is fetched once for all that wait.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    published: Option<Arc<Published>>,
    /// When a fetch last came to nothing, and why.
    failed: Option<(Instant, Failure)>,
    /// When a key that is not known or does not fit last led to a fetch.
    renewed_at: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(issuer: String, http: Http) -> Self {
        Self(Arc::new(Inner {
            issuer,
            http,
            kept: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }))
    }

    /// The way to the provider.
    pub(super) fn http(&self) -> &Http {
        &self.0.http
    }

    /// What is published, no older than an hour. Where it could not be fetched a moment ago, this
    /// fails at once: nobody waits for what others have waited for.
    pub(super) async fn published(&self) -> Result<Arc<Published>, IdentityError> {
        if let Some(answer) = self.0.kept().recent() {
            return answer;
        }
        on_its_own(Arc::clone(&self.0).published()).await
    }

    /// What is published now, where what was known has no key that fits; `None` where that was
    /// fetched only just now.
    pub(super) async fn renewed(
        &self,
        known: &Arc<Published>,
    ) -> Result<Option<Arc<Published>>, IdentityError> {
        on_its_own(Arc::clone(&self.0).renewed(Arc::clone(known))).await
    }
}

/// Goes on when whoever asked has left: others wait for the same.
async fn on_its_own<T: Send + 'static>(
    work: impl Future<Output = Result<T, IdentityError>> + Send + 'static,
) -> Result<T, IdentityError> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(IdentityError::Unavailable(Box::new(error))))
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing is half done while it is held.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn published(self: Arc<Self>) -> Result<Arc<Published>, IdentityError> {
        let _alone = self.fetching.lock().await;
        let recent = self.kept().recent();
        match recent {
            Some(answer) => answer,
            None => self.fetch().await,
        }
    }

    async fn renewed(
        self: Arc<Self>,
        known: Arc<Published>,
    ) -> Result<Option<Arc<Published>>, IdentityError> {
        let _alone = self.fetching.lock().await;
        {
            let mut kept = self.kept();
            // Somebody else has missed a key, too, and was faster.
            if let Some(published) = &kept.published
                && !Arc::ptr_eq(published, &known)
            {
                return Ok(Some(Arc::clone(published)));
            }
            if (kept.renewed_at).is_some_and(|at| at.elapsed() < NO_OFTENER_THAN) {
                return Ok(None);
            }
            kept.renewed_at = Some(Instant::now());
        }
        self.fetch().await.map(Some)
    }

    async fn fetch(&self) -> Result<Arc<Published>, IdentityError> {
        match self.ask().await {
            Ok(published) => {
                let published = Arc::new(published);
                let mut kept = self.kept();
                kept.published = Some(Arc::clone(&published));
                kept.failed = None;
                Ok(published)
            }
            Err(error) => {
                let failure = Failure::of(error);
                self.kept().failed = Some((Instant::now(), failure.clone()));
                Err(failure.told())
            }
        }
    }

    /// Asks for the addresses, and at one of them for the keys.
    async fn ask(&self) -> Result<Published, IdentityError> {
        let issuer = IssuerUrl::new(self.issuer.clone());
        let issuer = issuer.map_err(|error| IdentityError::Unusable(Box::new(error)))?;
        // The library compares the issuer with what the provider calls itself, letter by letter.
        let asking = Metadata::discover_async(issuer, &self.http);
        let metadata = match tokio::time::timeout(self.http.timeout(), asking).await {
            Ok(answer) => answer.map_err(undiscovered)?,
            Err(_) => return Err(unreached(Trouble::TooLate)),
        };
        let mut addresses = vec![
            metadata.authorization_endpoint().url(),
            metadata.jwks_uri().url(),
        ];
        addresses.extend(metadata.token_endpoint().map(TokenUrl::url));
        let about = metadata.additional_metadata();
        addresses.extend(about.end_session_endpoint.as_ref().map(EndSessionUrl::url));
        if !addresses.iter().all(|address| self.http.may_use(address)) {
            return Err(nonsense(
                "the provider publishes addresses without protection",
            ));
        }
        Ok(Published {
            keys: metadata.jwks().clone(),
            metadata,
            fetched_at: Instant::now(),
        })
    }
}

impl Kept {
    /// What is known without asking again.
    fn recent(&self) -> Option<Result<Arc<Published>, IdentityError>> {
        if let Some(published) = &self.published
            && published.fetched_at.elapsed() < GOOD_FOR
        {
            return Some(Ok(Arc::clone(published)));
        }
        let (at, failure) = self.failed.as_ref()?;
        (at.elapsed() < FAILED_FOR).then(|| Err(failure.told()))
    }
}

/// Why a fetch came to nothing, to be told to all that waited for it.
#[derive(Clone)]
struct Failure {
    is_for_now: bool,
    source: Arc<dyn Error + Send + Sync>,
}

impl Failure {
    fn of(error: IdentityError) -> Self {
        let is_for_now = matches!(error, IdentityError::Unavailable(_));
        let source = match error {
            IdentityError::Unavailable(source) | IdentityError::Unusable(source) => source,
            refused @ IdentityError::Refused { .. } => Box::new(refused),
        };
        Self {
            is_for_now,
            source: source.into(),
        }
    }

    fn told(&self) -> IdentityError {
        let source = Box::new(Arc::clone(&self.source));
        if self.is_for_now {
            IdentityError::Unavailable(source)
        } else {
            IdentityError::Unusable(source)
        }
    }
}

fn nonsense(what: &str) -> IdentityError {
    IdentityError::Unusable(Box::new(Trouble::Nonsense(what.to_owned())))
}

fn undiscovered(error: DiscoveryError<Trouble>) -> IdentityError {
    match error {
        DiscoveryError::Request(trouble) => unreached(trouble),
        DiscoveryError::Validation(_) => nonsense(
            "the provider calls itself by another issuer: copy `issuer` from what it publishes",
        ),
        DiscoveryError::Parse(error) => {
            let place = error.path().to_string();
            nonsense(&format!(
                "what the provider publishes cannot be understood at {place}"
            ))
        }
        _ => nonsense("the provider publishes nothing that can be used"),
    }
}

/// A question that came to no answer: time mends some of it.
pub(super) fn unreached(trouble: Trouble) -> IdentityError {
    match trouble.fault() {
        EscrowFault::Unavailable => IdentityError::Unavailable(Box::new(trouble)),
        EscrowFault::Denied | EscrowFault::Nonsense => IdentityError::Unusable(Box::new(trouble)),
    }
}
