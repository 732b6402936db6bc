//! TLS of our own: which certificates a door has, which of them a client gets, and how new ones are
//! taken in while the daemon runs.

mod files;
mod pair;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use clavis_broker::causes::with_causes;
use clavis_broker::ports::Clock;
use clavis_config::settings::CertificateFiles;
use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use crate::system::SystemClock;
use files::Looks;

pub(crate) use pair::{Pair, PairError};

/// Between two looks at the files.
const EACH: Duration = Duration::from_secs(2);
/// How long before its end a certificate is worth a warning, and how often it is given.
pub(crate) const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
const AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// The certificates of one door.
pub(crate) struct Keyring {
    houses: Mutex<Vec<House>>,
    config: RwLock<Arc<ServerConfig>>,
}

/// One organisation's certificate.
struct House {
    /// The host that people use.
    host: String,
    files: CertificateFiles,
    looks: Looks,
    pair: Pair,
    warned_at: Option<Timestamp>,
}

impl Keyring {
    /// Reads the certificates of these hosts.
    ///
    /// # Errors
    /// What is wrong with the first that cannot be used.
    pub(crate) fn open(hosts: Vec<(String, CertificateFiles)>) -> Result<Arc<Self>, PairError> {
        let houses = hosts.into_iter().map(|(host, files)| {
            let looks = Looks::new(files::print(&files));
            let pair = Pair::read(&files)?;
            Ok(House {
                host,
                files,
                looks,
                pair,
                warned_at: None,
            })
        });
        let houses = houses.collect::<Result<Vec<_>, PairError>>()?;
        let config = Arc::new(config(&houses));
        Ok(Arc::new(Self {
            houses: Mutex::new(houses),
            config: RwLock::new(config),
        }))
    }

    /// How the next connection is to be spoken with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&config)
    }

    /// Looks at the files from time to time, until `stop` turns true.
    pub(crate) async fn tend(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let keyring = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || keyring.look(SystemClock.now()));
            let _ = looked.await;
            tokio::select! {
                _ = stop.wait_for(|told| *told) => return,
                () = tokio::time::sleep(EACH) => {}
            }
        }
    }

    /// Takes in what is new. What cannot be used is said once, and changes nothing; nor does what
    /// browsers would refuse, as long as they take what is in use.
    fn look(&self, now: Timestamp) {
        let mut houses = self.houses.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        for house in &mut *houses {
            if house.looks.are_to_be_read(files::print(&house.files)) {
                match house.renewed(now) {
                    Ok(pair) => {
                        let (host, until) = (&house.host, pair.until);
                        tracing::info!(host, until = %until, "a new certificate was taken in");
                        house.pair = pair;
                        house.looks.were_used();
                        house.warned_at = None;
                        is_new = true;
                    }
                    Err(error) => {
                        let why = with_causes(&error);
                        if house.looks.were_refused(why.clone()) {
                            tracing::error!(
                                host = house.host,
                                error = why,
                                remedy = error.remedy(),
                                "a new certificate cannot be used; the one before stays in use"
                            );
                        }
                    }
                }
            }
            house.warn(now);
        }
        if is_new {
            // A new configuration altogether: nothing that belongs to an earlier key goes on.
            let config = Arc::new(config(&houses));
            *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        }
    }
}

impl House {
    /// What the files hold, if it is no worse than what is in use.
    fn renewed(&self, now: Timestamp) -> Result<Pair, PairError> {
        let pair = Pair::read(&self.files)?;
        let holds = |pair: &Pair| pair.holds(&self.files.certificate, &self.host, now);
        match holds(&pair) {
            Err(error) if holds(&self.pair).is_ok() => Err(error),
            _ => Ok(pair),
        }
    }

    fn warn(&mut self, now: Timestamp) {
        let is_told = self.warned_at.is_some_and(|at| now < at + AGAIN);
        if is_told || now + SOON < self.pair.until {
            return;
        }
        self.warned_at = Some(now);
        tracing::warn!(
            host = self.host,
            until = %self.pair.until,
            remedy = "renew it: write the new pair into the same files",
            "{}",
            if now < self.pair.until { "the certificate ends soon" } else { "the certificate has ended" }
        );
    }
}

