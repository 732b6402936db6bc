//! People who sign in by OpenID Connect: what of an answer is believed, and what is not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use clavis_backends::identity::{Addresses, OidcProvider};
use clavis_broker::audit::WhyNoSignIn;
use clavis_broker::identity::{ProviderName, SignInSecrets};
use clavis_broker::people::{MailAddress, PersonId};
use clavis_broker::ports::{
    Clock, Finding, Identified, IdentityError, IdentityProvider, PersonQuery, Severity,
};
use clavis_broker::testing::CountingRandom;
use clavis_broker::testing::contract::identity::{SentBack, Visitor, whole_suite};
use clavis_broker::tokens::PlainToken;
use clavis_config::settings::{PersonBy, Provider};
use jiff::SignedDuration;
use reqwest::Url;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::double::{MachineClock, Place};

const CALLBACK: &str = "http://127.0.0.1:9/sign-in/from/test";
const SIGNED_OUT: &str = "http://127.0.0.1:9/sign-in";
/// Another application.
const OTHER: &str = "99999999-1111-4111-8111-111111111111";
const ANNA: &str = "00000001-1111-4111-8111-111111111111";

/// A tenant at which anna signs in without being asked.
async fn place() -> Place {
    Place::with(json!({
        "redirectUris": [CALLBACK],
        "signedOutUris": [SIGNED_OUT],
        "signsIn": ANNA,
        "users": [{
            "id": ANNA,
            "userPrincipalName": "anna@example.com",
            "mail": "anna.berg@example.com",
            "displayName": "Anna Berg",
        }],
    }))
    .await
}

fn settings(place: &Place, person_by: PersonBy) -> Provider {
    Provider {
        name: ProviderName::parse("Test").expect("a name"),
        issuer: place.of("issuer").to_owned(),
        client_id: place.of("client_id").to_owned(),
        client_secret: SecretString::from(place.of("client_secret")),
        scopes: vec!["profile".to_owned(), "email".to_owned()],
        person_by,
        roles_claim: None,
        ca_file: None,
        timeout: SignedDuration::from_secs(5),
    }
}

fn provider_of(settings: Provider) -> OidcProvider {
    let addresses = Addresses {
        callback: CALLBACK.to_owned(),
        signed_out: SIGNED_OUT.to_owned(),
    };
    OidcProvider::new(settings, addresses, Arc::new(MachineClock))
}

fn provider(place: &Place) -> OidcProvider {
    provider_of(settings(place, PersonBy::Login))
}

/// A browser that follows the provider's redirections up to where they lead back.
struct Browser;

