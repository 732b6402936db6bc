//! Having keys replaced that were shown: some hours later, from the outbox.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::timeout;

use super::escrow::{Answers, Silent, heard};
use super::{Broker, Unavailable, outbox::GIVE_UP};
use crate::audit::{Actor, Event, FetchFault, LogEntry, WhyNoRotation};
use crate::devices::BackendName;
use crate::letters::LetterKind;
use crate::lifecycle::{Effect, Request, RequestId, Sending};
use crate::ports::{Change, Lease, Rotation, Write};

/// How long finding out who else knows the device may take, and how long telling it. Both together
/// are shorter than the lease: nobody else gives the order meanwhile.
const LOOKING_UP: Duration = Duration::from_secs(8);
const TELLING: Duration = Duration::from_secs(20);

/// What became of the wish for new keys.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    /// These backends have told the device.
    Asked(Vec<BackendName>),
    /// This backend has perhaps told it.
    Unsure(BackendName),
    /// Nobody can tell it.
    Impossible(WhyNoRotation),
    /// It could not be said for now.
    Failed(Silent),
}

impl Broker {
    /// Asks every backend that knows the device of a request to have its keys replaced. One that
    /// takes it is enough.
    pub(super) async fn rotate(
        &self,
        lease: Lease,
        queued_at: Timestamp,
        request: RequestId,
    ) -> Result<(), Unavailable> {
        let Some(stored) = self.parts.store.request(request).await? else {
            return self.settle_lease(vec![Write::Finish(lease)]).await;
        };
        let request = stored.request;
        // A backend that did not answer when the keys were asked for may have shown some since.
        let device = self.believed(&request.device);
        let elsewhere = self.complete_with(&device, &request.unanswered);
        let elsewhere = timeout(LOOKING_UP, elsewhere).await;
        let elsewhere = elsewhere.unwrap_or_else(|_| Answers::none_of(&request.unanswered));
        let device = elsewhere.found.first().unwrap_or(&device);
        let places: Vec<_> = device
            .places()
            .filter_map(|place| Some((self.backend(&place.backend)?, place)))
            .collect();
        let told = join_all(places.into_iter().map(async |(backend, place)| {
            let name = backend.name().clone();
            match timeout(TELLING, backend.rotate(place)).await {
                Ok(answer) => heard(&**backend, answer).map(|rotation| (name, rotation)),
                // Nobody knows how far it came.
                Err(_) => Ok((name, Rotation::Unsure)),
            }
        }))
        .await;
        let silent = elsewhere.silent.into_iter().map(Err);
        let answers = told.into_iter().chain(silent).collect();
        let change = self.after_rotation(lease, queued_at, &request, judge(answers));
        self.settle_lease(change).await
    }

    fn after_rotation(
        &self,
        lease: Lease,
        queued_at: Timestamp,
        request: &Request,
        wish: Wish,
    ) -> Change {
        let now = self.now();
        let row = |event| {
            let entry = LogEntry::of_request(request, event, Actor::Clavis, None, now);
            self.log(&entry)
        };
        match wish {
            Wish::Asked(backends) => {
                let rows = backends.into_iter();
                let rows = rows.map(|backend| row(Event::RotationAsked { backend }));
                let note = Effect::Send(Sending {
                    letter: LetterKind::KeyRotated,
                    to: request.beneficiary.clone(),
                    request: request.id,
                });
                let mut change = vec![Write::Finish(lease)];
                change.extend(rows);
                change.extend(self.enqueue(vec![note]));
                change
            }
            Wish::Unsure(backend) => {
                tracing::warn!(request.reference = %request.reference, %backend, "nobody knows whether the device was told to make new keys");
                vec![Write::Finish(lease), row(Event::RotationUnsure { backend })]
            }
            Wish::Impossible(why) => {
                tracing::warn!(request.reference = %request.reference, ?why, "the keys that were shown cannot be replaced");
                vec![Write::Finish(lease), row(Event::RotationImpossible { why })]
            }
            Wish::Failed(Silent { backend, why }) if now < queued_at + GIVE_UP => {
                let error = format!(
                    "{backend} did not take the wish for new keys: {}",
                    words(why)
                );
                tracing::warn!(job.id = %lease.job.0, job.attempt = lease.attempt, error, "it will be tried again");
                vec![self.postpone(lease, now, error)]
            }
            Wish::Failed(Silent { backend, why }) => {
                let error = format!("{backend} never took the wish for new keys: {}", words(why));
                tracing::error!(job.id = %lease.job.0, error, "a rotation was given up; see `clavis outbox`");
                vec![
                    Write::Bury { lease, error },
                    row(Event::RotationFailed { backend, why }),
                ]
            }
        }
    }
}

/// What went wrong, for an operator.
fn words(why: FetchFault) -> &'static str {
    match why {
        FetchFault::Denied => "it refuses access; `clavis check` says which permission is missing",
        _ => "it does not answer as it should; the daemon's log says more",
    }
}

/// One backend that has told the device, or may have, is enough; a failure of another counts only
/// where none has, since a second telling would have the device make new keys twice.
fn judge(answers: Vec<Result<(BackendName, Rotation), Silent>>) -> Wish {
    let mut asked = Vec::new();
    let (mut unsure, mut failed) = (None, None);
    let mut why = WhyNoRotation::Unsupported;
    for answer in answers {
        match answer {
            Ok((backend, Rotation::Asked)) => asked.push(backend),
            Ok((backend, Rotation::Unsure)) => unsure = Some(backend),
            Ok((_, Rotation::NotManaged)) => why = WhyNoRotation::NotManaged,
            Ok((_, Rotation::Unsupported)) => {}
            Err(silent) => failed = Some(silent),
        }
    }
    if !asked.is_empty() {
        return Wish::Asked(asked);
    }
    match (unsure, failed) {
        (Some(backend), _) => Wish::Unsure(backend),
        (None, Some(silent)) => Wish::Failed(silent),
        (None, None) => Wish::Impossible(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_backend_that_takes_it_is_enough_and_a_failure_counts_only_without_one() {
        let name = |name: &str| BackendName(name.into());
        let silent = || Silent {
            backend: name("cloud"),
            why: FetchFault::Unavailable,
        };
        let asked = || Ok((name("one"), Rotation::Asked));
        let unmanaged = || Ok((name("two"), Rotation::NotManaged));
        let none = || Ok((name("three"), Rotation::Unsupported));
        let unsure = || Ok((name("four"), Rotation::Unsure));
        assert_eq!(
            judge(vec![Err(silent()), unsure()]),
            Wish::Unsure(name("four"))
        );
        assert_eq!(
            judge(vec![Err(silent()), asked(), unmanaged()]),
            Wish::Asked(vec![name("one")])
        );
        assert_eq!(
            judge(vec![unmanaged(), Err(silent())]),
            Wish::Failed(silent())
        );
        let impossible = Wish::Impossible;
        assert_eq!(
            judge(vec![unmanaged(), none()]),
            impossible(WhyNoRotation::NotManaged)
        );
        assert_eq!(judge(vec![none()]), impossible(WhyNoRotation::Unsupported));
        assert_eq!(judge(vec![]), impossible(WhyNoRotation::Unsupported));
    }
}
