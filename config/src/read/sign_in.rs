//! `[sign_in]` and `[[sign_in.provider]]`: how people sign in, and for how long. `[sign_in.proxy]` is
//! beside it (`proxy`).

use clavis_broker::identity::ProviderName;
use jiff::SignedDuration;
use toml::de::DeValue;

use super::Origin;
use super::address::address;
use super::proxy::proxy;
use super::terms::{DAY, HOUR, MINUTE, length};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Directory, PersonBy, Provider, SignIn};
use crate::values::{duration, number, text, truth};

/// Words that stand for any tenant in addresses of Entra ID.
const ANY_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

/// The ID that Microsoft gives to the accounts that everybody can make.
const PERSONAL_ACCOUNTS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Reads `[sign_in]`, which may be missing.
pub(super) fn sign_in(
    section: Option<&Section<'_>>,
    origin: &Origin<'_>,
    directory: Option<&Directory>,
) -> Option<SignIn> {
    let code_by_mail = section.and_then(|section| section.optional("code_by_mail", truth));
    let code_by_mail = code_by_mail.unwrap_or(true);
    let code_valid_for = length(section, "code_valid_for", [MINUTE, MINUTE * 10, HOUR]);
    let idle = length(section, "idle", [MINUTE, MINUTE * 30, DAY]);
    let at_most = length(section, "at_most", [MINUTE * 5, HOUR * 8, DAY]);
    let begun_a_minute =
        section.and_then(|section| section.optional("begun_a_minute", number(10..=100_000)));
    if let Some(section) = section
        && idle > at_most
    {
        section.problem(
            if section.has("idle") {
                "idle"
            } else {
                "at_most"
            },
            "`idle` is longer than `at_most`",
            format!(
                "A session ends after `at_most` ({at_most:#}) in any case: make `idle` ({idle:#}) \
                 no longer."
            ),
        );
    }
    let sections = section.map_or_else(Vec::new, |section| section.tables("provider"));
    let mut slugs = Vec::new();
    let providers: Vec<_> = sections
        .iter()
        .map(|section| {
            let provider = provider(section, origin, directory);
            if let Some(slug) = provider.as_ref().map(|it| it.name.slug()) {
                if slugs.contains(&slug) {
                    section.problem(
                        "name",
                        format!("another provider is called \"{slug}\" in addresses, too"),
                        "Give it a name that differs by more than signs and capitals.",
                    );
                }
                slugs.push(slug);
            }
            provider
        })
        .collect();
    let proxies = section.and_then(|section| section.optional_table("proxy"));
    let proxy = proxies.as_ref().map(proxy);
    if let Some(section) = section
        && !code_by_mail
        && sections.is_empty()
        && proxy.is_none()
    {
        section.problem(
            "code_by_mail",
            "`code_by_mail = false` leaves nobody a way to sign in",
            "Add [[sign_in.provider]] or [sign_in.proxy], or write `true`.",
        );
    }
    Some(SignIn {
        code_by_mail,
        code_valid_for,
        idle,
        at_most,
        begun_a_minute: begun_a_minute.unwrap_or(300),
        providers: providers.into_iter().collect::<Option<_>>()?,
        proxy: proxy.map_or(Some(None), |proxy| proxy.map(Some))?,
    })
}

fn provider(
    section: &Section<'_>,
    origin: &Origin<'_>,
    directory: Option<&Directory>,
) -> Option<Provider> {
    let name = section.required("name", name);
    let issuer = section.required("issuer", issuer);
    let client_id = section.required("client_id", text);
    let client_secret = section.required("client_secret_file", |value| origin.secret(value));
    let scopes = if section.has("scopes") {
        section.list("scopes", scope)
    } else {
        vec!["profile".to_owned(), "email".to_owned()]
    };
    let person_by = person_by(section, directory);
    let roles_claim = section.optional("roles_claim", claim);
    let ca_file = section.optional("ca_file", |value| origin.path(value));
    let timeout = section
        .optional(
            "timeout",
            duration(SignedDuration::from_secs(1)..=SignedDuration::from_secs(15)),
        )
        .unwrap_or(SignedDuration::from_secs(10));
    Some(Provider {
        name: name?,
        issuer: issuer?,
        client_id: client_id?,
        client_secret: client_secret?,
        scopes: scopes.into_iter().filter(|it| it != "openid").collect(),
        person_by: person_by?,
        roles_claim,
        ca_file,
        timeout,
    })
}

fn person_by(section: &Section<'_>, directory: Option<&Directory>) -> Option<PersonBy> {
    let is_verified = section.optional("mail_is_verified", truth);
    let person_by = section.required("person_by", |value| match value.as_str() {
        Some("oid") => Ok(PersonBy::Oid),
        Some("login") => Ok(PersonBy::Login),
        Some("mail") => Ok(PersonBy::Mail {
            is_verified: is_verified.unwrap_or(false),
        }),
        _ => Err(Wrong::new(
            "is no way to find a person",
            "Write \"oid\", \"login\" or \"mail\".",
        )),
    })?;
    if person_by == PersonBy::Oid && directory.is_some_and(|it| !matches!(it, Directory::Entra(_)))
    {
        section.problem(
            "person_by",
            "`person_by = \"oid\"` finds people in Entra ID alone, and [directory] is of another kind",
            "Write \"login\".",
        );
    }
    if section.has("mail_is_verified") && !matches!(person_by, PersonBy::Mail { .. }) {
        section.problem(
            "mail_is_verified",
            "`mail_is_verified` has no effect without `person_by = \"mail\"`",
            "Remove it.",
        );
    }
    Some(person_by)
}

