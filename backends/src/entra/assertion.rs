//! The statement, signed with a certificate's key, by which an application proves that it is itself
//! (RFC 7523, as Entra ID wants it).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clavis_broker::ports::Random;
use jiff::{SignedDuration, Timestamp};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Trouble;

/// How long a statement is good for.
const GOOD_FOR: SignedDuration = SignedDuration::from_mins(6);

/// A certificate with its key.
pub(super) struct Signer {
    key: Arc<dyn SigningKey>,
    thumbprint: String,
}

impl Signer {
    /// From a certificate and a key, each in PEM form. Their texts are not repeated in any
    /// trouble.
    pub(super) fn new(certificate: &[u8], private_key: &str) -> Result<Self, Trouble> {
        let certificate = CertificateDer::from_pem_slice(certificate)
            .map_err(|_| unusable("the file in `certificate_file` holds no certificate as PEM"))?;
        let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes())
            .ok()
            .and_then(|key| any_supported_type(&key).ok())
            .ok_or_else(|| unusable("the file in `private_key_file` holds no usable key"))?;
        if key
            .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])
            .is_none()
        {
            return Err(unusable(
                "the key in `private_key_file` is none of RSA, which Entra ID asks for",
            ));
        }
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate));
        let pair = CertifiedKey::new(vec![certificate], Arc::clone(&key));
        pair.keys_match().map_err(|_| {
            unusable("the key in `private_key_file` is not that of the certificate in `certificate_file`")
        })?;
        Ok(Self { key, thumbprint })
    }

    /// A statement of this application to whoever answers at `audience`.
    pub(super) fn assertion(
        &self,
        audience: &str,
        client_id: Uuid,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<SecretString, Trouble> {
        let mut unique = [0; 16];
        random.fill(&mut unique);
        let head = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": self.thumbprint,
        });
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": uuid::Builder::from_random_bytes(unique).into_uuid(),
            "nbf": now.as_second(),
            "iat": now.as_second(),
            "exp": (now + GOOD_FOR).as_second(),
        });
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&head), encode(&claims));
        let signature = self
            .key
            .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])
            .and_then(|signer| signer.sign(signed.as_bytes()).ok())
            .ok_or_else(|| unusable("the key in `private_key_file` does not sign"))?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(SecretString::from(format!("{signed}.{signature}")))
    }
}

fn unusable(what: &str) -> Trouble {
    Trouble::Unusable(what.to_owned())
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;
    use crate::authorities::testing::pair;

    #[test]
    fn any_two_texts_are_a_pair_that_signs_or_none_and_no_line_of_a_key_is_told() {
        let [certificate, key] = pair();
        let pieces = [
            "\n",
            "-----",
            "=",
            "AAAA",
            "-",
            "-----BEGIN RSA PRIVATE KEY-----\n",
            "-----BEGIN EC PRIVATE KEY-----\n",
            &certificate,
            &key,
        ];
        let lines: Vec<_> = key.lines().filter(|line| !line.starts_with('-')).collect();
        check!().for_each(|bytes: &[u8]| {
            let (of_certificate, of_key) = bytes.split_at(bytes.len() / 8 * 4);
            let certificate = altered(&certificate, of_certificate, &pieces);
            let key = altered(&key, of_key, &pieces);
            if let Err(trouble) = Signer::new(certificate.as_bytes(), &key) {
                let told = format!("{trouble} {trouble:?}");
                assert!(lines.iter().all(|line| !told.contains(line)), "{told}");
            }
        });
    }
}