/// TLS 1.2 and 1.3. Sessions are not resumed: what that takes would stay in memory longer than the
/// connections that it belongs to.
fn config(houses: &[House]) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has what these versions need")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName::new(houses)));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Which certificate a client gets, by the name that it asks for (SNI, RFC 6066, section 3). One that
/// is alone behind a door is given under every name. Of several, each under its own name only: a
/// client that asks for another, or for none, learns of nobody here.
struct ByName {
    alone: Option<Arc<CertifiedKey>>,
    named: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    fn new(houses: &[House]) -> Self {
        let named = houses
            .iter()
            .map(|house| (house.host.to_ascii_lowercase(), Arc::clone(&house.pair.key)));
        Self {
            alone: match houses {
                [house] => Some(Arc::clone(&house.pair.key)),
                _ => None,
            },
            named: named.collect(),
        }
    }

    fn of(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let named = name.and_then(|name| self.named.get(&name.to_ascii_lowercase()));
        self.alone.as_ref().or(named).cloned()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.of(hello.server_name())
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByName")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pair::testing::Files;

    fn key_of(houses: &[&Files], name: Option<&str>) -> Option<usize> {
        let hosts = houses.iter().map(|it| (it.host.clone(), it.paths()));
        let keyring = Keyring::open(hosts.collect()).unwrap();
        let opened = keyring.houses.lock().unwrap();
        let given = ByName::new(&opened).of(name)?;
        let mut keys = opened.iter().map(|it| &it.pair.key);
        keys.position(|key| Arc::ptr_eq(key, &given))
    }

    #[test]
    fn one_alone_is_given_under_every_name_and_several_each_under_its_own() {
        let (one, two) = (Files::new("one.example.com"), Files::new("two.example.com"));
        for name in [None, Some("one.example.com"), Some("x.example.com")] {
            assert_eq!(key_of(&[&one], name), Some(0), "{name:?}");
        }
        let both = [&one, &two];
        assert_eq!(key_of(&both, Some("one.example.com")), Some(0));
        assert_eq!(key_of(&both, Some("Two.Example.com")), Some(1));
        for nobody in [None, Some("x.example.com"), Some("example.com"), Some("")] {
            assert_eq!(key_of(&both, nobody), None, "{nobody:?}");
        }
    }

    #[test]
    fn a_new_pair_is_taken_in_once_it_is_whole_and_a_broken_one_is_not() {
        let files = Files::new("one.example.com");
        let hosts = vec![(files.host.clone(), files.paths())];
        let keyring = Keyring::open(hosts).unwrap();
        let now = SystemClock.now();
        let first = keyring.config();
        let is_first = || Arc::ptr_eq(&first, &keyring.config());
        keyring.look(now);
        keyring.look(now);
        assert!(is_first(), "nothing has changed");

        let other = Files::new("one.example.com");
        files.take_key_of(&other);
        for _ in 0..3 {
            keyring.look(now);
        }
        assert!(is_first(), "the key of another certificate");
        files.take_certificate_of(&other);
        keyring.look(now);
        assert!(is_first(), "it may still be written to");
        keyring.look(now);
        assert!(!is_first());

        files.lose_key();
        keyring.look(now);
        keyring.look(now);
        assert!(!is_first(), "the pair that was read last stays in use");
    }

    #[test]
    fn what_browsers_would_refuse_does_not_take_the_place_of_what_they_take() {
        let files = Files::for_days("one.example.com", 60);
        let keyring = Keyring::open(vec![(files.host.clone(), files.paths())]).unwrap();
        let now = SystemClock.now();
        let day = |n: i64| now + SignedDuration::from_hours(24 * n);
        let mut shown = keyring.config();
        let mut looks_anew = |at| {
            keyring.look(at);
            keyring.look(at);
            let before = std::mem::replace(&mut shown, keyring.config());
            !Arc::ptr_eq(&before, &shown)
        };
        let take = |other: &Files| {
            files.take_key_of(other);
            files.take_certificate_of(other);
        };
        take(&Files::new("two.example.com"));
        assert!(!looks_anew(day(1)), "it is for another host");
        take(&Files::new("one.example.com"));
        assert!(!looks_anew(day(40)), "it has ended");
        assert!(looks_anew(day(1)), "it holds by now, as it lies there");
        // Browsers take neither, and this one ends later.
        take(&Files::for_days("one.example.com", 35));
        assert!(looks_anew(day(40)));
    }
}
