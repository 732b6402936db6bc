//! Asking all backends that may know something at once, and putting their answers together.
//!
//! A backend that fails makes an answer partial, never wrong: who asks is told which are missing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures_util::future::join_all;
use uuid::Uuid;

use super::Broker;
use crate::audit::FetchFault;
use crate::causes::with_causes;
use crate::devices::{BackendName, Device, DeviceId, EscrowRecord, Serves, link, merge};
use crate::keys::{EscrowedKey, KeyId};
use crate::ports::{EscrowBackend, EscrowError, EscrowFault};
use crate::text::Asset;

/// An escrow backend, and which names it is asked about.
pub struct Source {
    /// The backend.
    pub backend: Arc<dyn EscrowBackend>,
    /// Which names of devices it is asked about.
    pub serves: Serves,
}

/// A backend that gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silent {
    pub(super) backend: BackendName,
    pub(super) why: FetchFault,
}

/// What the backends answered, and which of them did not.
pub(super) struct Answers<T> {
    pub(super) found: Vec<T>,
    pub(super) silent: Vec<Silent>,
}

/// Keys that were read.
pub(super) struct KeysRead {
    /// Each key, and the backend that it is from.
    pub(super) keys: HashMap<KeyId, (EscrowedKey, BackendName)>,
    pub(super) silent: Vec<Silent>,
}

impl<T> Answers<T> {
    /// None of these has answered.
    pub(super) fn none_of(backends: &[BackendName]) -> Self {
        let silent = backends.iter().map(|backend| Silent {
            backend: backend.clone(),
            why: FetchFault::Unavailable,
        });
        Self {
            found: Vec::new(),
            silent: silent.collect(),
        }
    }

    /// The names of the backends that gave no answer.
    pub(super) fn unanswered(&self) -> Vec<BackendName> {
        self.silent
            .iter()
            .map(|silent| silent.backend.clone())
            .collect()
    }
}

impl Broker {
    /// The machines that an asset names. Whoever names an ID means one device, whatever the
    /// names are that a backend serves.
    pub(super) async fn find_devices(&self, asset: &Asset) -> Answers<Device> {
        let is_id = Uuid::parse_str(asset.as_str()).is_ok();
        let asked: Vec<_> = self
            .parts
            .escrow
            .iter()
            .filter(|source| is_id || source.serves.name(asset.as_str()))
            .map(|source| &source.backend)
            .collect();
        let answers = gather(asked, |backend| backend.devices(asset)).await;
        Answers {
            found: link(answers.found),
            silent: answers.silent,
        }
    }

    /// The same machine with the places that its name did not lead to: those of other backends
    /// that know it by the ID that they share, whatever the names are that they serve: a computer may
    /// have another name there, a DNS name means nothing to Entra ID, and who approves must not hang
    /// on which of its names somebody types.
    pub(super) async fn complete(&self, device: Device, silent: &[BackendName]) -> Answers<Device> {
        let may_know = |source: &&Source| !silent.contains(source.backend.name());
        let others = self.parts.escrow.iter().filter(may_know);
        self.look_elsewhere(&device, others.map(|source| &source.backend).collect())
            .await
    }

    /// The device of a request without the places that it has only by the word of a backend that
    /// is no longer believed on which machines are one.
    pub(super) fn believed(&self, device: &Device) -> Device {
        let shares = |place: &DeviceId| {
            let backend = self.backend(&place.backend);
            backend.is_none_or(|backend| backend.shares_ids())
        };
        let mut device = device.clone();
        device.also.retain(|place| shares(place));
        if !shares(&device.id) {
            device.also.clear();
            device.shared_id = None;
            device.units.clear();
        }
        device
    }

    /// The same machine with whom it belongs to, for one that was chosen among several: of many of
    /// one name, a backend does not say whose each is.
    pub(super) async fn with_owners(&self, mut device: Device) -> Device {
        let places: Vec<_> = device
            .places()
            .filter_map(|place| {
                let asset = Asset::parse(&place.native).ok()?;
                Some((self.backend(&place.backend)?, place, asset))
            })
            .collect();
        let owners = join_all(places.into_iter().map(async |(backend, place, asset)| {
            let found = in_time(&**backend, backend.devices(&asset)).await;
            let same = found.unwrap_or_default().into_iter();
            let same = same.filter(|it| it.id == *place);
            same.flat_map(|it| it.owners).collect::<Vec<_>>()
        }))
        .await;
        for owner in owners.into_iter().flatten() {
            owner.add_to(&mut device.owners);
        }
        device
    }

    /// The same machine with the places that it has in those of these backends that did not
    /// answer before.
    pub(super) async fn complete_with(
        &self,
        device: &Device,
        names: &[BackendName],
    ) -> Answers<Device> {
        let others = names.iter().filter_map(|name| self.backend(name));
        self.look_elsewhere(device, others.collect()).await
    }

