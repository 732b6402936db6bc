//! The exchange of a code for what the provider says of whoever signed in.

use clavis_broker::audit::WhyNoSignIn;
use clavis_broker::identity::SignInSecrets;
use clavis_broker::ports::IdentityError;
use openidconnect::core::CoreErrorResponseType;
use openidconnect::{
    AuthorizationCode, ClientSecret, PkceCodeVerifier, RequestTokenError, StandardErrorResponse,
};
use secrecy::{ExposeSecret, SecretString};

use super::OidcProvider;
use super::published::{Published, unreached};
use super::token::Answer;
use crate::entra::{Refusal, Trouble, wire};

impl OidcProvider {
    /// Exchanges a code, which the provider takes once.
    pub(super) async fn exchange(
        &self,
        published: &Published,
        secrets: &SignInSecrets,
        code: &SecretString,
    ) -> Result<Answer, IdentityError> {
        let secret = self.settings.client_secret.expose_secret().to_owned();
        let client = self
            .client(published)?
            .set_auth_type(published.auth_type())
            .set_client_secret(ClientSecret::new(secret));
        let verifier = PkceCodeVerifier::new(secrets.verifier.expose().to_owned());
        client
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .set_pkce_verifier(verifier)
            .request_async(self.publisher.http())
            .await
            .map_err(failure)
    }
}

type Failure = RequestTokenError<Trouble, StandardErrorResponse<CoreErrorResponseType>>;

/// What became of it. Nothing of a body but the code of its error is repeated.
fn failure(error: Failure) -> IdentityError {
    match error {
        RequestTokenError::Request(trouble) => unreached(trouble),
        RequestTokenError::ServerResponse(answer) => {
            let code = wire::plain(answer.error().as_ref());
            match answer.error() {
                CoreErrorResponseType::InvalidClient
                | CoreErrorResponseType::UnauthorizedClient => {
                    let refusal = Refusal { code, number: None };
                    IdentityError::Unusable(Box::new(Trouble::Credentials(refusal)))
                }
                _ => IdentityError::refused(
                    WhyNoSignIn::ProviderRefused,
                    format!("the provider does not take the code ({code})"),
                ),
            }
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => IdentityError::refused(
            WhyNoSignIn::Nonsense,
            "what the provider gave for the code cannot be understood",
        ),
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::causes::with_causes;
    use clavis_broker::testing::altered;

    use super::*;

    #[test]
    fn of_an_error_of_a_provider_only_its_code_is_told() {
        let sound = r#"{"error":"invalid_client","error_description":"geheim",
            "error_uri":"https://geheim"}"#;
        let pieces = [
            "\"",
            "{",
            "}",
            ",",
            ":",
            "null",
            "unauthorized_client",
            "a b",
            "\\r\\n",
            "\\u0000",
            "é",
            "<script>",
            "\"error\":",
            "x-",
            ".",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = altered(sound, bytes, &pieces);
            let read = serde_json::from_str(&text);
            let Ok::<StandardErrorResponse<CoreErrorResponseType>, _>(answer) = read else {
                return;
            };
            let code = answer.error().as_ref().to_owned();
            let told = with_causes(&failure(RequestTokenError::ServerResponse(answer)));
            assert!(
                told.bytes().all(|b| (b' '..=b'~').contains(&b)) && !told.contains('<'),
                "{told:?}"
            );
            assert!(
                !told.contains("geheim") || code.contains("geheim"),
                "{told:?}"
            );
        });
    }
}
