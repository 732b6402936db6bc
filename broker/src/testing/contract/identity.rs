//! What every identity provider does, given somebody who signs in there.

use async_trait::async_trait;
use secrecy::SecretString;

use super::HOSTILE;
use crate::audit::WhyNoSignIn;
use crate::identity::SignInSecrets;
use crate::ports::{Identified, IdentityError, IdentityProvider, PersonQuery};
use crate::testing::CountingRandom;
use crate::tokens::PlainToken;

/// Somebody with a browser.
#[async_trait]
pub trait Visitor: Send + Sync {
    /// Signs in at an address of the provider; gives what the browser is sent back with.
    async fn sign_in(&self, address: &str) -> SentBack;
}

/// What a browser is sent back with.
#[derive(Debug)]
pub struct SentBack {
    /// The state.
    pub state: String,
    /// The code.
    pub code: SecretString,
    /// Who the answer says that it is from.
    pub issuer: Option<String>,
}

/// Every clause. `expected` is whom the directory is to be asked for.
pub async fn whole_suite(
    provider: &dyn IdentityProvider,
    visitor: &dyn Visitor,
    expected: &PersonQuery,
) {
    let random = CountingRandom::default();
    let secrets = || SignInSecrets::of(&PlainToken::new(&random));
    the_address_tells_of_this_sign_in_and_keeps_its_verifier(provider, &secrets(), &secrets())
        .await;
    a_code_says_once_who_signed_in(provider, visitor, expected, &secrets()).await;
    a_code_is_good_for_its_own_sign_in_alone(provider, visitor, &secrets(), &secrets()).await;
    what_is_no_code_signs_nobody_in(provider, &secrets()).await;
    an_answer_of_another_issuer_is_not_taken(provider, visitor, &secrets()).await;
}

/// The address has the state and the nonce in it, and never the verifier.
pub async fn the_address_tells_of_this_sign_in_and_keeps_its_verifier(
    provider: &dyn IdentityProvider,
    one: &SignInSecrets,
    other: &SignInSecrets,
) {
    let address = provider.begin(one).await.unwrap();
    for (secret, is_in) in [
        (&one.state, true),
        (&one.nonce, true),
        (&one.verifier, false),
        (&other.state, false),
    ] {
        assert_eq!(address.contains(secret.expose()), is_in, "{address}");
    }
}

/// A code stands for who signed in, and the second time for nobody.
pub async fn a_code_says_once_who_signed_in(
    provider: &dyn IdentityProvider,
    visitor: &dyn Visitor,
    expected: &PersonQuery,
    secrets: &SignInSecrets,
) {
    let back = visit(provider, visitor, secrets).await;
    assert_eq!(back.state, secrets.state.expose(), "the state comes back");
    let issuer = back.issuer.as_deref();
    let finished = provider.finish(secrets, &back.code, issuer).await;
    assert_eq!(finished.unwrap().query, *expected);
    let again = provider.finish(secrets, &back.code, issuer).await;
    assert_refused(again, Some(WhyNoSignIn::ProviderRefused), "a used code");
}

/// A code that was stolen is of no use to whoever has begun another sign-in.
pub async fn a_code_is_good_for_its_own_sign_in_alone(
    provider: &dyn IdentityProvider,
    visitor: &dyn Visitor,
    mine: &SignInSecrets,
    other: &SignInSecrets,
) {
    let back = visit(provider, visitor, mine).await;
    let stolen = provider
        .finish(other, &back.code, back.issuer.as_deref())
        .await;
    assert_refused(stolen, None, "a code with another verifier");
    let back = visit(provider, visitor, mine).await;
    let mixed = SignInSecrets {
        nonce: other.nonce.clone(),
        ..mine.clone()
    };
    let replayed = provider
        .finish(&mixed, &back.code, back.issuer.as_deref())
        .await;
    let why = Some(WhyNoSignIn::WrongNonce);
    assert_refused(replayed, why, "an answer with another nonce");
}

/// Texts that were never given out as a code.
pub async fn what_is_no_code_signs_nobody_in(
    provider: &dyn IdentityProvider,
    secrets: &SignInSecrets,
) {
    for text in HOSTILE {
        let code = SecretString::from(*text);
        let finished = provider.finish(secrets, &code, None).await;
        assert_refused(finished, None, text);
    }
}

/// Where an answer says that it is from somebody else, it is not taken (RFC 9207).
pub async fn an_answer_of_another_issuer_is_not_taken(
    provider: &dyn IdentityProvider,
    visitor: &dyn Visitor,
    secrets: &SignInSecrets,
) {
    let back = visit(provider, visitor, secrets).await;
    let other = Some("https://other.example.com");
    let finished = provider.finish(secrets, &back.code, other).await;
    let why = Some(WhyNoSignIn::WrongIssuer);
    assert_refused(finished, why, "an answer of another issuer");
}

async fn visit(
    provider: &dyn IdentityProvider,
    visitor: &dyn Visitor,
    secrets: &SignInSecrets,
) -> SentBack {
    visitor
        .sign_in(&provider.begin(secrets).await.unwrap())
        .await
}

fn assert_refused(
    finished: Result<Identified, IdentityError>,
    wanted: Option<WhyNoSignIn>,
    what: &str,
) {
    match finished {
        Err(IdentityError::Refused { why, .. }) => {
            assert!(
                wanted.is_none_or(|wanted| wanted == why),
                "{what} is refused for {why:?}"
            );
        }
        other => panic!("{what} signs nobody in: {other:?}"),
    }
}
