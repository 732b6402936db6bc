//! A domain's controllers and the order in which they are tried.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clavis_config::settings::{Controllers, LdapSecurity};

use super::Trouble;
use super::discovery::Discovery;

/// One domain controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Controller {
    /// Its name, which its certificate must bear.
    pub(super) name: String,
    /// The port of LDAPS or of LDAP, as the connection is to be protected.
    pub(super) port: u16,
    /// Its addresses where the DNS gave them; the system looks the name up where it is empty.
    pub(super) addresses: Vec<IpAddr>,
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

/// A domain's controllers, with a memory of those that served well and badly.
pub(super) struct Roster {
    source: Source,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    good: Option<String>,
    bad: Option<String>,
}

enum Source {
    Named(Vec<Controller>),
    Discovered(Box<Discovery>),
}

impl Roster {
    /// Touches neither network nor disk.
    pub(super) fn new(controllers: &Controllers, security: LdapSecurity) -> Self {
        let source = match controllers {
            Controllers::Named(hosts) => {
                Source::Named(hosts.iter().map(|host| named(host, security)).collect())
            }
            Controllers::Discovered { domain, dns_server } => {
                Source::Discovered(Box::new(Discovery::new(domain, *dns_server, security)))
            }
        };
        Self {
            source,
            memory: Mutex::default(),
        }
    }

    /// The controllers in the order of the configuration or of the DNS.
    pub(super) async fn all(&self) -> Result<Vec<Controller>, Trouble> {
        match &self.source {
            Source::Named(controllers) => Ok(controllers.clone()),
            Source::Discovered(discovery) => discovery.controllers().await,
        }
    }

    /// The controllers in the order to try them: first the one that let us in last, and at the
    /// end the one that let us in and did not answer then.
    pub(super) async fn to_try(&self) -> Result<Vec<Controller>, Trouble> {
        let mut controllers = self.all().await?;
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        // The sort is stable: all others keep their order.
        controllers.sort_by_cached_key(|controller| {
            let controller = Some(controller.to_string());
            if memory.good == controller {
                0
            } else if memory.bad == controller {
                2
            } else {
                1
            }
        });
        Ok(controllers)
    }

    /// This one let us in.
    pub(super) fn prefer(&self, controller: &Controller) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.good = Some(controller.to_string());
    }

    /// This one let us in and was of no use.
    pub(super) fn avoid(&self, controller: &Controller) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.good.take_if(|good| *good == controller.to_string());
        memory.bad = Some(controller.to_string());
    }
}

/// How long one of the controllers still to be tried may take of what time is left: a fair share,
/// though not so short that a slow handshake could never be done.
pub(super) fn share(left: Duration, controllers: usize) -> Duration {
    const LEAST: Duration = Duration::from_secs(1);
    let share = left / u32::try_from(controllers.max(1)).unwrap_or(u32::MAX);
    share.max(LEAST).min(left)
}

/// The usual port of a way to protect LDAP.
pub(super) fn usual_port(security: LdapSecurity) -> u16 {
    match security {
        LdapSecurity::Ldaps => 636,
        LdapSecurity::StartTls => 389,
    }
}

fn named(host: &str, security: LdapSecurity) -> Controller {
    let port_of = |port: &str| port.parse().ok();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => match port_of(port) {
            Some(port) => (name, port),
            None => (host, usual_port(security)),
        },
        None => (host, usual_port(security)),
    };
    Controller {
        name: name.to_owned(),
        port,
        addresses: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(hosts: &[&str], security: LdapSecurity) -> Roster {
        let hosts = hosts.iter().map(ToString::to_string).collect();
        Roster::new(&Controllers::Named(hosts), security)
    }

    async fn order(roster: &Roster) -> Vec<String> {
        let controllers = roster.to_try().await.unwrap();
        controllers.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn the_usual_port_follows_the_protection() {
        let ldaps = roster(&["dc1", "dc2:3269"], LdapSecurity::Ldaps);
        assert_eq!(order(&ldaps).await, ["dc1:636", "dc2:3269"]);
        let starttls = roster(&["dc1"], LdapSecurity::StartTls);
        assert_eq!(order(&starttls).await, ["dc1:389"]);
    }

    #[tokio::test]
    async fn the_one_that_served_well_comes_first_and_the_one_that_did_not_last() {
        let roster = roster(&["a:1", "b:1", "c:1"], LdapSecurity::Ldaps);
        let controllers = roster.all().await.unwrap();
        roster.prefer(&controllers[2]);
        assert_eq!(order(&roster).await, ["c:1", "a:1", "b:1"]);
        roster.prefer(&controllers[0]);
        assert_eq!(order(&roster).await, ["a:1", "b:1", "c:1"]);
        roster.avoid(&controllers[0]);
        assert_eq!(order(&roster).await, ["b:1", "c:1", "a:1"]);
        roster.prefer(&controllers[0]);
        assert_eq!(order(&roster).await, ["a:1", "b:1", "c:1"]);
    }

    #[test]
    fn the_time_left_is_shared_by_those_still_to_be_tried() {
        let seconds = Duration::from_secs;
        assert_eq!(share(seconds(10), 2), seconds(5));
        assert_eq!(share(seconds(10), 40), seconds(1));
        assert_eq!(
            share(Duration::from_millis(300), 2),
            Duration::from_millis(300)
        );
    }
}