#[async_trait]
impl Visitor for Browser {
    async fn sign_in(&self, address: &str) -> SentBack {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .expect("a client");
        let mut cookies = BTreeMap::new();
        let mut address = Url::parse(address).expect("an address");
        while !address.as_str().starts_with(CALLBACK) {
            let held: Vec<_> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let sent = http.get(address.clone()).header(COOKIE, held.join("; "));
            let answer = sent.send().await.expect("the provider answers");
            for line in answer.headers().get_all(SET_COOKIE) {
                let line = line.to_str().expect("text");
                let pair = line.split(';').next().expect("a pair");
                let (name, value) = pair.split_once('=').expect("a pair");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let location = answer.headers().get(LOCATION);
            let location = location.unwrap_or_else(|| panic!("no way on from {address}"));
            let location = location.to_str().expect("text");
            address = address.join(location).expect("an address");
        }
        let said: BTreeMap<_, _> = address.query_pairs().into_owned().collect();
        SentBack {
            state: said["state"].clone(),
            code: SecretString::from(said["code"].as_str()),
            issuer: said.get("iss").cloned(),
        }
    }
}

/// Those of a sign-in of its own.
fn secrets() -> SignInSecrets {
    static RANDOM: LazyLock<CountingRandom> = LazyLock::new(CountingRandom::default);
    SignInSecrets::of(&PlainToken::new(&*RANDOM))
}

/// Anna signs in there, and comes back.
async fn sign_in(provider: &OidcProvider) -> Result<PersonQuery, IdentityError> {
    identify(provider).await.map(|it| it.query)
}

async fn identify(provider: &OidcProvider) -> Result<Identified, IdentityError> {
    let secrets = secrets();
    let back = Browser
        .sign_in(&provider.begin(&secrets).await.expect("an address"))
        .await;
    provider
        .finish(&secrets, &back.code, back.issuer.as_deref())
        .await
}

fn why(outcome: Result<PersonQuery, IdentityError>) -> WhyNoSignIn {
    match outcome {
        Err(IdentityError::Refused { why, what }) => {
            assert!(!what.contains("anna"), "{what}");
            why
        }
        other => panic!("{other:?}"),
    }
}

fn anna() -> PersonQuery {
    PersonQuery::Login("anna@example.com".to_owned())
}

#[tokio::test]
async fn the_provider_keeps_its_contract() {
    let place = place().await;
    whole_suite(&provider(&place), &Browser, &anna()).await;
}

#[tokio::test]
async fn a_person_is_named_by_id_by_login_or_by_a_mail_address_that_was_verified() {
    let place = place().await;
    let by = async |person_by| sign_in(&provider_of(settings(&place, person_by))).await;
    let id = PersonQuery::Id(PersonId(ANNA.to_owned()));
    assert_eq!(by(PersonBy::Oid).await.unwrap(), id);
    let mail = PersonQuery::Mail(MailAddress::parse("anna.berg@example.com").unwrap());
    let verified = by(PersonBy::Mail { is_verified: true }).await;
    assert_eq!(verified.unwrap(), mail);
    let unsaid = by(PersonBy::Mail { is_verified: false }).await;
    assert_eq!(why(unsaid), WhyNoSignIn::UnverifiedMail);
}

#[tokio::test]
async fn an_id_token_with_anything_wrong_signs_nobody_in() {
    let place = place().await;
    let provider = provider(&place);
    let now = MachineClock.now().as_second();
    for (bent, wanted) in [
        (
            json!({ "claims": { "nonce": "other" } }),
            WhyNoSignIn::WrongNonce,
        ),
        (
            json!({ "claims": { "nonce": null } }),
            WhyNoSignIn::WrongNonce,
        ),
        (
            json!({ "claims": { "iss": "https://other.example.com" } }),
            WhyNoSignIn::WrongIssuer,
        ),
        (
            json!({ "claims": { "iss": format!("{}/", place.of("issuer")) } }),
            WhyNoSignIn::WrongIssuer,
        ),
        (
            json!({ "claims": { "aud": OTHER } }),
            WhyNoSignIn::WrongAudience,
        ),
        (
            json!({ "claims": { "aud": [place.of("client_id"), OTHER] } }),
            WhyNoSignIn::WrongAudience,
        ),
        (
            json!({ "claims": { "azp": OTHER } }),
            WhyNoSignIn::WrongAudience,
        ),
        (
            json!({ "claims": { "iat": now - 300, "exp": now - 90 } }),
            WhyNoSignIn::WrongTime,
        ),
        (
            json!({ "claims": { "iat": now + 300 } }),
            WhyNoSignIn::WrongTime,
        ),
        (
            json!({ "claims": { "iat": now - 3600 } }),
            WhyNoSignIn::WrongTime,
        ),
        (json!({ "alg": "none" }), WhyNoSignIn::BadSignature),
        (json!({ "alg": "HS256" }), WhyNoSignIn::BadSignature),
        (json!({ "signedBy": "stranger" }), WhyNoSignIn::BadSignature),
        (
            json!({ "header": { "kid": "unknown" } }),
            WhyNoSignIn::BadSignature,
        ),
        (
            json!({ "claims": { "preferred_username": null, "upn": null } }),
            WhyNoSignIn::NoClaim,
        ),
    ] {
        place.change(json!({ "idToken": bent })).await;
        assert_eq!(why(sign_in(&provider).await), wanted, "{bent}");
    }
    // What a minute of difference between two clocks makes of it is taken.
    for claims in [
        json!({ "iat": now - 300, "exp": now - 20 }),
        json!({ "iat": now + 40 }),
        json!({ "azp": place.of("client_id") }),
    ] {
        place
            .change(json!({ "idToken": { "claims": claims } }))
            .await;
        assert_eq!(sign_in(&provider).await.unwrap(), anna(), "{claims}");
    }
}

#[tokio::test]
async fn keys_that_roll_over_are_fetched_once_and_made_up_ones_not_again_and_again() {
    let place = place().await;
    let provider = provider(&place);
    assert_eq!(sign_in(&provider).await.unwrap(), anna());
    assert_eq!(fetches(&place).await, 1);
    assert_eq!(sign_in(&provider).await.unwrap(), anna());
    assert_eq!(fetches(&place).await, 1, "they are kept");
    place.roll_key("ES256").await;
    assert_eq!(sign_in(&provider).await.unwrap(), anna());
    assert_eq!(fetches(&place).await, 2);
    place
        .change(json!({ "idToken": { "header": { "kid": "made-up" } } }))
        .await;
    for _ in 0..3 {
        assert_eq!(why(sign_in(&provider).await), WhyNoSignIn::BadSignature);
    }
    assert_eq!(fetches(&place).await, 2);

    place.change(json!({ "idToken": {} })).await;
    place.roll_key("PS256").await;
    let fresh = self::provider(&place);
    assert_eq!(sign_in(&fresh).await.unwrap(), anna());
}

#[tokio::test]
async fn a_key_that_rolls_over_under_its_name_is_fetched_once_a_minute_at_most() {
    let place = place().await;
    let provider = provider(&place);
    assert_eq!(sign_in(&provider).await.unwrap(), anna());
    place.roll_key_under_its_name().await;
    assert_eq!(sign_in(&provider).await.unwrap(), anna());
    assert_eq!(fetches(&place).await, 2);
    // Signed by somebody else, under that name: each is refused, and the provider is left alone.
    place
        .change(json!({ "idToken": { "signedBy": "stranger" } }))
        .await;
    for _ in 0..3 {
        assert_eq!(why(sign_in(&provider).await), WhyNoSignIn::BadSignature);
    }
    assert_eq!(fetches(&place).await, 2);
    later(61).await;
    assert_eq!(why(sign_in(&provider).await), WhyNoSignIn::BadSignature);
    assert_eq!(fetches(&place).await, 3);
}

#[tokio::test]
async fn of_many_who_wait_for_a_provider_that_is_down_one_asks_and_all_are_told() {
    let place = place().await;
    let provider = Arc::new(provider(&place));
    place
        .faults(json!({ "match": "openid-configuration", "status": 503 }))
        .await;
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let provider = Arc::clone(&provider);
        visitors.spawn(async move { provider.begin(&secrets()).await });
    }
    for begun in visitors.join_all().await {
        let unavailable = matches!(begun, Err(IdentityError::Unavailable(_)));
        assert!(unavailable, "{begun:?}");
    }
    let asked = async || {
        let calls = place.calls().await;
        let discovery = |call: &&Value| {
            let path = call["path"].as_str();
            path.is_some_and(|it| it.ends_with("openid-configuration"))
        };
        calls.iter().filter(discovery).count()
    };
    assert_eq!(asked().await, 1);
    // For a moment it stays like this, and no longer.
    place.faults(json!([])).await;
    provider.begin(&secrets()).await.unwrap_err();
    assert_eq!(asked().await, 1);
    later(6).await;
    provider.begin(&secrets()).await.unwrap();
}