fn name(value: &DeValue<'_>) -> Result<ProviderName, Wrong> {
    ProviderName::parse(&text(value)?).map_err(|_| {
        Wrong::new(
            "cannot be the name of a provider",
            "Write a name of at most 40 characters, such as \"Entra ID\".",
        )
    })
}

/// A scope (RFC 6749, section 3.3).
fn scope(value: &DeValue<'_>) -> Result<String, Wrong> {
    let scope = text(value)?;
    let sound = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    if scope.bytes().all(sound) {
        Ok(scope)
    } else {
        Err(Wrong::new(
            "has an entry that is no scope",
            "Write each scope as a text of its own: [\"openid\", \"profile\", \"email\"].",
        ))
    }
}

/// The name of a claim: a word, or an address as AD FS has them.
fn claim(value: &DeValue<'_>) -> Result<String, Wrong> {
    let claim = text(value)?;
    let sound = claim.len() <= 256 && claim.bytes().all(|b| b.is_ascii_graphic());
    if !sound {
        return Err(Wrong::new(
            "is not the name of a claim",
            "Write the name that the provider gives it, such as \"roles\" or \"groups\".",
        ));
    }
    if NO_ROLES.contains(&&*claim) {
        return Err(Wrong::new(
            "is a claim that says who somebody is, and not what they may do",
            "Write the one that names groups or roles, such as \"roles\" or \"groups\".",
        ));
    }
    Ok(claim)
}

/// Claims with a meaning of their own (OpenID Connect Core, sections 2 and 5.1; `oid` and `upn` of
/// Entra ID and AD FS). People choose some of them for themselves.
const NO_ROLES: [&str; 29] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "address",
    "oid",
    "upn",
];

/// An issuer: kept as it is written, since a provider's own name for itself must be the same.
fn issuer(value: &DeValue<'_>) -> Result<String, Wrong> {
    let issuer = text(value)?;
    let how = "Copy the value of `issuer` from what the provider publishes under \
               /.well-known/openid-configuration.";
    let path_at = issuer.find("://").and_then(|at| {
        let host_at = at + 3;
        issuer[host_at..].find('/').map(|slash| host_at + slash)
    });
    let (server, path) = issuer.split_at(path_at.unwrap_or(issuer.len()));
    let plain = |b: u8| b.is_ascii_graphic() && !b"?#%\\\"<>".contains(&b);
    let is_step = |segment: &str| matches!(segment, "." | "..");
    if !path.bytes().all(plain) || path.split('/').any(is_step) {
        return Err(Wrong::new("is not the address of an issuer", how));
    }
    let written = DeValue::String(server.into());
    let sound = address(
        &written,
        "https://login.example.com",
        "would take people's sign-ins from the network unprotected",
    )?;
    if sound != server {
        return Err(Wrong::new("is not written as an issuer is", how));
    }
    let tenant = path.trim_start_matches('/').split('/').next();
    let tenant = tenant.unwrap_or_default().to_ascii_lowercase();
    let is_at = |hosts: &[&str]| hosts.iter().any(|host| server.ends_with(host));
    let is_of_any = ANY_TENANT.contains(&&*tenant) || tenant == PERSONAL_ACCOUNTS;
    if is_at(&PERSONAL) || (is_at(&MICROSOFT) && is_of_any) {
        return Err(Wrong::new(
            "lets people of any tenant sign in, and each tenant's administrator writes what is \
             said of its people",
            "Write the tenant's own: \"https://login.microsoftonline.com/TENANT-ID/v2.0\".",
        ));
    }
    Ok(issuer)
}

/// The hosts at which tenants of Entra ID sign in.
const MICROSOFT: [&str; 6] = [
    "//login.microsoftonline.com",
    "//login.microsoft.com",
    "//login.windows.net",
    "//login.microsoftonline.us",
    "//login.partner.microsoftonline.cn",
    "//sts.windows.net",
];

/// The host at which anybody signs in who has made an account.
const PERSONAL: [&str; 1] = ["//login.live.com"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Wrong> {
        let quoted = format!("'{text}'");
        let value = DeValue::parse(&quoted).expect("a value");
        issuer(value.get_ref())
    }

    #[test]
    fn an_issuer_is_taken_as_it_is_written() {
        for sound in [
            "https://login.microsoftonline.com/6731de76-14a6-49ae-97bc-6eba6914391e/v2.0",
            "https://sso.example.com/realms/Corp",
            "https://sso.example.com/adfs",
            "https://sso.example.com:8443",
            "https://example.eu.auth0.com/",
            "https://login.windows.net/6731de76-14a6-49ae-97bc-6eba6914391e",
            "http://127.0.0.1:8081/tenant",
        ] {
            assert_eq!(read(sound).as_deref(), Ok(sound));
        }
    }

    #[test]
    fn an_issuer_that_anybody_could_be_of_or_speak_for_is_refused() {
        for wrong in [
            "sso.example.com",
            "http://sso.example.com/adfs",
            "https://sso.example.com/adfs?x=1",
            "https://sso.example.com/adfs#x",
            "https://anna@sso.example.com/",
            "https://SSO.example.com/adfs",
            "https://sso.example.com:443/adfs",
            "https:///adfs",
            "https://login.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/Organizations/v2.0",
            "https://login.microsoftonline.com/consumers/v2.0",
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "https://login.microsoftonline.us/common/v2.0",
            "https://login.windows.net/common",
            "https://login.microsoft.com/organizations/v2.0",
            "https://login.live.com",
            "https://login.live.com/6731de76-14a6-49ae-97bc-6eba6914391e",
        ] {
            read(wrong).expect_err(wrong);
        }
    }
}
