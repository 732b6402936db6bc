//! Opening a key link: exactly once, and only when every key is at hand.

use std::time::Duration;

use jiff::Timestamp;

use super::escrow::{KeysRead, Silent};
use super::gates::{KeyGate, Shut, Visitor};
use super::tickets::Unasked;
use super::{AdvanceError, Broker, Unavailable, in_time};
use crate::audit::{Actor, Event, FetchFault, LogEntry, WhyNoPickUp};
use crate::causes::with_causes;
use crate::devices::{
    BackendName, Device, DeviceId, EscrowRecord, Selection, select, uncovered, volume_label,
};
use crate::keys::{Damage, Form, RecoveryKey};
use crate::lifecycle::{Command, Disclosure, Outcome, Refusal, Request, State};
use crate::people::{PersonId, PersonQuery};
use crate::ports::{LinkKind, StoredRequest};
use crate::tokens::PlainToken;

/// How long fetching all keys may take, however often one backend stands in for another: somebody
/// waits for the page, and proxies wait for a minute.
const FETCHING: Duration = Duration::from_secs(45);

/// What the holder of a valid key link sees before they press the button.
#[derive(Debug, Clone)]
pub struct LinkView {
    /// The request that the link belongs to.
    pub request: Request,
    /// When the link ends.
    pub expires_at: Timestamp,
    /// Whether the pick-up code of the request's page has to be typed.
    pub wants_code: bool,
}

/// What became of a genuine key link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// It was opened then.
    Used(Timestamp),
    /// It ended then, unopened.
    Expired(Timestamp),
    /// The request was taken back then.
    Withdrawn(Timestamp),
    /// The request was stopped then.
    Revoked(Timestamp),
    /// A newer link was mailed.
    Replaced,
}

/// A key link does not open.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No such link: the same for every stranger.
    #[error("there is no such link")]
    Unknown,
    /// To open it, one has to be signed in, and nobody is.
    #[error("nobody is signed in")]
    SignInFirst,
    /// Somebody is signed in whom the link was not mailed to.
    #[error("the link was mailed to somebody else")]
    SomebodyElses,
    /// A genuine link that has ended.
    #[error("the link has ended")]
    Ended {
        /// What became of it.
        end: LinkEnd,
        /// The request that it belonged to.
        request: Box<Request>,
    },
    /// Something did not answer; the link stays as it was.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A redemption showed nothing.
#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// The link does not open.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The pick-up code does not count. The link was not used and stays valid.
    #[error("the pick-up code does not count")]
    NoPickUp(WhyNoPickUp),
    /// The keys could not be had, for these reasons. The link was not used and stays valid.
    #[error("the keys could not be fetched: {0:?}")]
    NotUsed(Vec<Unfetched>),
}

/// Why keys could not be had, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfetched {
    /// The backend that they were to come from; none where it is no backend's matter.
    pub backend: Option<BackendName>,
    /// What went wrong.
    pub why: FetchFault,
}

/// The keys of one redemption, already recorded as disclosed.
#[derive(Debug)]
pub struct Redemption {
    /// The request, redeemed.
    pub request: Request,
    /// The keys, newest first.
    pub keys: Vec<DisclosedKey>,
    /// Older records of the same volumes, by ID only.
    pub superseded: Vec<EscrowRecord>,
    /// The backends that did not answer. Everything that was promised is here all the same; newer
    /// keys may lie there.
    pub unanswered: Vec<BackendName>,
}

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

impl Broker {
    /// Shows what a key link is for. Changes nothing but the log.
    pub async fn open_link(
        &self,
        token: &PlainToken,
        visitor: Visitor<'_>,
    ) -> Result<LinkView, LinkError> {
        let (stored, actor) = self.key_link(token, visitor).await?;
        let (request, now) = (&stored.request, self.now());
        let entry = LogEntry::of_request(request, Event::LinkOpened, actor, visitor.source, now);
        self.record(entry).await?;
        match usable(&stored.request, token, self.now()) {
            Ok(expires_at) => Ok(LinkView {
                request: stored.request,
                expires_at,
                wants_code: self.parts.gates.key == KeyGate::Code,
            }),
            Err(end) => Err(ended(end, stored.request)),
        }
    }

