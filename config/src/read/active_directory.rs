//! `[active_directory.NAME]`: how to reach a domain, once for all parts that read it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use jiff::SignedDuration;
use toml::de::DeValue;

use super::Origin;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{AdDomain, Controllers, LdapSecurity};
use crate::values::{duration, host, is_host, text};

/// The domains by name; `None` for one that is there and has problems of its own.
pub(crate) type Domains = BTreeMap<String, Option<AdDomain>>;

/// Reads all `[active_directory.NAME]`.
pub(super) fn domains(root: &Section<'_>, origin: &Origin<'_>) -> Domains {
    root.named_tables("active_directory")
        .into_iter()
        .map(|(name, section)| {
            let domain = domain(&section, origin);
            (name, domain)
        })
        .collect()
}

/// The domain that a section names in `domain`: its name, where that is one, and its settings,
/// where they are sound.
pub(crate) fn named(
    section: &Section<'_>,
    domains: &Domains,
) -> (Option<String>, Option<AdDomain>) {
    let Some(name) = section.required("domain", text) else {
        return (None, None);
    };
    let Some(settings) = domains.get(&name) else {
        let known: Vec<_> = domains.keys().map(|name| format!("\"{name}\"")).collect();
        let remedy = if known.is_empty() {
            format!("Add the section [active_directory.{name}].")
        } else {
            format!("Add that section, or write {}.", known.join(" or "))
        };
        let what = format!("`domain` names no section [active_directory.{name}]");
        section.problem("domain", what, remedy);
        return (Some(name), None);
    };
    (Some(name), settings.clone())
}

fn domain(section: &Section<'_>, origin: &Origin<'_>) -> Option<AdDomain> {
    let controllers = controllers(section);
    let security = section
        .optional("security", security)
        .unwrap_or(LdapSecurity::Ldaps);
    let ca_file = section.optional("ca_file", |value| origin.path(value));
    let bind_name = section.required("bind_name", text);
    let password = section.required("password_file", |value| origin.secret(value));
    let timeout = section
        .optional(
            "timeout",
            duration(SignedDuration::from_secs(1)..=SignedDuration::from_secs(15)),
        )
        .unwrap_or(SignedDuration::from_secs(5));
    Some(AdDomain {
        controllers: controllers?,
        security,
        ca_file,
        bind_name: bind_name?,
        password: password?,
        timeout,
    })
}

fn controllers(section: &Section<'_>) -> Option<Controllers> {
    let named = section.list("controllers", controller);
    let discovered = section.optional("discover", host);
    let dns_server = section.optional("dns_server", dns_server);
    match (section.has("controllers"), section.has("discover")) {
        (true, true) => section.problem(
            "discover",
            "`controllers` and `discover` are both there",
            "Keep `controllers` to name the domain controllers, or `discover` to let the DNS \
             name them.",
        ),
        (false, false) => section.problem(
            "controllers",
            "no domain controller is named",
            "Add `controllers = [\"dc1.corp.example.com\"]`, or `discover = \
             \"corp.example.com\"` to let the DNS name them.",
        ),
        (true, false) => {
            if dns_server.is_some() {
                section.problem(
                    "dns_server",
                    "`dns_server` has no effect where `controllers` are named",
                    "Remove it, or write `discover` in place of `controllers`.",
                );
            }
            if !named.is_empty() {
                return Some(Controllers::Named(named));
            }
            section.problem(
                "controllers",
                "`controllers` names no domain controller",
                "Name at least one, such as [\"dc1.corp.example.com\"].",
            );
        }
        (false, true) => {
            return discovered.map(|domain| Controllers::Discovered { domain, dns_server });
        }
    }
    None
}

fn controller(value: &DeValue<'_>) -> Result<String, Wrong> {
    let controller = text(value)?;
    let sound = is_host(&controller)
        || controller.rsplit_once(':').is_some_and(|(host, port)| {
            is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
    sound.then_some(controller).ok_or_else(|| {
        Wrong::new(
            "has an entry that is not the name of a server",
            "Write \"dc1.corp.example.com\", with \":PORT\" where it is not the usual one.",
        )
    })
}

fn dns_server(value: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
    let server = text(value)?;
    let with_usual_port = || Some(SocketAddr::new(server.parse::<IpAddr>().ok()?, 53));
    server.parse().ok().or_else(with_usual_port).ok_or_else(|| {
        Wrong::new(
            "is not the IP address of a DNS server",
            "Write it as \"10.0.0.53\", or with a port as \"10.0.0.53:5353\".",
        )
    })
}

fn security(value: &DeValue<'_>) -> Result<LdapSecurity, Wrong> {
    match value.as_str() {
        Some("ldaps") => Ok(LdapSecurity::Ldaps),
        Some("starttls") => Ok(LdapSecurity::StartTls),
        _ => Err(Wrong::new(
            "is neither \"ldaps\" nor \"starttls\"",
            "Write one of them; an unprotected connection is not offered.",
        )),
    }
}