#[tokio::test]
async fn a_visitor_who_leaves_takes_no_answer_from_those_who_wait() {
    let place = place().await;
    let provider = provider(&place);
    let secrets = secrets();
    // Polled once, and dropped.
    tokio::select! {
        biased;
        _ = provider.begin(&secrets) => panic!("it was asked over the network"),
        () = std::future::ready(()) => {}
    }
    provider.begin(&secrets).await.unwrap();
    assert_eq!(fetches(&place).await, 1);
}

/// Lets time pass for whoever counts it, so many seconds at once.
async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn groups_and_roles_come_from_the_claim_that_is_named() {
    let place = place().await;
    let claims = json!({
        "roles": ["desk"],
        "groups": ["g1", "g2"],
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": "auditor",
    });
    place
        .change(json!({ "idToken": { "claims": claims } }))
        .await;
    let of = async |name: Option<&str>| {
        let mut settings = settings(&place, PersonBy::Login);
        settings.roles_claim = name.map(str::to_owned);
        let identified = identify(&provider_of(settings)).await.unwrap();
        assert_eq!(identified.query, anna());
        identified.claims
    };
    assert_eq!(of(None).await, [""; 0]);
    assert_eq!(of(Some("roles")).await, ["desk"]);
    assert_eq!(of(Some("groups")).await, ["g1", "g2"]);
    let of_ad_fs = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
    assert_eq!(of(Some(of_ad_fs)).await, ["auditor"]);
    assert_eq!(of(Some("missing")).await, [""; 0]);
    // More groups than fit: Entra ID names a place to ask instead.
    let overage = json!({ "_claim_names": { "groups": "src1" } });
    place
        .change(json!({ "idToken": { "claims": overage } }))
        .await;
    assert_eq!(of(Some("groups")).await, [""; 0]);
}

