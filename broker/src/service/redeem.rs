//! Opening a key link: exactly once, and only when every key is at hand.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{AdvanceError, Broker, Unavailable, in_time};
use crate::audit::{Actor, Event, FetchFault, LogEntry};
use crate::causes::with_causes;
use crate::devices::{BackendName, EscrowRecord, Selection, select, uncovered, volume_label};
use crate::keys::{Damage, EscrowedKey, RecoveryKey};
use crate::lifecycle::{Command, Outcome, Refusal, Request, State};
use crate::ports::{EscrowBackend, EscrowError, EscrowFault, LinkKind, PersonQuery, StoredRequest};
use crate::tokens::PlainToken;

/// What the holder of a valid key link sees before they press the button.
#[derive(Debug, Clone)]
pub struct LinkView {
    /// The request that the link belongs to.
    pub request: Request,
    /// When the link ends.
    pub expires_at: Timestamp,
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
    /// The keys could not be had. The link was not used and stays valid.
    #[error("the keys could not be fetched: {0:?}")]
    NotUsed(FetchFault),
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
}

/// One row of the key page.
#[derive(Debug)]
pub struct DisclosedKey {
    /// What is known of the key.
    pub record: EscrowRecord,
    /// What to call its volume.
    pub label: String,
    /// The key, or what is wrong with its record.
    pub key: Result<RecoveryKey, Damage>,
}

impl Broker {
    /// Shows what a key link is for. Changes nothing but the log.
    pub async fn open_link(
        &self,
        token: &PlainToken,
        source: Option<IpAddr>,
    ) -> Result<LinkView, LinkError> {
        let (stored, actor) = self.key_link(token).await?;
        let entry = LogEntry::of_request(
            &stored.request,
            Event::LinkOpened,
            actor,
            source,
            self.now(),
        );
        self.record(entry).await?;
        match usable(&stored.request, token, self.now()) {
            Ok(expires_at) => Ok(LinkView {
                request: stored.request,
                expires_at,
            }),
            Err(end) => Err(ended(end, stored.request)),
        }
    }

    /// Opens a key link: writes the attempt to the log, fetches **all** keys, commits the
    /// redemption, and only then gives the keys away. A fault before the commit leaves the link
    /// valid; whoever loses a race for it gets nothing.
    pub async fn redeem(
        &self,
        token: &PlainToken,
        source: Option<IpAddr>,
    ) -> Result<Redemption, RedeemError> {
        let (stored, actor) = self.key_link(token).await?;
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

        let (keys, superseded) = match self.fetch(&request).await {
            Ok(fetched) => fetched,
            Err(Unfetched { backend, why }) => {
                self.record(row(Event::FetchFailed { backend, why }))
                    .await
                    .map_err(LinkError::from)?;
                return Err(RedeemError::NotUsed(why));
            }
        };

        let ids = keys.iter().map(|key| key.record.key_id).collect();
        let command = Command::Redeem {
            link: token.hash(),
            keys: ids,
        };
        match self.advance(stored, &command, &actor, source, &[]).await {
            Ok(request) => Ok(Redemption {
                request,
                keys,
                superseded,
            }),
            Err(AdvanceError::Refused(why)) => {
                drop(keys);
                self.record(row(Event::RedemptionRefused { why }))
                    .await
                    .map_err(LinkError::from)?;
                let (stored, _) = self.key_link(token).await?;
                let end = usable(&stored.request, token, self.now())
                    .err()
                    .unwrap_or(LinkEnd::Used(self.now()));
                Err(ended(end, stored.request).into())
            }
            Err(AdvanceError::Unavailable(error)) => Err(LinkError::from(error).into()),
        }
    }

    async fn key_link(&self, token: &PlainToken) -> Result<(StoredRequest, Actor), LinkError> {
        let found = self
            .parts
            .store
            .link(&token.hash())
            .await
            .map_err(Unavailable::from)?;
        match found {
            Some((link, stored)) if link.kind == LinkKind::Key => {
                let actor = Actor::Holder(stored.request.beneficiary.clone());
                Ok((stored, actor))
            }
            _ => Err(LinkError::Unknown),
        }
    }

    /// Every key that the request is for, or none.
    async fn fetch(
        &self,
        request: &Request,
    ) -> Result<(Vec<DisclosedKey>, Vec<EscrowRecord>), Unfetched> {
        let name = &request.device.id.backend;
        let unfetched = |why| Unfetched {
            backend: name.clone(),
            why,
        };
        let backend = self
            .backend(name)
            .ok_or_else(|| unfetched(FetchFault::Missing))?;
        let fetched = async {
            self.fetch_from(&**backend, request).await.inspect_err(|why| {
                tracing::warn!(request.reference = %request.reference, backend = %name, ?why, "the keys could not be fetched");
            })
        };
        let (fit, fetched) = tokio::join!(self.still_fit(request), fetched);
        fit.map_err(unfetched)?;
        fetched.map_err(unfetched)
    }

    /// Whether the beneficiary's account is still one that may be given a key. In doubt nothing is
    /// given.
    async fn still_fit(&self, request: &Request) -> Result<(), FetchFault> {
        let query = PersonQuery::Id(request.beneficiary.id.clone());
        match in_time("the directory", self.parts.directory.person(&query)).await {
            Ok(Some(person)) if person.enabled => Ok(()),
            Ok(_) => Err(FetchFault::Beneficiary),
            Err(error) => {
                tracing::warn!(request.reference = %request.reference, error = with_causes(&error), "the beneficiary could not be looked up");
                Err(FetchFault::Unavailable)
            }
        }
    }

    async fn fetch_from(
        &self,
        backend: &dyn EscrowBackend,
        request: &Request,
    ) -> Result<(Vec<DisclosedKey>, Vec<EscrowRecord>), FetchFault> {
        let device = &request.device.id;
        let records = deadline(backend.records(device)).await?;
        let selection = select(records, request.wanted.as_ref());
        if selection.release.is_empty() || !uncovered(&request.promised, &selection).is_empty() {
            return Err(FetchFault::Missing);
        }
        let ids: Vec<_> = selection
            .release
            .iter()
            .map(|record| record.key_id)
            .collect();
        let keys = deadline(backend.keys(device, &ids)).await?;
        disclose(selection, keys)
    }
}

struct Unfetched {
    backend: BackendName,
    why: FetchFault,
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
    mut keys: Vec<EscrowedKey>,
) -> Result<(Vec<DisclosedKey>, Vec<EscrowRecord>), FetchFault> {
    let shown = selection.release.clone();
    let mut disclosed = Vec::with_capacity(shown.len());
    for record in selection.release {
        let at = keys
            .iter()
            .position(|key| key.id == record.key_id)
            .ok_or(FetchFault::Missing)?;
        let label = volume_label(&record, &shown);
        disclosed.push(DisclosedKey {
            record,
            label,
            key: keys.swap_remove(at).key,
        });
    }
    if disclosed.iter().all(|row| row.key.is_err()) {
        return Err(FetchFault::Damaged);
    }
    Ok((disclosed, selection.superseded))
}

async fn deadline<T>(call: impl Future<Output = Result<T, EscrowError>>) -> Result<T, FetchFault> {
    let Ok(answer) = tokio::time::timeout(Broker::DEADLINE, call).await else {
        return Err(FetchFault::Unavailable);
    };
    answer.map_err(|error| {
        let fault = error.fault;
        tracing::warn!(error = with_causes(&error), "an escrow backend failed");
        match fault {
            EscrowFault::Unavailable | EscrowFault::Nonsense => FetchFault::Unavailable,
            EscrowFault::Denied => FetchFault::Denied,
        }
    })
}
