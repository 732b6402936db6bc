//! `[entra.NAME]`: an application in a tenant of Entra ID, once for all parts that use it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use toml::de::DeValue;
use uuid::Uuid;

use super::Origin;
use super::address::address;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Cloud, Entra, EntraCredential, EntraIdentity};
use crate::values::{duration, is_host, text};

/// The applications by name; `None` for one that is there and has problems of its own.
pub(crate) type Tenants = BTreeMap<String, Option<Entra>>;

/// The keys that each stand for a way to prove who calls.
const CREDENTIALS: [&str; 4] = [
    "client_secret_file",
    "certificate_file",
    "federated_token_file",
    "managed_identity",
];

const CHOICE: &str = "Write one of `client_secret_file`, `certificate_file` with \
                      `private_key_file`, `federated_token_file`, or `managed_identity`.";

/// Reads all `[entra.NAME]`.
pub(super) fn tenants(root: &Section<'_>, origin: &Origin<'_>) -> Tenants {
    root.named_tables("entra")
        .into_iter()
        .map(|(name, section)| {
            let tenant = tenant(&section, &name, origin);
            (name, tenant)
        })
        .collect()
}

/// The settings of all of them; `None` where one is not sound.
pub(super) fn settings(tenants: Tenants) -> Option<Vec<Entra>> {
    tenants.into_values().collect()
}

/// The name of the `[entra.NAME]` that a section names in `key`.
pub(crate) fn named(section: &Section<'_>, key: &'static str, tenants: &Tenants) -> Option<String> {
    let name = section.required(key, text)?;
    if !tenants.contains_key(&name) {
        let known: Vec<_> = tenants.keys().map(|name| format!("\"{name}\"")).collect();
        let remedy = if known.is_empty() {
            format!("Add the section [entra.{name}].")
        } else {
            format!("Add that section, or write {}.", known.join(" or "))
        };
        let what = format!("`{key}` names no section [entra.{name}]");
        section.problem(key, what, remedy);
        return None;
    }
    Some(name)
}

fn tenant(section: &Section<'_>, name: &str, origin: &Origin<'_>) -> Option<Entra> {
    let identity = identity(section, origin);
    let cloud = section.optional("cloud", cloud).unwrap_or(Cloud::Global);
    let graph_url = section.optional("graph_url", |value| {
        service(value, "https://graph.example.com")
    });
    let login_url = section.optional("login_url", |value| {
        service(value, "https://login.example.com")
    });
    let identity_url = section.optional("identity_url", |value| {
        service(value, "https://identity.example.com")
    });
    let (idle, instead) = if section.has("managed_identity") {
        ("login_url", "`identity_url`")
    } else {
        ("identity_url", "`login_url`")
    };
    if section.has(idle) {
        section.problem(
            idle,
            format!("`{idle}` has no effect with this kind of credential"),
            format!("Remove it, or write {instead}."),
        );
    }
    let timeout = section
        .optional(
            "timeout",
            duration(SignedDuration::from_secs(1)..=SignedDuration::from_secs(15)),
        )
        .unwrap_or(SignedDuration::from_secs(10));
    Some(Entra {
        name: name.to_owned(),
        identity: identity?,
        cloud,
        graph_url,
        login_url,
        identity_url,
        timeout,
    })
}

