//! Trying the provider for real: what it publishes, and whether it knows Clavis.

use clavis_broker::audit::WhyNoSignIn;
use clavis_broker::causes::with_causes;
use clavis_broker::identity::SignInSecrets;
use clavis_broker::ports::{Finding, IdentityError};
use clavis_broker::tokens::PlainToken;
use openidconnect::core::{CoreClientAuthMethod, CoreJwsSigningAlgorithm};
use secrecy::SecretString;

use super::OidcProvider;
use super::published::Published;

/// A code that no provider has given out.
const NO_CODE: &str = "clavis-check";

impl OidcProvider {
    pub(super) async fn try_all(&self) -> Vec<Finding> {
        let published = match self.publisher.published().await {
            Ok(published) => published,
            Err(error) => return vec![unreachable(&error)],
        };
        let mut findings = vec![Finding::ok(format!(
            "{} publishes its addresses and {} keys",
            self.settings.issuer,
            published.keys.keys().len()
        ))];
        findings.extend(shortcomings(&published));
        findings.push(self.try_secret(&published).await);
        findings.push(Finding::ok(format!(
            "the redirect URI to register there is {}, and the one after signing out {}",
            self.addresses.callback, self.addresses.signed_out
        )));
        findings
    }

    /// Presents a code that nobody was given: a provider that knows Clavis refuses the code, and
    /// another one Clavis.
    async fn try_secret(&self, published: &Published) -> Finding {
        let Some(token) = PlainToken::parse(&"0".repeat(64)) else {
            unreachable!("it is a token");
        };
        let code = SecretString::from(NO_CODE);
        let secrets = SignInSecrets::of(&token);
        match self.exchange(published, &secrets, &code).await {
            Err(IdentityError::Refused { what, .. }) if what.contains("(invalid_grant)") => {
                Finding::ok(format!(
                    "the provider does not object to the application {}",
                    self.settings.client_id
                ))
            }
            Err(IdentityError::Refused {
                why: WhyNoSignIn::ProviderRefused,
                what,
            }) => Finding::warning(
                format!("whether the provider takes the application cannot be told: {what}"),
                "Sign in there once to see that it does.",
            ),
            Err(IdentityError::Refused { what, .. }) => Finding::failure(
                format!("no sign-in can succeed: {what}"),
                "See that the address under `token_endpoint` of what the provider publishes is the \
                 right one, and what stands between it and this machine.",
            ),
            Ok(_) => Finding::failure(
                "the provider gives out tokens for a code that nobody was given",
                "Do not use this provider.",
            ),
            Err(error @ IdentityError::Unusable(_)) => Finding::failure(
                with_causes(&error),
                "Compare `client_id` and the secret in `client_secret_file` with what is registered \
                 at the provider; a secret may have expired.",
            ),
            Err(error) => unreachable(&error),
        }
    }
}

/// What the provider says that it cannot do, and Clavis needs.
fn shortcomings(published: &Published) -> Vec<Finding> {
    let mut found = Vec::new();
    let about = published.about();
    let methods = about.code_challenge_methods_supported.as_ref();
    if methods.is_some_and(|methods| !methods.iter().any(|it| it == "S256")) {
        found.push(Finding::failure(
            "the provider takes no code challenges of the kind S256",
            "Turn on PKCE with S256 at the provider.",
        ));
    }
    let algorithms = published.metadata.id_token_signing_alg_values_supported();
    let taken = [
        CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    ];
    if !taken.iter().any(|it| algorithms.contains(it)) {
        found.push(Finding::failure(
            "the provider signs by none of RS256, PS256 and ES256",
            "Choose one of them at the provider.",
        ));
    }
    let methods = published.metadata.token_endpoint_auth_methods_supported();
    let by_secret = [
        CoreClientAuthMethod::ClientSecretBasic,
        CoreClientAuthMethod::ClientSecretPost,
    ];
    if methods.is_some_and(|methods| !by_secret.iter().any(|it| methods.contains(it))) {
        found.push(Finding::failure(
            "the provider takes no client secret",
            "Let the application prove itself by a secret there.",
        ));
    }
    if about.end_session_endpoint.is_none() {
        found.push(Finding::warning(
            "the provider publishes no address for signing out",
            "Whoever signs out of Clavis stays signed in there; nothing is to be done in Clavis.",
        ));
    }
    found
}

fn unreachable(error: &IdentityError) -> Finding {
    let remedy = match error {
        IdentityError::Unavailable(_) => {
            "Check that this machine reaches the provider, and trusts its certificate: `ca_file` \
             names the authorities to trust in place of the machine's."
        }
        _ => "Check `issuer`: under it, /.well-known/openid-configuration must name the very same.",
    };
    Finding::failure(with_causes(error), remedy)
}
