//! The ID token: what is signed, by whom, for whom, when, and for which sign-in. Nothing in it is
//! believed before all of that is right (OpenID Connect Core, section 3.1.3.7).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clavis_broker::audit::WhyNoSignIn;
use clavis_broker::ports::IdentityError;
use clavis_broker::tokens::PlainToken;
use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{
    CoreGenderClaim, CoreIdTokenVerifier, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, ClaimsVerificationError, ClientId, EmptyExtraTokenFields, IdToken,
    IdTokenClaims, IdTokenFields, Nonce, SignatureVerificationError, StandardTokenResponse,
    TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OidcProvider;
use super::published::Published;

/// By how much the clocks of Clavis and of the provider may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// How old a token may be: as long as a sign-in may take, since it is made at its end.
const OLDEST: SignedDuration = SignedDuration::from_mins(10);

/// The kinds of signatures that are taken: those with a public key that providers use. Never
/// `none`, and none by the client's secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 3] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
];

/// The claims that are read beyond those of OpenID Connect.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct Said {
    /// The ID of the account in Entra ID.
    pub(super) oid: Option<String>,
    /// The user principal name, as AD FS says it.
    pub(super) upn: Option<String>,
    /// All others.
    #[serde(flatten)]
    pub(super) more: BTreeMap<String, Value>,
}

impl AdditionalClaims for Said {}

/// What was signed.
pub(super) type Claims = IdTokenClaims<Said, CoreGenderClaim>;

type Token =
    IdToken<Said, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// What is given for a code.
pub(super) type Answer = StandardTokenResponse<
    IdTokenFields<
        Said,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

impl OidcProvider {
    /// The claims of an answer, where everything about it is right. A key that is not known, or
    /// does not fit, is looked for among those that are published now, once.
    pub(super) async fn believe(
        &self,
        published: Arc<Published>,
        answer: &Answer,
        nonce: &PlainToken,
    ) -> Result<Claims, IdentityError> {
        let token = answer.id_token().ok_or_else(|| {
            IdentityError::refused(WhyNoSignIn::Nonsense, "there is no ID token in the answer")
        })?;
        let now = self.clock.now();
        let verify =
            |published: &Published| verified(token, published, &self.client_id(), nonce, now);
        let outcome = match verify(&published) {
            Err(ClaimsVerificationError::SignatureVerification(error)) if is_of_keys(&error) => {
                let renewed = self.publisher.renewed(&published).await?;
                verify(&renewed.unwrap_or(published))
            }
            outcome => outcome,
        };
        outcome.map_err(|error| refused(&error))
    }
}

/// Whether other keys could make a signature right: keys roll over, some under the same name.
fn is_of_keys(error: &SignatureVerificationError) -> bool {
    use SignatureVerificationError::{AmbiguousKeyId, CryptoError, InvalidKey, NoMatchingKey};
    matches!(
        error,
        NoMatchingKey | AmbiguousKeyId(_) | InvalidKey(_) | CryptoError(_)
    )
}

fn verified(
    token: &Token,
    published: &Published,
    client_id: &ClientId,
    nonce: &PlainToken,
    now: Timestamp,
) -> Result<Claims, ClaimsVerificationError> {
    let earliest = moment(now - OLDEST - SKEW);
    let latest = moment(now + SKEW);
    // As for a client without a secret: then no signature by a secret is taken at all.
    let verifier = CoreIdTokenVerifier::new_public_client(
        client_id.clone(),
        published.metadata.issuer().clone(),
        published.keys.clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || moment(now - SKEW))
    .set_issue_time_verifier_fn(move |issued_at| {
        let is_now = earliest <= issued_at && issued_at <= latest;
        is_now
            .then_some(())
            .ok_or_else(|| "the token is of another time".to_owned())
    });
    let claims = token.claims(&verifier, &Nonce::new(nonce.expose().to_owned()))?;
    // Whom a token was given to, where it says so: the library leaves that to us.
    if (claims.authorized_party()).is_some_and(|party| **party != **client_id) {
        return Err(ClaimsVerificationError::InvalidAudience(
            "given to another".to_owned(),
        ));
    }
    Ok(claims.clone())
}

