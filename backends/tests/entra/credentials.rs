//! Each way in which an application proves that it is itself, and what is said where it fails.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clavis_backends::entra::{Tenant, Trouble};
use clavis_broker::ports::{Clock, EscrowFault};
use clavis_config::settings::{EntraCredential, EntraIdentity};
use jiff::SignedDuration;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::certificates::Workshop;
use crate::double::{MachineClock, Place, names, tenant};

/// That it was refused with this number of Entra ID.
async fn refused_with(tenant: &Tenant, number: u64) {
    let trouble = names(tenant).await.expect_err("it is refused");
    assert_eq!(trouble.fault(), EscrowFault::Denied);
    let Trouble::Credentials(refusal) = &trouble else {
        panic!("a refused sign-in: {trouble:?}");
    };
    assert_eq!(refusal.number, Some(number), "{trouble}");
}

#[tokio::test]
async fn a_secret_lets_in_and_a_wrong_one_does_not() {
    let place = Place::with_devices(&["PC-1"]).await;
    assert_eq!(names(&place.tenant()).await.unwrap(), ["PC-1"]);
    let wrong = EntraCredential::Secret(SecretString::from("wrong"));
    refused_with(&tenant(place.settings_with(wrong)), 7_000_215).await;
}

#[tokio::test]
async fn another_application_or_another_tenant_is_told() {
    let place = Place::with_devices(&[]).await;
    let mut settings = place.settings();
    let EntraIdentity::App { client_id, .. } = &mut settings.identity else {
        panic!("an application");
    };
    *client_id = Uuid::nil();
    refused_with(&tenant(settings), 700_016).await;
}

#[tokio::test]
async fn a_certificate_lets_in_and_only_the_one_that_is_registered() {
    let workshop = Workshop::new();
    for key in ["ours", "other"] {
        workshop.key(key);
    }
    workshop.certificate("ours", "ours");
    // The same key with a new certificate has another thumbprint.
    workshop.certificate("renewed", "ours");
    workshop.certificate("other", "other");
    let place = Place::with(json!({
        "roles": ["Device.Read.All"],
        "devices": [{ "displayName": "PC-1" }],
        "certificates": [workshop.text("ours.pem")],
    }))
    .await;
    let with = |certificate: &str, key: &str| {
        tenant(place.settings_with(workshop.credential(certificate, key)))
    };
    assert_eq!(names(&with("ours", "ours")).await.unwrap(), ["PC-1"]);
    refused_with(&with("renewed", "ours"), 700_027).await;
    refused_with(&with("other", "other"), 700_027).await;

    let asked = place.count("tokenRequests").await;
    let trouble = names(&with("ours", "other")).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Unusable(_)), "{trouble:?}");
    assert!(trouble.to_string().contains("not that of"), "{trouble}");
    assert_eq!(
        place.count("tokenRequests").await,
        asked,
        "nobody was asked"
    );
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let workshop = Workshop::new();
    workshop.key("ours");
    workshop.certificate("ours", "ours");
    let place = Place::with_devices(&[]).await;
    let trouble_with = async |credential| {
        let trouble = names(&tenant(place.settings_with(credential)))
            .await
            .expect_err("it cannot be used");
        assert_eq!(trouble.fault(), EscrowFault::Denied);
        trouble.to_string()
    };
    let key = || SecretString::from(workshop.text("ours.key"));
    let missing = EntraCredential::Certificate {
        certificate: workshop.path("nowhere.pem"),
        private_key: key(),
    };
    assert!(trouble_with(missing).await.contains("cannot be read"));
    let no_certificate = EntraCredential::Certificate {
        certificate: workshop.path("ours.key"),
        private_key: key(),
    };
    assert!(trouble_with(no_certificate).await.contains("certificate"));
    let no_key = EntraCredential::Certificate {
        certificate: workshop.path("ours.pem"),
        private_key: SecretString::from("-----BEGIN PRIVATE KEY-----"),
    };
    assert!(trouble_with(no_key).await.contains("no usable key"));
    workshop.curve_key("curve");
    workshop.certificate("curve", "curve");
    let curve = workshop.credential("curve", "curve");
    assert!(trouble_with(curve).await.contains("none of RSA"));
    let no_token = EntraCredential::Federated {
        token_file: workshop.path("ours.pem"),
    };
    assert!(trouble_with(no_token).await.contains("holds no token"));
    assert_eq!(place.count("tokenRequests").await, 0);
}

#[tokio::test]
async fn a_token_of_another_provider_lets_in_and_is_read_anew_each_time() {
    let workshop = Workshop::new();
    for key in ["provider", "other"] {
        workshop.key(key);
        workshop.certificate(key, key);
    }
    let place = Place::with(json!({
        "roles": ["Device.Read.All"],
        "devices": [{ "displayName": "PC-1" }],
        "federation": {
            "issuer": "https://ci.example.com",
            "subject": "system:clavis",
            "publicKey": public_key(&workshop, "provider"),
            "audience": "api://AzureADTokenExchange",
        },
    }))
    .await;
    let file = workshop.path("token");
    let tenant = tenant(place.settings_with(EntraCredential::Federated {
        token_file: file.clone(),
    }));
    std::fs::write(&file, federated_token(&workshop, "other")).unwrap();
    let trouble = names(&tenant).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Credentials(_)), "{trouble:?}");

    let sound = format!("{}\n", federated_token(&workshop, "provider"));
    std::fs::write(&file, sound).unwrap();
    assert_eq!(names(&tenant).await.unwrap(), ["PC-1"]);
}

#[tokio::test]
async fn the_identity_of_the_machine_lets_in_without_any_secret() {
    let place = Place::with_devices(&["PC-1"]).await;
    let id = Uuid::parse_str(place.of("client_id")).unwrap();
    for client_id in [None, Some(id)] {
        let identity = EntraIdentity::Managed { client_id };
        let tenant = tenant(place.settings_as(identity));
        assert_eq!(names(&tenant).await.unwrap(), ["PC-1"]);
    }
    let unknown = EntraIdentity::Managed {
        client_id: Some(Uuid::nil()),
    };
    let tenant = tenant(place.settings_as(unknown));
    let trouble = names(&tenant).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Credentials(_)), "{trouble:?}");
}

fn public_key(workshop: &Workshop, name: &str) -> String {
    let key = workshop.path(&format!("{name}.key"));
    let output = std::process::Command::new("openssl")
        .args(["pkey", "-pubout", "-in"])
        .arg(key)
        .output()
        .expect("openssl runs");
    String::from_utf8(output.stdout).expect("PEM")
}

/// A token as another identity provider would give it out, signed with `KEY.key`.
fn federated_token(workshop: &Workshop, key: &str) -> String {
    let now = MachineClock.now();
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encode(json!({ "alg": "RS256", "typ": "JWT" }));
    let claims = encode(json!({
        "iss": "https://ci.example.com",
        "sub": "system:clavis",
        "aud": "api://AzureADTokenExchange",
        "iat": now.as_second(),
        "exp": (now + SignedDuration::from_mins(5)).as_second(),
    }));
    let signed = format!("{head}.{claims}");
    let pem = workshop.text(&format!("{key}.key"));
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
    let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("a key of RSA");
    let pen = key
        .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
        .expect("a way to sign");
    let signature = pen.sign(signed.as_bytes()).expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
