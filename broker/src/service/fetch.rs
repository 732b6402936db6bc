//! Fetching the keys of one redemption: all that were promised, or none.

use std::time::Duration;

use super::escrow::{KeysRead, Silent};
use super::{Broker, in_time};
use crate::audit::FetchFault;
use crate::causes::with_causes;
use crate::devices::{
    BackendName, Device, DeviceId, EscrowRecord, Selection, select, uncovered, volume_label,
};
use crate::keys::{Damage, Form, RecoveryKey};
use crate::lifecycle::{Disclosure, Request};
use crate::people::{PersonId, PersonQuery};

/// How long fetching all keys may take, however often one backend stands in for another: somebody
/// waits for the page, and proxies wait for a minute.
const FETCHING: Duration = Duration::from_secs(45);

/// One row of the key page.
#[derive(Debug)]
pub struct DisclosedKey {
    /// What is known of the key.
    pub record: EscrowRecord,
    /// What to call its volume.
    pub label: String,
    /// The form that the key has, or should have.
    pub form: Form,
    /// The key, or what is wrong with its record.
    pub key: Result<RecoveryKey, Damage>,
}

/// Why keys could not be had, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfetched {
    /// The backend that they were to come from; none where it is no backend's matter.
    pub backend: Option<BackendName>,
    /// What went wrong.
    pub why: FetchFault,
}

impl Unfetched {
    /// What is no backend's matter.
    pub(super) fn of_none(why: FetchFault) -> Self {
        Self { backend: None, why }
    }
}

/// What a redemption is about to show.
pub(super) struct Fetched {
    /// The keys, newest first.
    pub keys: Vec<DisclosedKey>,
    /// Older records of the same volumes.
    pub superseded: Vec<EscrowRecord>,
    /// What the log says of it.
    pub disclosure: Disclosure,
}

impl Broker {
    /// Every key that the request is for, or why there is none.
    pub(super) async fn fetch(&self, request: &Request) -> Result<Fetched, Vec<Unfetched>> {
        let fetched = async {
            let late = Unfetched::of_none(FetchFault::Unavailable);
            let fetched = tokio::time::timeout(FETCHING, self.fetch_keys(request)).await;
            fetched.unwrap_or_else(|_| Err(vec![late]))
        };
        let (fit, fetched) = tokio::join!(self.still_fit(request), fetched);
        let fetched = fit
            .map_err(|why| vec![Unfetched::of_none(why)])
            .and(fetched);
        fetched.inspect_err(|missed| {
            tracing::warn!(request.reference = %request.reference, ?missed, "the keys could not be fetched");
        })
    }

    /// Whether the beneficiary's account is still one that may be given a key. In doubt nothing is
    /// given.
    async fn still_fit(&self, request: &Request) -> Result<(), FetchFault> {
        let query = PersonQuery::Id(request.beneficiary.id.clone());
        match in_time("the directory", self.parts.directory.person(&query)).await {
            Ok(Some(person)) if person.party().is_ok() => Ok(()),
            Ok(_) => Err(FetchFault::Beneficiary),
            Err(error) => {
                tracing::warn!(request.reference = %request.reference, error = with_causes(&error), "the beneficiary could not be looked up");
                Err(FetchFault::Directory)
            }
        }
    }

    async fn fetch_keys(&self, request: &Request) -> Result<Fetched, Vec<Unfetched>> {
        let device = self.believed(&request.device);
        let elsewhere = self.complete_with(&device, &request.unanswered).await;
        let (device, left_out) = as_approved(&device, elsewhere.found, &request.beneficiary.id);
        let device = &device;
        let mut records = self.records_of(device).await;
        records.silent.extend(elsewhere.silent);
        records.silent.extend(left_out);
        let unanswered = records.unanswered();
        let selection = select(records.found, request.wanted.as_ref());
        let missing = uncovered(&request.promised, &selection);
        if selection.release.is_empty() || !missing.is_empty() {
            return Err(why_missing(&missing, &records.silent));
        }
        let read = self.read_keys(device, &selection.release).await;
        disclose(selection, read, unanswered)
    }
}

/// The device with the places that have answered since it was asked for, unless these say what the
/// approver did not see: that it is called something else as well, or is somebody else's. Such places
/// are left out, as if they had not answered.
fn as_approved(
    approved: &Device,
    completed: Vec<Device>,
    beneficiary: &PersonId,
) -> (Device, Vec<Silent>) {
    let Some(completed) = completed.into_iter().next() else {
        return (approved.clone(), Vec::new());
    };
    let is_known = |name: &String| {
        let mut names = std::iter::once(&approved.name).chain(&approved.also_named);
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    let names_hold = completed.also_named.iter().all(is_known);
    let owners_hold = completed
        .owners
        .iter()
        .all(|owner| owner.is(beneficiary) || owner.0.iter().any(|id| approved.is_owned_by(id)));
    if names_hold && owners_hold {
        return (completed, Vec::new());
    }
    let is_late = |place: &&DeviceId| approved.places().all(|known| known != *place);
    let late = completed.places().filter(is_late).map(|place| Silent {
        backend: place.backend.clone(),
        why: FetchFault::Missing,
    });
    (approved.clone(), late.collect())
}

/// Pairs the chosen records with their keys. A promised key that did not come, or none that is
/// sound, makes the whole redemption fail: the link is not spent on less than was promised.
fn disclose(
    selection: Selection,
    mut read: KeysRead,
    unanswered: Vec<BackendName>,
) -> Result<Fetched, Vec<Unfetched>> {
    let shown = selection.release.clone();
    let (mut keys, mut missing) = (Vec::with_capacity(shown.len()), Vec::new());
    let mut read_from = Vec::with_capacity(shown.len());
    for record in selection.release {
        match read.keys.remove(&record.key_id) {
            Some((key, backend)) => {
                keys.push(DisclosedKey {
                    label: volume_label(&record, key.form(), &shown),
                    form: key.form(),
                    key: key.key,
                    record,
                });
                read_from.push(backend);
            }
            None => missing.push(record),
        }
    }
    if !missing.is_empty() {
        return Err(why_missing(
            &missing.iter().collect::<Vec<_>>(),
            &read.silent,
        ));
    }
    if keys.iter().all(|row| row.key.is_err()) {
        read_from.sort();
        read_from.dedup();
        let backends = read_from.into_iter();
        let damaged = backends.map(|backend| Unfetched {
            backend: Some(backend),
            why: FetchFault::Damaged,
        });
        return Err(damaged.collect());
    }
    Ok(Fetched {
        disclosure: Disclosure {
            keys: shown.iter().map(|record| record.key_id).collect(),
            read_from,
            unanswered,
        },
        keys,
        superseded: selection.superseded,
    })
}

/// Why records are missing: the backends that held them gave no answer, or they have gone.
fn why_missing(missing: &[&EscrowRecord], silent: &[Silent]) -> Vec<Unfetched> {
    let holders = |backend: &BackendName| {
        missing.is_empty() || missing.iter().any(|it| it.held_by.contains(backend))
    };
    let outages: Vec<_> = silent
        .iter()
        .filter(|silent| holders(&silent.backend))
        .map(|silent| Unfetched {
            backend: Some(silent.backend.clone()),
            why: silent.why,
        })
        .collect();
    if !outages.is_empty() {
        return outages;
    }
    let backend = missing.first().and_then(|record| record.held_by.first());
    vec![Unfetched {
        backend: backend.cloned(),
        why: FetchFault::Missing,
    }]
}