#[tokio::test]
async fn the_authorities_of_a_provider_are_those_of_its_file() {
    let place = place().await;
    let mail = std::env::var_os("CLAVIS_TEST_MAIL").map(PathBuf::from);
    let mail = mail.expect("these tests need a mail server: run them by tests/run");
    let address = std::fs::read(mail.join("address.json")).expect("its address");
    let address: Value = serde_json::from_slice(&address).expect("JSON");
    // Its certificate is what counts here: it speaks another protocol.
    let begun = async |ca_file: Option<PathBuf>| {
        let mut settings = settings(&place, PersonBy::Login);
        let (host, port) = (address["host"].as_str().expect("a host"), &address["tls"]);
        settings.issuer = format!("https://{host}:{port}");
        settings.ca_file = ca_file;
        let begun = provider_of(settings).begin(&secrets()).await;
        clavis_broker::causes::with_causes(&begun.unwrap_err())
    };
    let strange = begun(None).await;
    assert!(strange.contains("no trust in"), "{strange}");
    let trusted = begun(Some(mail.join("ca.pem"))).await;
    assert!(!trusted.contains("no trust in"), "{trusted}");
    let missing = begun(Some(mail.join("missing.pem"))).await;
    assert!(missing.contains("missing.pem"), "{missing}");
    let empty = begun(Some(mail.join("address.json"))).await;
    assert!(empty.contains("holds no certificate"), "{empty}");
}

async fn fetches(place: &Place) -> usize {
    let calls = place.calls().await;
    let keys = |call: &&Value| {
        call["path"]
            .as_str()
            .is_some_and(|it| it.ends_with("/keys"))
    };
    calls.iter().filter(keys).count()
}

#[tokio::test]
async fn an_answer_has_to_say_whom_it_is_from_where_that_is_announced() {
    let place = place().await;
    let provider = provider(&place);
    for issuer in [None, Some("https://other.example.com"), Some("")] {
        let secrets = secrets();
        let address = provider.begin(&secrets).await.unwrap();
        let back = Browser.sign_in(&address).await;
        let before = place.count("tokenRequests").await;
        let outcome = provider.finish(&secrets, &back.code, issuer).await;
        let outcome = outcome.map(|it| it.query);
        assert_eq!(why(outcome), WhyNoSignIn::WrongIssuer, "{issuer:?}");
        let after = place.count("tokenRequests").await;
        assert_eq!(after, before, "the code goes nowhere");
    }
}

