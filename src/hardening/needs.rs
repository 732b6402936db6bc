//! What the daemon needs: what its settings name, what belongs to every program, and what its
//! environment leads to.

use std::path::{Path, PathBuf};

use clavis_config::needs::{Needs, port_of_url};

use super::system;
use crate::assemble::Settings;

/// Variables that name a proxy, in either case, as the HTTP library reads them.
const PROXIES: [&str; 3] = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/// What all of them need together.
pub(super) fn together(all: &[&Settings]) -> Needs {
    let parts = all.iter().flat_map(|settings| {
        let plans = settings.escrow.iter().map(|escrow| escrow.plan.needs());
        plans.chain([settings.needs()])
    });
    let needs = parts.fold(Needs::default(), Needs::and);
    let needs = needs
        .and(system::needs())
        .and(of_environment(|name| std::env::var(name).ok()));
    let programs: Vec<_> = needs.execute.iter().cloned().collect();
    if programs.is_empty() {
        needs
    } else {
        needs.and(system::needs_of_programs(&programs))
    }
}

/// What variables lead to: proxies, certificates, an identity of Azure, the time zones.
fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Needs {
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase()));
    let proxies = PROXIES.iter().filter_map(|name| either(name));
    let ports =
        proxies
            .chain(variable("IDENTITY_ENDPOINT"))
            .map(|url| match url.split_once("://") {
                Some(("socks5" | "socks5h", place)) => port_of_url(&format!("http://{place}:1080")),
                Some(_) => port_of_url(&url),
                None => port_of_url(&format!("http://{url}")),
            });
    let mut needs = Needs::default().connecting(ports);
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "TZDIR"] {
        let named = variable(name).unwrap_or_default();
        let paths = named.split(':').filter(|path| !path.is_empty());
        needs.read.extend(paths.map(PathBuf::from));
    }
    needs.read.retain(|path| path != Path::new("/"));
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_ports_and_files() {
        let needs = of_environment(|name| {
            let value = match name {
                "HTTPS_PROXY" => "http://proxy.example.com:3128",
                "all_proxy" => "socks.example.com:1081",
                "IDENTITY_ENDPOINT" => "http://127.0.0.1:40342/metadata/identity",
                "SSL_CERT_FILE" => "/srv/ca/all.pem",
                "SSL_CERT_DIR" => "/srv/ca/one:/srv/ca/two:/",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!(needs.connect, [1081, 3128, 40342].into());
        let files = ["/srv/ca/all.pem", "/srv/ca/one", "/srv/ca/two"];
        assert_eq!(needs.read, files.map(PathBuf::from).into());
        assert_eq!(of_environment(|_| None), Needs::default());
    }
}
