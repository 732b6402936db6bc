//! Whom the directory is to be asked for, by what the provider says.

use clavis_broker::audit::WhyNoSignIn;
use clavis_broker::people::{MailAddress, PersonId};
use clavis_broker::ports::{IdentityError, PersonQuery};
use clavis_config::settings::PersonBy;

use super::token::Claims;

/// The longest name that is looked up.
const LONGEST: usize = 254;

/// The question for the directory.
///
/// A mail address counts only where the provider has made sure that it is the person's. Where
/// people write it themselves, whoever writes somebody else's would be signed in as them.
pub(super) fn query(claims: &Claims, person_by: PersonBy) -> Result<PersonQuery, IdentityError> {
    let said = claims.additional_claims();
    match person_by {
        PersonBy::Oid => {
            let id = sound(said.oid.as_deref()).ok_or_else(|| no_claim("oid"))?;
            Ok(PersonQuery::Id(PersonId(id.to_ascii_lowercase())))
        }
        PersonBy::Login => {
            let preferred = claims.preferred_username().map(|name| name.as_str());
            let name = sound(preferred).or_else(|| sound(said.upn.as_deref()));
            let name = name.ok_or_else(|| no_claim("preferred_username or upn"))?;
            Ok(PersonQuery::Login(name.to_owned()))
        }
        PersonBy::Mail { is_verified } => {
            let mail = claims.email().map(|mail| mail.as_str());
            let mail = sound(mail).and_then(|mail| MailAddress::parse(mail).ok());
            let mail = mail.ok_or_else(|| no_claim("email"))?;
            // What the provider says goes before what the settings say of it.
            if !claims.email_verified().unwrap_or(is_verified) {
                return Err(IdentityError::refused(
                    WhyNoSignIn::UnverifiedMail,
                    "the provider does not say that the address is the person's (email_verified)",
                ));
            }
            Ok(PersonQuery::Mail(mail))
        }
    }
}

/// A claim as it stands, if it can name somebody: in ASCII, without white space. Directories compare
/// without regard to case, accents and width, so that a name in other letters could find whom it
/// only looks like.
fn sound(text: Option<&str>) -> Option<&str> {
    text.filter(|text| (1..=LONGEST).contains(&text.len()))
        .filter(|text| text.bytes().all(|b| b.is_ascii_graphic()))
}

