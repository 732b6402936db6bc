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