    /// Opens a key link: writes the attempt to the log, looks at the pick-up code where one is
    /// wanted, fetches **all** keys, commits the redemption, and only then gives the keys away. A
    /// fault before the commit leaves the link valid; whoever loses a race for it gets nothing.
    pub async fn redeem(
        &self,
        token: &PlainToken,
        typed: &str,
        visitor: Visitor<'_>,
    ) -> Result<Redemption, RedeemError> {
        let (stored, actor) = self.key_link(token, visitor).await?;
        let source = visitor.source;
        let request = stored.request.clone();
        let row = |event| LogEntry::of_request(&request, event, actor.clone(), source, self.now());
        self.record(row(Event::RedemptionAttempted))
            .await
            .map_err(LinkError::from)?;

        if let Err(end) = usable(&request, token, self.now()) {
            let why = if end == LinkEnd::Replaced {
                Refusal::Superseded
            } else {
                Refusal::Closed
            };
            self.record(row(Event::RedemptionRefused { why }))
                .await
                .map_err(LinkError::from)?;
            return Err(ended(end, request).into());
        }
        if self.parts.gates.key == KeyGate::Code {
            let judged = self.judge_pick_up(request.id, typed, source).await;
            if let Err(why) = judged.map_err(LinkError::from)? {
                self.record(row(Event::PickUpCodeRefused { why }))
                    .await
                    .map_err(LinkError::from)?;
                return Err(RedeemError::NoPickUp(why));
            }
        }

        match (self.still_asked(&request).await, &request.ticket) {
            (Ok(()), _) | (_, None) => {}
            (Err(Unasked::Stopped(why)), Some(then)) => {
                let stopped = self.revoke_at_desk(stored, then, why).await;
                stopped.map_err(LinkError::from)?;
                let why = Refusal::Closed;
                self.record(row(Event::RedemptionRefused { why }))
                    .await
                    .map_err(LinkError::from)?;
                return Err(self.what_became_of(token, visitor).await?.into());
            }
            (Err(Unasked::Unknown), Some(_)) => {
                let missed = Unfetched {
                    backend: None,
                    why: FetchFault::Desk,
                };
                let (backend, why) = (None, FetchFault::Desk);
                self.record(row(Event::FetchFailed { backend, why }))
                    .await
                    .map_err(LinkError::from)?;
                return Err(RedeemError::NotUsed(vec![missed]));
            }
        }

        let Fetched {
            keys,
            superseded,
            disclosure,
        } = match self.fetch(&request).await {
            Ok(fetched) => fetched,
            Err(missed) => {
                let rows = missed.iter().cloned();
                let rows = rows.map(|Unfetched { backend, why }| {
                    self.log(&row(Event::FetchFailed { backend, why }))
                });
                self.commit(rows.collect())
                    .await
                    .map_err(Unavailable::from)
                    .map_err(LinkError::from)?;
                return Err(RedeemError::NotUsed(missed));
            }
        };

        let unanswered = disclosure.unanswered.clone();
        let command = Command::Redeem {
            link: token.hash(),
            disclosure,
        };
        match self.advance(stored, &command, &actor, source, &[]).await {
            Ok(request) => Ok(Redemption {
                request,
                keys,
                superseded,
                unanswered,
            }),
            Err(AdvanceError::Refused(why)) => {
                drop(keys);
                self.record(row(Event::RedemptionRefused { why }))
                    .await
                    .map_err(LinkError::from)?;
                Err(self.what_became_of(token, visitor).await?.into())
            }
            Err(AdvanceError::Unavailable(error)) => Err(LinkError::from(error).into()),
        }
    }

    /// How a link has ended that was good a moment ago.
    async fn what_became_of(
        &self,
        token: &PlainToken,
        visitor: Visitor<'_>,
    ) -> Result<LinkError, LinkError> {
        let (stored, _) = self.key_link(token, visitor).await?;
        let end = usable(&stored.request, token, self.now()).err();
        let end = end.unwrap_or(LinkEnd::Used(self.now()));
        Ok(ended(end, stored.request))
    }

    /// The request of a key link, and who is taken to be there.
    async fn key_link(
        &self,
        token: &PlainToken,
        visitor: Visitor<'_>,
    ) -> Result<(StoredRequest, Actor), LinkError> {
        let found = self
            .parts
            .store
            .link(&token.hash())
            .await
            .map_err(Unavailable::from)?;
        let (_, stored) = found
            .filter(|(link, _)| link.kind == LinkKind::Key)
            .ok_or(LinkError::Unknown)?;
        if self.parts.gates.key != KeyGate::SignIn {
            let actor = Actor::Holder(stored.request.beneficiary.clone());
            return Ok((stored, actor));
        }
        match visitor.must_be(&stored.request.beneficiary.id) {
            Ok(person) => Ok((stored, Actor::Person(person.clone()))),
            Err(Shut::SignInFirst) => Err(LinkError::SignInFirst),
            Err(Shut::SomebodyElse(person)) => {
                let (event, who) = (Event::LinkRefused, Actor::Person(person.clone()));
                let (request, source) = (&stored.request, visitor.source);
                let row = LogEntry::of_request(request, event, who, source, self.now());
                self.record(row).await?;
                Err(LinkError::SomebodyElses)
            }
        }
    }

    /// Every key that the request is for, or why there is none.
    async fn fetch(&self, request: &Request) -> Result<Fetched, Vec<Unfetched>> {
        let fetched = async {
            let late = Unfetched {
                backend: None,
                why: FetchFault::Unavailable,
            };
            let fetched = tokio::time::timeout(FETCHING, self.fetch_keys(request)).await;
            fetched.unwrap_or_else(|_| Err(vec![late]))
        };
        let (fit, fetched) = tokio::join!(self.still_fit(request), fetched);
        let fetched = fit
            .map_err(|why| vec![Unfetched { backend: None, why }])
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

/// What a redemption is about to show.
struct Fetched {
    keys: Vec<DisclosedKey>,
    superseded: Vec<EscrowRecord>,
    disclosure: Disclosure,
}

fn ended(end: LinkEnd, request: Request) -> LinkError {
    LinkError::Ended {
        end,
        request: Box::new(request),
    }
}

/// Until when the link is valid, or what became of it.
fn usable(request: &Request, token: &PlainToken, now: Timestamp) -> Result<Timestamp, LinkEnd> {
    match &request.state {
        State::LinkSent { link, .. } if *link != token.hash() => Err(LinkEnd::Replaced),
        State::LinkSent { expires_at, .. } if now >= *expires_at => {
            Err(LinkEnd::Expired(*expires_at))
        }
        State::LinkSent { expires_at, .. } => Ok(*expires_at),
        // A link exists only once one was issued, and from there no way leads back.
        State::Pending { .. } | State::Approved { .. } => Err(LinkEnd::Replaced),
        State::Closed(closing) => Err(match closing.outcome {
            Outcome::Redeemed { .. } => LinkEnd::Used(closing.at),
            Outcome::Withdrawn { .. } => LinkEnd::Withdrawn(closing.at),
            Outcome::Revoked { .. } => LinkEnd::Revoked(closing.at),
            Outcome::Expired { .. } | Outcome::Lapsed { .. } | Outcome::Declined { .. } => {
                LinkEnd::Expired(closing.at)
            }
        }),
    }
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