fn identity(section: &Section<'_>, origin: &Origin<'_>) -> Option<EntraIdentity> {
    // All are read, so that all that is wrong with them is told.
    let tenant = section.optional("tenant", tenant_name);
    let client_id = section.optional("client_id", guid);
    let secret = section.optional("client_secret_file", |value| origin.secret(value));
    let certificate = section.optional("certificate_file", |value| origin.path(value));
    let private_key = section.optional("private_key_file", |value| origin.private_key(value));
    let token_file = section.optional("federated_token_file", |value| origin.token_file(value));
    let managed = section.optional("managed_identity", managed_identity);

    let given: Vec<_> = (CREDENTIALS.into_iter())
        .filter(|key| section.has(key))
        .collect();
    let kind = match given[..] {
        [only] => only,
        [] => {
            let orphan = section.has("private_key_file");
            let (key, what) = if orphan {
                (
                    "private_key_file",
                    "`private_key_file` is there without `certificate_file`",
                )
            } else {
                ("client_secret_file", "no credential is named")
            };
            section.problem(key, what, CHOICE);
            return None;
        }
        [first, second, ..] => {
            let what = format!("`{first}` and `{second}` are both there");
            section.problem(second, what, "Keep one of them alone.");
            return None;
        }
    };
    if kind == "certificate_file" && !section.has("private_key_file") {
        section.problem(
            "certificate_file",
            "`certificate_file` is there without `private_key_file`",
            "Add `private_key_file`: a PEM file with the private key of the certificate.",
        );
    }
    if kind != "certificate_file" && section.has("private_key_file") {
        section.problem(
            "private_key_file",
            format!("`private_key_file` has no effect beside `{kind}`"),
            "Remove it, or write `certificate_file` for the other.",
        );
    }
    if kind == "managed_identity" {
        return managed.map(|client_id| EntraIdentity::Managed { client_id });
    }
    for key in ["tenant", "client_id"] {
        if !section.has(key) {
            // Reports that it is missing.
            section.required(key, text);
        }
    }
    let credential = match kind {
        "client_secret_file" => EntraCredential::Secret(secret?),
        "certificate_file" => EntraCredential::Certificate {
            certificate: certificate?,
            private_key: private_key?,
        },
        _ => EntraCredential::Federated {
            token_file: token_file?,
        },
    };
    Some(EntraIdentity::App {
        tenant: tenant?,
        client_id: client_id?,
        credential,
    })
}

/// The address of a service that tokens and keys go through.
///
/// The library that carries the calls to Graph would hold them to Microsoft's hosts, but Clavis has
/// that check switched off for the sake of proxies and tests. So this is the only one: tokens and
/// keys leave over TLS, or not this machine.
fn service(value: &DeValue<'_>, example: &str) -> Result<String, Wrong> {
    address(
        value,
        example,
        "would send tokens and keys through the network unprotected",
    )
}

fn tenant_name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let tenant = text(value)?.to_ascii_lowercase();
    // Words such as `common` mean any tenant; a domain has a dot in it.
    let is_domain = is_host(&tenant) && tenant.contains('.');
    (is_domain || Uuid::parse_str(&tenant).is_ok())
        .then_some(tenant)
        .ok_or_else(|| {
            Wrong::new(
                "is neither the ID of a tenant nor one of its domains",
                "Write the tenant ID that the overview of Entra ID shows, or a domain such as \
                 \"example.onmicrosoft.com\".",
            )
        })
}

fn guid(value: &DeValue<'_>) -> Result<Uuid, Wrong> {
    Uuid::parse_str(&text(value)?).map_err(|_| {
        Wrong::new(
            "is not the ID of an application",
            "Write the application (client) ID that the overview of the app registration shows.",
        )
    })
}

/// `None` for the machine's own identity, and otherwise the client ID of another one.
fn managed_identity(value: &DeValue<'_>) -> Result<Option<Uuid>, Wrong> {
    let named = text(value)?;
    if named == "system" {
        return Ok(None);
    }
    Uuid::parse_str(&named).map(Some).map_err(|_| {
        Wrong::new(
            "is neither \"system\" nor a client ID",
            "Write \"system\" for the machine's own identity, or the client ID of a user-assigned \
             one.",
        )
    })
}

fn cloud(value: &DeValue<'_>) -> Result<Cloud, Wrong> {
    match value.as_str() {
        Some("global") => Ok(Cloud::Global),
        Some("us_government") => Ok(Cloud::UsGovernment),
        Some("us_dod") => Ok(Cloud::UsDod),
        Some("china") => Ok(Cloud::China),
        _ => Err(Wrong::new(
            "is none of Microsoft's clouds",
            "Write \"global\", \"us_government\", \"us_dod\" or \"china\".",
        )),
    }
}
