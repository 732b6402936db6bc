//! Opening a key link: exactly once, and only when every key is at hand.

use jiff::Timestamp;

use super::fetch::{DisclosedKey, Fetched, Unfetched};
use super::gates::{KeyGate, Shut, Visitor};
use super::tickets::Unasked;
use super::{AdvanceError, Broker, Unavailable};
use crate::audit::{Actor, Event, LogEntry, WhyNoPickUp};
use crate::devices::{BackendName, EscrowRecord};
use crate::lifecycle::{Command, Outcome, Refusal, Request, State};
use crate::ports::{LinkKind, StoredRequest};
use crate::tokens::PlainToken;

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

        let fetched = match self.fetch_asked(&request).await {
            Ok(fetched) => Ok(fetched),
            Err(Withheld::Unfetched(missed)) => Err(missed),
            Err(Withheld::Unasked(Unasked::Unknown(why))) => Err(vec![Unfetched::of_none(why)]),
            Err(Withheld::Unasked(Unasked::Stopped(ticket, why))) => {
                let stopped = self.revoke_at_desk(stored, &ticket, why).await;
                stopped.map_err(LinkError::from)?;
                let why = Refusal::Closed;
                self.record(row(Event::RedemptionRefused { why }))
                    .await
                    .map_err(LinkError::from)?;
                return Err(self.what_became_of(token, visitor).await?.into());
            }
        };
        let Fetched {
            keys,
            superseded,
            disclosure,
        } = match fetched {
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

    /// Fetches the keys of what is asked for, before that and after it: fetching may take long, and what
    /// was said at a desk meanwhile counts.
    async fn fetch_asked(&self, request: &Request) -> Result<Fetched, Withheld> {
        self.still_asked(request).await?;
        let fetched = self.fetch(request).await?;
        self.still_asked(request).await?;
        Ok(fetched)
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
}

/// Why there are no keys to show.
enum Withheld {
    /// They could not be had.
    Unfetched(Vec<Unfetched>),
    /// Their ticket does not ask for them, as far as can be told.
    Unasked(Unasked),
}

impl From<Vec<Unfetched>> for Withheld {
    fn from(missed: Vec<Unfetched>) -> Self {
        Self::Unfetched(missed)
    }
}

impl From<Unasked> for Withheld {
    fn from(why: Unasked) -> Self {
        Self::Unasked(why)
    }
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
        // It does not end later than now, whatever a clock that was ahead has written.
        State::LinkSent { expires_at, .. } if request.is_overdue(now) => {
            Err(LinkEnd::Expired(now.min(*expires_at)))
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