fn no_claim(name: &str) -> IdentityError {
    IdentityError::refused(
        WhyNoSignIn::NoClaim,
        format!("the ID token has no usable claim {name}: look at `person_by` and `scopes`"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn asked(more: &Value, person_by: PersonBy) -> Result<PersonQuery, WhyNoSignIn> {
        let mut claims = json!({
            "iss": "https://sso.example.com", "sub": "1", "aud": "clavis", "exp": 2, "iat": 1,
        });
        for (name, value) in more.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        let claims: Claims = serde_json::from_value(claims).expect("claims");
        query(&claims, person_by).map_err(|error| match error {
            IdentityError::Refused { why, .. } => why,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn a_name_is_the_preferred_one_or_the_principal_name() {
        let login = |name: &str| Ok(PersonQuery::Login(name.to_owned()));
        for (claims, wanted) in [
            (json!({ "preferred_username": "anna" }), login("anna")),
            (
                json!({ "upn": "anna@example.com" }),
                login("anna@example.com"),
            ),
            (
                json!({ "preferred_username": "anna", "upn": "eve" }),
                login("anna"),
            ),
            (
                json!({ "preferred_username": " " }),
                Err(WhyNoSignIn::NoClaim),
            ),
            (
                json!({ "preferred_username": "a\nb" }),
                Err(WhyNoSignIn::NoClaim),
            ),
            (
                json!({ "preferred_username": "anna\n" }),
                Err(WhyNoSignIn::NoClaim),
            ),
            (
                json!({ "preferred_username": "\u{a0}anna" }),
                Err(WhyNoSignIn::NoClaim),
            ),
            (
                json!({ "preferred_username": "\u{212a}eller" }),
                Err(WhyNoSignIn::NoClaim),
            ),
            (
                json!({ "email": "anna@example.com" }),
                Err(WhyNoSignIn::NoClaim),
            ),
        ] {
            assert_eq!(asked(&claims, PersonBy::Login), wanted, "{claims}");
        }
        let id = json!({ "oid": "6731DE76-14a6-49ae-97bc-6eba6914391e" });
        let wanted = PersonId("6731de76-14a6-49ae-97bc-6eba6914391e".to_owned());
        assert_eq!(asked(&id, PersonBy::Oid), Ok(PersonQuery::Id(wanted)));
        let sub = asked(&json!({}), PersonBy::Oid);
        assert_eq!(
            sub,
            Err(WhyNoSignIn::NoClaim),
            "`sub` is no ID of the directory"
        );
    }

    #[test]
    fn a_mail_address_counts_only_where_it_is_known_to_be_the_persons() {
        let anna = MailAddress::parse("anna@example.com").unwrap();
        let mail = || Ok(PersonQuery::Mail(anna.clone()));
        let unverified = || Err(WhyNoSignIn::UnverifiedMail);
        for (verified, by_default, by_setting) in [
            (json!({ "email_verified": true }), mail(), mail()),
            (json!({}), unverified(), mail()),
            (
                json!({ "email_verified": false }),
                unverified(),
                unverified(),
            ),
        ] {
            let mut claims = verified;
            claims["email"] = json!("anna@example.com");
            for (is_verified, wanted) in [(false, by_default), (true, by_setting)] {
                let found = asked(&claims, PersonBy::Mail { is_verified });
                assert_eq!(found, wanted, "{claims} {is_verified}");
            }
        }
        let two = json!({ "email": "a@example.com,b@example.com", "email_verified": true });
        let found = asked(&two, PersonBy::Mail { is_verified: true });
        assert_eq!(found, Err(WhyNoSignIn::NoClaim));
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::super::published::Metadata;
    use super::super::roles::taken;
    use super::super::token::Answer;
    use super::*;

    const PIECES: &[&str] = &[
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "-1",
        "1e400",
        "9223372036854775807",
        "2026-11-23T09:00:00Z",
        "é",
        "\u{212a}",
        "\\r\\n",
        "\\u0000",
        " ",
        "\"groups\":",
        "anna",
    ];

    #[test]
    fn any_claims_name_a_person_in_plain_letters_or_nobody() {
        let sound = r#"{"iss":"https://sso.example.com","sub":"1","aud":["clavis"],"exp":2,"iat":1,
            "oid":"6731DE76-14a6-49ae-97bc-6eba6914391e","upn":"anna","preferred_username":"anna",
            "email":"anna@example.com","email_verified":true,"groups":["desk"],"hasgroups":false}"#;
        check!().for_each(|bytes: &[u8]| {
            let text = altered(sound, bytes, PIECES);
            let Ok(claims) = serde_json::from_str::<Claims>(&text) else {
                return;
            };
            for person_by in [
                PersonBy::Oid,
                PersonBy::Login,
                PersonBy::Mail { is_verified: false },
            ] {
                let named = match query(&claims, person_by) {
                    Ok(PersonQuery::Id(id)) => id.0,
                    Ok(PersonQuery::Login(name)) => name,
                    Ok(PersonQuery::Mail(mail)) => {
                        assert_eq!(claims.email_verified(), Some(true));
                        mail.to_string()
                    }
                    Err(_) => continue,
                };
                assert!(!named.is_empty() && named.bytes().all(|b| b.is_ascii_graphic()));
            }
            let groups = taken(&claims, "groups");
            assert!(groups.values.is_empty() || groups.warning.is_none());
            let is_sound = |it: &String| !it.is_empty() && !it.contains(char::is_control);
            assert!(groups.values.iter().all(is_sound));
        });
    }

    #[test]
    fn any_answer_of_a_provider_is_understood_or_not() {
        let answer = r#"{"access_token":"geheim","token_type":"Bearer","expires_in":3600,
            "id_token":"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln"}"#;
        let metadata = r#"{"issuer":"https://sso.example.com",
            "authorization_endpoint":"https://sso.example.com/a",
            "jwks_uri":"https://sso.example.com/k","response_types_supported":["code"],
            "subject_types_supported":["public"],
            "id_token_signing_alg_values_supported":["RS256"]}"#;
        check!().for_each(|bytes: &[u8]| {
            let _ = serde_json::from_str::<Answer>(&altered(answer, bytes, PIECES));
            let read = serde_json::from_str::<Metadata>(&altered(metadata, bytes, PIECES));
            if let Ok(read) = read {
                assert!(reqwest::Url::parse(read.jwks_uri().as_str()).is_ok());
            }
        });
    }
}