    async fn look_elsewhere(
        &self,
        device: &Device,
        mut others: Vec<&Arc<dyn EscrowBackend>>,
    ) -> Answers<Device> {
        others.retain(|other| device.places().all(|place| place.backend != *other.name()));
        let shared = device
            .shared_id
            .and_then(|id| Asset::parse(&id.as_hyphenated().to_string()).ok());
        let Some(asset) = shared.filter(|_| !others.is_empty()) else {
            return Answers {
                found: vec![device.clone()],
                silent: Vec::new(),
            };
        };
        let mut answers = gather(others, |backend| backend.devices(&asset)).await;
        answers.found.retain(|it| it.shared_id == device.shared_id);
        answers.found.insert(0, device.clone());
        let mut machines = link(answers.found).into_iter();
        let machine = machines.next();
        // Two objects of one backend that both claim to be the machine: which one is, nobody knows.
        let doubtful = machines.map(|other| Silent {
            backend: other.id.backend,
            why: FetchFault::Missing,
        });
        let (doubtful, mut silent): (Vec<_>, _) = (doubtful.collect(), answers.silent);
        let machine = machine.map(|mut machine| {
            let is_clear = |place: &DeviceId| doubtful.iter().all(|it| it.backend != place.backend);
            machine.also.retain(is_clear);
            machine
        });
        silent.extend(doubtful);
        Answers {
            found: machine.into_iter().collect(),
            silent,
        }
    }

    /// What is escrowed for a machine in all of its places; no key is touched.
    pub(super) async fn records_of(&self, device: &Device) -> Answers<EscrowRecord> {
        let (mut asked, mut silent) = (Vec::new(), Vec::new());
        for place in device.places() {
            match self.backend(&place.backend) {
                Some(backend) => asked.push(backend),
                // It was taken out of the configuration since.
                None => silent.push(Silent {
                    backend: place.backend.clone(),
                    why: FetchFault::Missing,
                }),
            }
        }
        let answers = gather(asked, |backend| {
            let place = device
                .places()
                .find(|place| place.backend == *backend.name());
            backend.records(place.unwrap_or(&device.id))
        })
        .await;
        silent.extend(answers.silent);
        Answers {
            found: merge(answers.found),
            silent,
        }
    }

    /// The keys of these records, each from the first of its backends that has it sound. Where
    /// one fails, or what it holds is damaged, the next that holds the same key is asked.
    ///
    /// The one caller of [`EscrowBackend::keys`].
    pub(super) async fn read_keys(&self, device: &Device, records: &[EscrowRecord]) -> KeysRead {
        let mut holders: HashMap<KeyId, VecDeque<&BackendName>> = records
            .iter()
            .map(|record| (record.key_id, record.held_by.iter().collect()))
            .collect();
        let mut read = KeysRead {
            keys: HashMap::new(),
            silent: Vec::new(),
        };
        loop {
            let mut round: HashMap<&BackendName, Vec<KeyId>> = HashMap::new();
            for (id, holders) in &mut holders {
                let is_sound = read.keys.get(id).is_some_and(|(key, _)| key.key.is_ok());
                if !is_sound && let Some(next) = holders.pop_front() {
                    round.entry(next).or_default().push(*id);
                }
            }
            let calls: Vec<_> = round
                .into_iter()
                .filter_map(|(name, ids)| {
                    let place = device.places().find(|place| place.backend == *name)?;
                    Some((self.backend(name)?, place, ids))
                })
                .collect();
            if calls.is_empty() {
                return read;
            }
            let answers = join_all(calls.iter().map(async |(backend, place, ids)| {
                let answer = in_time(&***backend, backend.keys(place, ids)).await;
                (backend.name(), answer)
            }))
            .await;
            for (backend, answer) in answers {
                match answer {
                    Ok(keys) => read.take(backend, keys),
                    Err(silent) => read.silent.push(silent),
                }
            }
        }
    }
}

impl KeysRead {
    fn take(&mut self, backend: &BackendName, keys: Vec<EscrowedKey>) {
        for key in keys {
            let is_better = key.key.is_ok() || !self.keys.contains_key(&key.id);
            if is_better {
                self.keys.insert(key.id, (key, backend.clone()));
            }
        }
    }
}

/// Asks these backends at once; what they found comes in their order.
async fn gather<'b, T, F>(
    backends: Vec<&'b Arc<dyn EscrowBackend>>,
    call: impl Fn(&'b dyn EscrowBackend) -> F,
) -> Answers<T>
where
    F: Future<Output = Result<Vec<T>, EscrowError>>,
{
    let calls = backends
        .into_iter()
        .map(|backend| in_time(&**backend, call(&**backend)));
    let mut answers = Answers {
        found: Vec::new(),
        silent: Vec::new(),
    };
    for answer in join_all(calls).await {
        match answer {
            Ok(found) => answers.found.extend(found),
            Err(silent) => answers.silent.push(silent),
        }
    }
    answers
}

/// Awaits a backend for [`Broker::DEADLINE`] at the most.
pub(super) async fn in_time<T>(
    backend: &dyn EscrowBackend,
    call: impl Future<Output = Result<T, EscrowError>>,
) -> Result<T, Silent> {
    let Ok(answer) = tokio::time::timeout(Broker::DEADLINE, call).await else {
        tracing::warn!(backend = %backend.name(), "an escrow backend did not answer in time");
        return Err(Silent {
            backend: backend.name().clone(),
            why: FetchFault::Unavailable,
        });
    };
    heard(backend, answer)
}

/// What a backend answered. Its errors end here, in the log.
pub(super) fn heard<T>(
    backend: &dyn EscrowBackend,
    answer: Result<T, EscrowError>,
) -> Result<T, Silent> {
    answer.map_err(|error| {
        tracing::warn!(error = with_causes(&error), "an escrow backend failed");
        let why = match error.fault {
            EscrowFault::Unavailable | EscrowFault::Nonsense => FetchFault::Unavailable,
            EscrowFault::Denied => FetchFault::Denied,
        };
        Silent {
            backend: backend.name().clone(),
            why,
        }
    })
}