#[tokio::test]
async fn a_provider_that_calls_itself_otherwise_is_not_used() {
    let place = place().await;
    let other = self::place().await;
    let metadata = json!({
        "issuer": other.of("issuer"),
        "authorization_endpoint": "http://127.0.0.1:9/a",
        "token_endpoint": "http://127.0.0.1:9/t",
        "jwks_uri": "http://127.0.0.1:9/k",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    for body in [metadata.to_string(), "{}".to_owned(), "<html>".to_owned()] {
        let fault = json!({
            "match": "openid-configuration", "status": 200, "body": body,
            "headers": { "content-type": "application/json" },
        });
        place.faults(fault).await;
        let begun = provider(&place).begin(&secrets()).await;
        assert!(
            matches!(begun, Err(IdentityError::Unusable(_))),
            "{begun:?}"
        );
    }
    // One letter more is another name.
    let mut settings = settings(&place, PersonBy::Login);
    place.faults(json!([])).await;
    settings.issuer.push('/');
    let begun = provider_of(settings).begin(&secrets()).await;
    assert!(
        matches!(begun, Err(IdentityError::Unusable(_))),
        "{begun:?}"
    );
}

#[tokio::test]
async fn a_provider_that_is_down_is_told_from_one_that_refuses() {
    let place = place().await;
    let provider = provider(&place);
    place
        .faults(json!({ "match": "openid-configuration", "status": 503 }))
        .await;
    let begun = provider.begin(&secrets()).await;
    assert!(
        matches!(begun, Err(IdentityError::Unavailable(_))),
        "{begun:?}"
    );
    let provider = self::provider(&place);
    place
        .faults(json!({ "match": "/token", "status": 500 }))
        .await;
    let outcome = sign_in(&provider).await;
    assert!(
        matches!(outcome, Err(IdentityError::Unavailable(_))),
        "{outcome:?}"
    );
    place
        .faults(json!({ "match": "/token", "garbage": true }))
        .await;
    assert_eq!(why(sign_in(&provider).await), WhyNoSignIn::Nonsense);
    place.faults(json!([])).await;
    let mut wrong = settings(&place, PersonBy::Login);
    wrong.client_secret = SecretString::from("wrong");
    let outcome = sign_in(&provider_of(wrong)).await;
    assert!(
        matches!(outcome, Err(IdentityError::Unusable(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn signing_out_leads_to_the_provider_and_back() {
    let place = place().await;
    let address = provider(&place).sign_out().await.expect("an address");
    let address = Url::parse(&address).unwrap();
    let said: BTreeMap<_, _> = address.query_pairs().into_owned().collect();
    assert_eq!(said["client_id"], place.of("client_id"));
    assert_eq!(said["post_logout_redirect_uri"], SIGNED_OUT);
    let page = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = page.get(address).send().await.unwrap();
    assert_eq!(page.status(), 200, "the provider takes the question");
}

#[tokio::test]
async fn the_self_check_says_what_to_register_and_what_is_wrong() {
    let place = place().await;
    let found = provider(&place).check().await;
    let worst = found.iter().map(|it| it.severity).max();
    assert_eq!(worst, Some(Severity::Ok), "{found:?}");
    assert!(found.iter().any(|it| it.what.contains(CALLBACK)));
    let failing = async |change: fn(&mut Provider)| -> Vec<Finding> {
        let mut settings = settings(&place, PersonBy::Login);
        change(&mut settings);
        let found = provider_of(settings).check().await;
        let failures = found.into_iter();
        failures
            .filter(|it| it.severity == Severity::Failure)
            .collect()
    };
    for (change, says) in [
        (
            (|it| it.client_secret = SecretString::from("wrong")) as fn(&mut Provider),
            "invalid_client",
        ),
        (|it| it.client_id = OTHER.to_owned(), "unauthorized_client"),
        (|it| it.issuer.push('/'), "calls itself by another issuer"),
        (
            |it| it.issuer = "http://127.0.0.1:9/x".to_owned(),
            "no connection to 127.0.0.1",
        ),
    ] {
        let failures = failing(change).await;
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].what.contains(says), "{failures:?}");
        assert!(failures[0].remedy.is_some());
        assert!(!format!("{failures:?}").contains(place.of("client_secret")));
    }
}
