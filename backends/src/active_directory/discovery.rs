//! Finding a domain's controllers in the DNS.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clavis_config::settings::LdapSecurity;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use tokio::sync::OnceCell;

use super::Trouble;
use super::controllers::{Controller, usual_port};

/// How many controllers of a large domain are tried at most.
const AT_MOST: usize = 8;

/// How long a DNS server may take before it is asked once more, and then given up: the whole
/// operation has to be done in a few seconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// The controllers that the DNS names for a domain (`[MS-ADTS]`, section 6.3.2.3). Answers are
/// cached for as long as they say.
pub(super) struct Discovery {
    domain: String,
    dns_server: Option<SocketAddr>,
    security: LdapSecurity,
    resolver: OnceCell<TokioResolver>,
    last_known: Mutex<Vec<Controller>>,
}

/// What an SRV record says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    priority: u16,
    weight: u16,
    port: u16,
    target: String,
}

impl Discovery {
    /// Asks nothing yet.
    pub(super) fn new(
        domain: &str,
        dns_server: Option<SocketAddr>,
        security: LdapSecurity,
    ) -> Self {
        Self {
            domain: domain.trim_end_matches('.').to_owned(),
            dns_server,
            security,
            resolver: OnceCell::new(),
            last_known: Mutex::default(),
        }
    }

    /// The controllers, best first, with their addresses; those of the last answer while the DNS
    /// does not answer.
    ///
    /// # Errors
    /// [`Trouble::Discovery`] where the DNS does not answer or names none within the domain.
    pub(super) async fn controllers(&self) -> Result<Vec<Controller>, Trouble> {
        let found = self.ask().await;
        let mut last_known = self
            .last_known
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(found) => {
                last_known.clone_from(&found);
                Ok(found)
            }
            Err(_) if !last_known.is_empty() => Ok(last_known.clone()),
            Err(trouble) => Err(trouble),
        }
    }

    async fn ask(&self) -> Result<Vec<Controller>, Trouble> {
        let resolver = self
            .resolver
            .get_or_try_init(|| async { self.resolver() })
            .await?;
        let question = format!("_ldap._tcp.dc._msdcs.{}.", self.domain);
        let answer = resolver
            .srv_lookup(question)
            .await
            .map_err(|error| not_found(&error))?;
        let services = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(srv) => Some(Service {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: srv.target.to_utf8().trim_end_matches('.').to_owned(),
                }),
                _ => None,
            });
        let services = in_order(services.collect(), &self.domain);
        if services.is_empty() {
            let none = format!("no controller within {} is named", self.domain);
            return Err(Trouble::Discovery(none));
        }
        let mut controllers = Vec::new();
        for service in services.into_iter().take(AT_MOST) {
            let addresses = match resolver.lookup_ip(format!("{}.", service.target)).await {
                Ok(addresses) => addresses.iter().collect(),
                // The system may still know it by its hosts file.
                Err(_) => Vec::new(),
            };
            controllers.push(Controller {
                // The record's port is that of plain LDAP, where StartTLS is spoken too.
                port: match self.security {
                    LdapSecurity::Ldaps => usual_port(self.security),
                    LdapSecurity::StartTls => service.port,
                },
                name: service.target,
                addresses,
            });
        }
        Ok(controllers)
    }

    fn resolver(&self) -> Result<TokioResolver, Trouble> {
        let mut builder = match self.dns_server {
            None => TokioResolver::builder_tokio().map_err(|error| not_found(&error))?,
            Some(server) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
                    .map(|mut connection| {
                        connection.port = server.port();
                        connection
                    })
                    .to_vec();
                let server = NameServerConfig::new(server.ip(), true, connections);
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        builder.options_mut().timeout = PATIENCE;
        builder.options_mut().attempts = 2;
        builder.build().map_err(|error| not_found(&error))
    }
}

fn not_found(error: &impl ToString) -> Trouble {
    Trouble::Discovery(error.to_string())
}

/// The lowest priority first (RFC 2782), and of one priority the greatest weight: one Clavis is
/// no load that would have to be spread by chance.
///
/// Only targets within the domain are taken. The DNS is not trusted to choose the name that a
/// certificate must bear (RFC 4513, section 3.1.3), or else whoever answers first could put any
/// machine with a certificate of the same authority in the controller's place.
fn in_order(mut services: Vec<Service>, domain: &str) -> Vec<Service> {
    let suffix = format!(".{}", domain.to_lowercase());
    services.retain(|service| {
        let within = service.target.to_lowercase().ends_with(&suffix);
        if !within {
            tracing::warn!(
                controller.name = service.target,
                "The DNS names a controller outside the domain; it is not used."
            );
        }
        within
    });
    services.sort_by(|a, b| {
        (a.priority.cmp(&b.priority))
            .then(b.weight.cmp(&a.weight))
            .then_with(|| a.target.cmp(&b.target))
    });
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(priority: u16, weight: u16, target: &str) -> Service {
        Service {
            priority,
            weight,
            port: 389,
            target: target.into(),
        }
    }

    #[test]
    fn priority_comes_before_weight_and_strangers_do_not_come_at_all() {
        let ordered = in_order(
            vec![
                service(1, 100, "far.corp.example.com"),
                service(0, 10, "small.corp.example.com"),
                service(0, 90, "BIG.Corp.Example.Com"),
                service(0, 99, "evil.example.com"),
                service(0, 99, "evilcorp.example.com"),
                service(0, 0, ""),
            ],
            "corp.example.com",
        );
        let targets: Vec<_> = ordered.iter().map(|s| s.target.as_str()).collect();
        assert_eq!(
            targets,
            [
                "BIG.Corp.Example.Com",
                "small.corp.example.com",
                "far.corp.example.com"
            ]
        );
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn whatever_the_dns_names_only_controllers_within_the_domain_are_taken_best_first() {
        let pieces = [
            "dc1",
            ".",
            "corp.example.com",
            ".CORP.example.com",
            "evil",
            "\n",
            "\\.",
            "é",
            "\0",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let services = text.lines().zip(bytes.iter().rev());
            let services: Vec<_> = services
                .map(|(target, number)| Service {
                    priority: u16::from(number % 4),
                    weight: u16::from(number / 16),
                    port: 389,
                    target: target.to_owned(),
                })
                .collect();
            let within = |it: &Service| it.target.to_lowercase().ends_with(".corp.example.com");
            let known = services.iter().filter(|it| within(it)).count();
            let taken = in_order(services, "corp.example.com");
            assert!(taken.len() == known && taken.iter().all(within));
            assert!(taken.is_sorted_by_key(|it| (it.priority, u16::MAX - it.weight)));
        });
    }
}