/// Why a token is not believed. What the library says repeats claims, so none of it is kept.
fn refused(error: &ClaimsVerificationError) -> IdentityError {
    use WhyNoSignIn::{BadSignature, Nonsense, WrongAudience, WrongIssuer, WrongNonce, WrongTime};
    let (why, what) = match error {
        ClaimsVerificationError::Expired(_) => (
            WrongTime,
            "the ID token has expired or is of another time: compare the clocks",
        ),
        ClaimsVerificationError::InvalidAudience(_) => {
            (WrongAudience, "the ID token is for another application")
        }
        ClaimsVerificationError::InvalidIssuer(_) => {
            (WrongIssuer, "the ID token is from another issuer")
        }
        ClaimsVerificationError::InvalidNonce(_) => {
            (WrongNonce, "the ID token is for another sign-in")
        }
        ClaimsVerificationError::SignatureVerification(error) => (
            BadSignature,
            match error {
                SignatureVerificationError::NoMatchingKey => {
                    "the ID token is signed with a key that the provider does not publish"
                }
                SignatureVerificationError::NoSignature => "the ID token is not signed",
                SignatureVerificationError::DisallowedAlg(_)
                | SignatureVerificationError::UnsupportedAlg(_) => {
                    "the ID token is not signed by RS256, PS256 or ES256"
                }
                _ => "the signature of the ID token is wrong",
            },
        ),
        _ => (Nonsense, "the ID token cannot be understood"),
    };
    IdentityError::refused(why, what)
}

/// A moment as the library counts it.
fn moment(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.as_millisecond()).unwrap_or_default()
}

#[cfg(test)]
mod fuzz {
    use std::str::FromStr;
    use std::sync::LazyLock;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use bolero::check;
    use clavis_broker::testing::altered;
    use clavis_broker::testing::sample::monday;
    use openidconnect::core::CoreJsonWebKeySet;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::super::published::Metadata;
    use super::*;

    /// A token, and the keys of whom it is from.
    struct Sound {
        token: String,
        keys: String,
    }

    static SOUND: LazyLock<Sound> = LazyLock::new(|| {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let now = monday().as_second();
        let head = part(json!({"alg": "ES256", "kid": "one"}));
        let claims = part(json!({
            "iss": "https://sso.example.com", "sub": "anna", "aud": "clavis", "azp": "clavis",
            "iat": now, "exp": now + 300, "nonce": nonce().expose(),
        }));
        let signed = format!("{head}.{claims}");
        let signature = key.sign(&random, signed.as_bytes()).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        // An uncompressed point: 4, then the two coordinates (SEC 1, section 2.3.3).
        let point = &key.public_key().as_ref()[1..];
        let [x, y] = [&point[..32], &point[32..]].map(|it| URL_SAFE_NO_PAD.encode(it));
        let keys = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "use": "sig", "kid": "one", "x": x, "y": y},
        ]});
        Sound {
            token: format!("{signed}.{signature}"),
            keys: keys.to_string(),
        }
    });

    fn nonce() -> PlainToken {
        PlainToken::parse(&"ab".repeat(32)).unwrap()
    }

    fn believed(token: &str, keys: &str) -> Option<Claims> {
        let keys = serde_json::from_str::<CoreJsonWebKeySet>(keys).ok()?;
        let token = Token::from_str(token).ok()?;
        let metadata = json!({
            "issuer": "https://sso.example.com",
            "authorization_endpoint": "https://sso.example.com/a",
            "jwks_uri": "https://sso.example.com/k", "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let published = Published::of(metadata, keys);
        let client = ClientId::new("clavis".to_owned());
        let outcome = verified(&token, &published, &client, &nonce(), monday());
        outcome.map_err(|error| refused(&error)).ok()
    }

    #[test]
    fn of_a_token_only_what_was_signed_is_believed() {
        let Sound { token, keys } = &*SOUND;
        assert!(believed(token, keys).is_some());
        let signed = token.rsplit_once('.').unwrap().0;
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let secret = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"one"}"#);
        let other = URL_SAFE_NO_PAD.encode(r#"{"sub":"boss"}"#);
        let of_token = [".", "=", "-", "_", "AA", "eyJ", &none, &secret, &other];
        let of_keys = [
            "\"", "{", "}", "[", "]", ",", ":", "null", "oct", "RSA", "OKP", "ES256", "enc", "AA",
            "\"k\":", "\"n\":", "\"e\":", "\"alg\":", "one",
        ];
        check!().for_each(|bytes: &[u8]| {
            let (which, changes) = bytes.split_first().unwrap_or((&0, &[]));
            if which % 2 == 0 {
                let text = altered(token, changes, &of_token);
                if believed(&text, keys).is_some() {
                    assert_eq!(text.rsplit_once('.').unwrap().0, signed);
                }
            } else {
                let text = altered(keys, changes, &of_keys);
                if believed(token, &text).is_some() {
                    // By the one key that has signed it.
                    let [set, known] =
                        [&text, keys].map(|it| serde_json::from_str::<Value>(it).unwrap());
                    let known = &known["keys"][0];
                    let is_it = |key: &Value| key["x"] == known["x"] && key["y"] == known["y"];
                    assert!(set["keys"].as_array().unwrap().iter().any(is_it), "{text}");
                }
            }
        });
    }
}
