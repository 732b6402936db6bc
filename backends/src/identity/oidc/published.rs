//! What the provider publishes about itself: its addresses and its keys. Kept for an hour, and
//! fetched anew once where something was signed with a key that is not known: keys roll over.

use std::sync::Arc;
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
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::http::Http;
use crate::entra::Trouble;

/// For how long what was published is taken to hold: a key that was withdrawn is trusted no longer.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// How often an unknown key may lead to a fetch. Whoever makes keys up could have the provider
/// asked without end otherwise.
const NO_OFTENER_THAN: Duration = Duration::from_secs(30);

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
pub(super) struct Publisher {
    issuer: String,
    http: Http,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    published: Option<Arc<Published>>,
    /// When an unknown key last led to a fetch.
    renewed_at: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(issuer: String, http: Http) -> Self {
        Self {
            issuer,
            http,
            kept: Mutex::default(),
        }
    }

    /// The way to the provider.
    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// What is published, no older than an hour.
    pub(super) async fn published(&self) -> Result<Arc<Published>, IdentityError> {
        // Held while fetching, so that it is fetched once for all that wait.
        let mut kept = self.kept.lock().await;
        if let Some(published) = &kept.published
            && published.fetched_at.elapsed() < GOOD_FOR
        {
            return Ok(Arc::clone(published));
        }
        self.fetch(&mut kept).await
    }

    /// What is published now, where a key is missing in what was known; `None` where that was
    /// fetched only just now.
    pub(super) async fn renewed(
        &self,
        known: &Arc<Published>,
    ) -> Result<Option<Arc<Published>>, IdentityError> {
        let mut kept = self.kept.lock().await;
        // Somebody else has missed a key, too, and was faster.
        if let Some(published) = &kept.published
            && !Arc::ptr_eq(published, known)
        {
            return Ok(Some(Arc::clone(published)));
        }
        if (kept.renewed_at).is_some_and(|at| at.elapsed() < NO_OFTENER_THAN) {
            return Ok(None);
        }
        kept.renewed_at = Some(Instant::now());
        self.fetch(&mut kept).await.map(Some)
    }

    async fn fetch(&self, kept: &mut Kept) -> Result<Arc<Published>, IdentityError> {
        let issuer = IssuerUrl::new(self.issuer.clone());
        let issuer = issuer.map_err(|error| IdentityError::Unusable(Box::new(error)))?;
        // The library compares the issuer with what the provider calls itself, letter by letter.
        let metadata = Metadata::discover_async(issuer, &self.http)
            .await
            .map_err(undiscovered)?;
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
        let published = Arc::new(Published {
            keys: metadata.jwks().clone(),
            metadata,
            fetched_at: Instant::now(),
        });
        kept.published = Some(Arc::clone(&published));
        Ok(published)
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
