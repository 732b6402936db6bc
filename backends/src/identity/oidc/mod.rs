//! An identity provider that speaks OpenID Connect: the code flow with PKCE.
//!
//! Read in this order: what the provider publishes about itself (`published`), where a browser is
//! sent (`begin`, here), what the code is exchanged for (`exchange`), and what of that is believed
//! (`token`, `person`, `roles`). `http` is the way there.

mod check;
mod exchange;
mod http;
mod person;
mod published;
mod roles;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::audit::WhyNoSignIn;
use clavis_broker::identity::{ProviderName, SignInSecrets};
use clavis_broker::ports::{Clock, Finding, Identified, IdentityError, IdentityProvider};
use clavis_config::settings::Provider;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
};
use openidconnect::{
    ClientId, CsrfToken, EndpointNotSet, EndpointSet, LogoutRequest, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, RedirectUrl, Scope, StandardErrorResponse,
};
use secrecy::SecretString;

use http::Http;
use published::{Published, Publisher};
use token::{Answer, Said};

/// An identity provider that speaks OpenID Connect.
pub struct OidcProvider {
    settings: Provider,
    addresses: Addresses,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
}

/// Where the provider sends browsers back to. Both have to be registered there.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// After somebody has signed in.
    pub callback: String,
    /// After somebody has signed out.
    pub signed_out: String,
}

/// What the library asks with.
type Client = openidconnect::Client<
    Said,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Answer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

impl OidcProvider {
    /// The provider of these settings. Reaches nothing yet.
    pub fn new(settings: Provider, addresses: Addresses, clock: Arc<dyn Clock>) -> Self {
        let http = Http::new(&settings, Arc::clone(&clock));
        Self {
            publisher: Publisher::new(settings.issuer.clone(), http),
            settings,
            addresses,
            clock,
        }
    }

    fn client(&self, published: &Published) -> Result<Client, IdentityError> {
        let callback = RedirectUrl::new(self.addresses.callback.clone());
        let callback = callback.map_err(|error| IdentityError::Unusable(Box::new(error)))?;
        let metadata = &published.metadata;
        let token_url = published.token_url()?;
        Ok(openidconnect::Client::new(
            self.client_id(),
            metadata.issuer().clone(),
            published.keys.clone(),
        )
        .set_auth_uri(metadata.authorization_endpoint().clone())
        .set_token_uri(token_url)
        .set_redirect_uri(callback))
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.settings.client_id.clone())
    }
}

#[async_trait]
impl IdentityProvider for OidcProvider {
    fn name(&self) -> &ProviderName {
        &self.settings.name
    }

    async fn begin(&self, secrets: &SignInSecrets) -> Result<String, IdentityError> {
        let published = self.publisher.published().await?;
        let client = self.client(&published)?;
        let state = CsrfToken::new(secrets.state.expose().to_owned());
        let nonce = Nonce::new(secrets.nonce.expose().to_owned());
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let verifier = PkceCodeVerifier::new(secrets.verifier.expose().to_owned());
        let (address, _, _) = client
            .authorize_url(flow, move || state, move || nonce)
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(address.into())
    }

    async fn finish(
        &self,
        secrets: &SignInSecrets,
        code: &SecretString,
        issuer: Option<&str>,
    ) -> Result<Identified, IdentityError> {
        let published = self.publisher.published().await?;
        // Before the code goes anywhere: it may be another provider's.
        self.check_issuer(&published, issuer)?;
        let answer = self.exchange(&published, secrets, code).await?;
        let said = self.believe(published, &answer, &secrets.nonce).await?;
        let query = person::query(&said, self.settings.person_by)?;
        let roles_claim = self.settings.roles_claim.as_deref();
        let taken = roles_claim.map(|name| roles::taken(&said, name));
        let taken = taken.unwrap_or_default();
        if let Some(warning) = taken.warning {
            tracing::warn!(provider = %self.settings.name, "{warning}");
        }
        let claims = taken.values;
        Ok(Identified { query, claims })
    }

    async fn sign_out(&self) -> Option<String> {
        let published = self.publisher.published().await.ok()?;
        let endpoint = published.about().end_session_endpoint.clone()?;
        let back = PostLogoutRedirectUrl::new(self.addresses.signed_out.clone()).ok()?;
        // The ID token, by which a provider would know whose session to end without asking, is not
        // kept: the provider asks, or goes by its own cookie.
        let request = LogoutRequest::from(endpoint)
            .set_client_id(self.client_id())
            .set_post_logout_redirect_uri(back);
        Some(request.http_get_url().into())
    }

    async fn check(&self) -> Vec<Finding> {
        self.try_all().await
    }
}

impl OidcProvider {
    /// Whether an answer is from this provider (RFC 9207). One that announces to say so always does.
    fn check_issuer(
        &self,
        published: &Published,
        issuer: Option<&str>,
    ) -> Result<(), IdentityError> {
        let announced = published
            .about()
            .authorization_response_iss_parameter_supported;
        let is_ours = match issuer {
            Some(issuer) => issuer == self.settings.issuer,
            None => !announced,
        };
        is_ours.then_some(()).ok_or_else(|| {
            let what = "the answer does not say that it is from this provider";
            IdentityError::refused(WhyNoSignIn::WrongIssuer, what)
        })
    }
}
