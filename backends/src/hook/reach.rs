//! Where messages may go: to addresses of the public internet, unless the settings allow others.
//!
//! What a name leads to is looked at when a connection is made, and the connection goes to what was
//! looked at: a name that leads elsewhere a moment later leads nowhere else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::networks::is_public;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;

/// An address that is none of the public internet.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{host} leads to {address}, which is this machine or in a private network")]
pub(crate) struct NotPublic {
    host: String,
    address: IpAddr,
}

/// What tells the addresses of a name.
#[async_trait]
pub(super) trait Lookup: Send + Sync {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// What this machine knows of names.
pub(super) struct OfThisMachine;

#[async_trait]
impl Lookup for OfThisMachine {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Gives the addresses of a name where all of them are public; one that is not makes the name
/// suspicious.
pub(super) struct OnlyPublic(pub(super) Arc<dyn Lookup>);

impl Resolve for OnlyPublic {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = Arc::clone(&self.0);
        Box::pin(async move {
            let found = lookup.addresses(name.as_str()).await?;
            for address in &found {
                public(name.as_str(), *address)?;
            }
            let found = found.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}

/// Looks at an address that is written in numbers: nobody asks for what it leads to.
pub(super) fn literal(url: &Url) -> Result<(), NotPublic> {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    address.map_or(Ok(()), |address| public(host, address))
}

/// Whether it was refused to connect because of where a name leads.
pub(super) fn not_public(error: &reqwest::Error) -> Option<NotPublic> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<NotPublic>() {
            return Some(found.clone());
        }
        next = error.source();
    }
    None
}

fn public(host: &str, address: IpAddr) -> Result<(), NotPublic> {
    if is_public(address) {
        return Ok(());
    }
    let host = host.to_owned();
    Err(NotPublic { host, address })
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A name that leads to one answer after the other, and stays with the last.
    pub(in crate::hook) struct Turning {
        answers: Mutex<Vec<Vec<IpAddr>>>,
        pub(in crate::hook) asked: AtomicUsize,
    }

    impl Turning {
        pub(in crate::hook) fn new(answers: &[&[&str]]) -> Arc<Self> {
            let parsed = answers.iter().rev();
            let parsed = parsed.map(|it| it.iter().map(|it| it.parse().unwrap()).collect());
            Arc::new(Self {
                answers: Mutex::new(parsed.collect()),
                asked: AtomicUsize::new(0),
            })
        }
    }

    #[async_trait]
    impl Lookup for Turning {
        async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let mut answers = self.answers.lock().unwrap();
            Ok(if answers.len() > 1 {
                answers.pop().unwrap()
            } else {
                answers[0].clone()
            })
        }
    }

    async fn resolve(resolver: &OnlyPublic) -> Result<Vec<IpAddr>, String> {
        let found = resolver.resolve("hooks.example.com".parse().unwrap()).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.map(|address| address.ip()).collect())
    }

    #[tokio::test]
    async fn a_name_that_turns_to_a_private_address_is_refused_when_it_does() {
        let resolver = OnlyPublic(Turning::new(&[
            &["1.1.1.1", "2606:4700::1111"],
            &["10.0.0.7"],
        ]));
        assert_eq!(resolve(&resolver).await.unwrap().len(), 2);
        let refused = resolve(&resolver).await.unwrap_err();
        assert!(
            refused.contains("hooks.example.com leads to 10.0.0.7"),
            "{refused}"
        );
        for mixed in [&["1.1.1.1", "::1"], &["::ffff:127.0.0.1", "1.1.1.1"]] {
            let resolver = OnlyPublic(Turning::new(&[mixed]));
            resolve(&resolver).await.unwrap_err();
        }
    }

    #[test]
    fn numbers_are_looked_at_as_they_are_read() {
        for private in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]:8443/",
            "https://169.254.169.254/latest/meta-data",
        ] {
            literal(&private.parse().unwrap()).unwrap_err();
        }
        for other in ["https://1.1.1.1/", "https://hooks.example.com/127.0.0.1"] {
            literal(&other.parse().unwrap()).unwrap();
        }
    }
}
