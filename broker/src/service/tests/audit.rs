//! Proofs over the log of real journeys; what is erased; and what a log that was changed is told.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::SignedDuration;

use super::{World, anna};
use crate::audit::Event;
use crate::people::MailAddress;
use crate::ports::{CheckpointSink, Finding, KeptCheckpoint, Ledger, LogQuery, SinkError, Store};
use crate::proof::bundle::Proved;
use crate::proof::checkpoint::Checkpoint;
use crate::proof::examine::Claim;
use crate::proof::leaf::{ERASED, ERASED_MAIL};
use crate::proof::note::{Signer, Verifier};
use crate::service::{AuditTerms, CheckpointError, EraseError, Visitor, examine, prove_rows};
use crate::testing::{CountingRandom, MailTrouble};

/// A place that keeps nothing for as long as it is out of order.
#[derive(Default)]
struct Shelf {
    kept: Mutex<Vec<KeptCheckpoint>>,
    is_broken: Mutex<bool>,
}

#[async_trait]
impl CheckpointSink for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }

    async fn keep(&self, checkpoint: &KeptCheckpoint) -> Result<(), SinkError> {
        if *self.is_broken.lock().unwrap() {
            return Err(SinkError("the shelf has fallen down".to_owned()));
        }
        self.kept.lock().unwrap().push(checkpoint.clone());
        Ok(())
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

fn signer() -> Signer {
    let random = CountingRandom::default();
    Signer::parse(&Signer::generate("log.example.com", &random).unwrap()).unwrap()
}

fn known() -> Vec<Verifier> {
    vec![signer().verifier().clone()]
}

fn terms(shelf: &Arc<Shelf>) -> AuditTerms {
    AuditTerms {
        signer: Some(Arc::new(signer())),
        mail: vec![MailAddress::parse("auditor@example.com").unwrap()],
        sinks: vec![Arc::clone(shelf) as _],
        ..AuditTerms::default()
    }
}

async fn journey() -> (World, Arc<Shelf>) {
    let shelf = Arc::new(Shelf::default());
    let world = World::new().proving(terms(&shelf));
    let link = world.key_link().await;
    let opened = world.broker.redeem(&link, "", Visitor::default()).await;
    drop(opened.unwrap());
    world.settle().await;
    (world, shelf)
}

#[tokio::test]
async fn a_checkpoint_is_made_when_it_is_due_and_brought_everywhere() {
    let (world, shelf) = journey().await;
    *shelf.is_broken.lock().unwrap() = true;
    world.broker.tend_log().await;
    world.settle().await;
    assert_eq!(world.sent("Checkpoint").len(), 1);
    assert!(shelf.kept.lock().unwrap().is_empty());
    *shelf.is_broken.lock().unwrap() = false;
    world.pass(10, 1).await;
    let first = world.store.latest_checkpoint().await.unwrap().unwrap();
    assert_eq!(*shelf.kept.lock().unwrap(), std::slice::from_ref(&first));
    let opened = Checkpoint::open(&first.note, &known()).unwrap();
    assert_eq!(opened.size, first.size);

    // The word that it was mailed is no news; a sign-out is, after the hour.
    world.pass(120, 60).await;
    world.broker.tend_log().await;
    assert_eq!(world.store.checkpoints().await.unwrap().len(), 1);
    let wanted = world
        .broker
        .ask(&anna(), super::asking("nothing"), None)
        .await;
    assert!(wanted.is_err());
    world.broker.tend_log().await;
    assert_eq!(world.store.checkpoints().await.unwrap().len(), 2);
    let other = world
        .broker
        .ask(&anna(), super::asking("nothing"), None)
        .await;
    assert!(other.is_err());
    world.broker.tend_log().await;
    assert_eq!(
        world.store.checkpoints().await.unwrap().len(),
        2,
        "it is not due"
    );
    let wanted = world.broker.make_checkpoint().await.unwrap();
    assert_eq!(wanted.size, world.store.log_size().await.unwrap());
    assert_eq!(world.broker.make_checkpoint().await.unwrap(), wanted);
    let report = examine(&*world.store, &known(), Vec::new()).await.unwrap();
    assert_eq!((report.problems, report.fitting), (Vec::new(), 3));
}

#[tokio::test]
async fn of_two_who_make_one_at_once_one_does() {
    let (world, _) = journey().await;
    let made = futures_util::future::join_all((0..5).map(|_| world.broker.make_checkpoint())).await;
    let first = made[0].as_ref().unwrap();
    assert!(made.iter().all(|it| it.as_ref().unwrap() == first));
    assert_eq!(world.store.checkpoints().await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_key_none_is_made_and_everything_else_works() {
    let world = World::new();
    world.key_link().await;
    world.broker.tend_log().await;
    assert_eq!(world.store.checkpoints().await.unwrap(), []);
    let made = world.broker.make_checkpoint().await;
    assert!(matches!(made, Err(CheckpointError::NoKey)));
}

#[tokio::test]
async fn a_request_is_proved_to_somebody_who_has_only_the_key() {
    let (world, _) = journey().await;
    let request = world.request().await;
    let kept = world.broker.make_checkpoint().await.unwrap();
    let bundle = prove_rows(
        &*world.store,
        (request.id, &request.reference),
        (&kept.note, kept.size),
    );
    let Proved::Rows { rows, .. } = bundle.await.unwrap().check(&known()).unwrap() else {
        panic!("rows");
    };
    let query = LogQuery {
        request: Some(request.id),
        events: &[],
        after: 0,
        limit: 99,
    };
    assert_eq!(rows, world.store.log(&query).await.unwrap());
    let names: Vec<_> = rows.iter().map(|row| row.entry.event.name()).collect();
    assert!(names.contains(&"link.redeemed"), "{names:?}");
}

#[tokio::test]
async fn a_person_is_erased_from_everything_and_the_proofs_hold() {
    let (world, _) = journey().await;
    let session = world.signed_in().await;
    let mail = || MailAddress::parse("Anna@Example.com").unwrap();
    let source = "192.0.2.99".parse().ok();
    let begun = world.broker.begin_sign_in(mail(), source).await.unwrap();
    let begun = begun.unwrap().hash();
    world.settle().await;
    let request = world.request().await;
    let kept = world.broker.make_checkpoint().await.unwrap();
    let claim = Claim {
        name: "earlier".to_owned(),
        checkpoint: Checkpoint::open(&kept.note, &known()).unwrap(),
    };
    assert!(world.everything().await.contains("anna"));
    let forgotten = world
        .broker
        .erase_person("Anna@Example.com", "root")
        .await
        .unwrap();
    assert!(
        forgotten.rows > 5 && forgotten.requests == 1,
        "{forgotten:?}"
    );
    let left = world.everything().await;
    assert!(!left.contains("anna"), "{left}");
    assert!(!left.contains("laptop"), "{left}");
    assert!(left.contains("boss") && left.contains(ERASED) && left.contains(ERASED_MAIL));
    assert!(
        !left.contains("192.0.2.99") && !left.contains("code:"),
        "{left}"
    );
    assert_eq!(world.store.challenge(&begun).await.unwrap(), None);
    assert_eq!(world.store.session(&session.hash()).await.unwrap(), None);
    assert!(
        world
            .store
            .requests_of(&anna().id, 9)
            .await
            .unwrap()
            .is_empty()
    );
    let stored = world.store.request(request.id).await.unwrap().unwrap();
    assert_eq!(stored.request.reference, request.reference);

    let event = world.last_event().await;
    let Event::FieldsErased { rows, fields, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!((rows, fields), (forgotten.rows, forgotten.fields));
    let report = examine(&*world.store, &known(), vec![claim]).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.erased_rows, report.erased_fields), (rows, fields));
    let again = world.broker.erase_person("anna@example.com", "root").await;
    assert!(matches!(again, Err(EraseError::Unknown)));
}

#[tokio::test]
async fn nobody_is_erased_while_a_request_names_them() {
    let world = World::new();
    let request = world.ask().await;
    let before = world.everything().await;
    for who in ["anna@example.com", "id-anna", "boss@example.com"] {
        let refused = world.broker.erase_person(who, "root").await;
        let Err(EraseError::Open(open)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(open, std::slice::from_ref(&request.reference));
    }
    for who in ["nobody@example.com", "", "id-nobody"] {
        let refused = world.broker.erase_person(who, "root").await;
        assert!(matches!(refused, Err(EraseError::Unknown)), "{refused:?}");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn a_word_that_is_nobodys_id_erases_nothing() {
    let (world, _) = journey().await;
    let before = world.everything().await;
    // A backend, a rule, tags, and what stands in texts.
    for word in ["test", "manager", "votes", "redeemed", "closed", "key", "e"] {
        let refused = world.broker.erase_person(word, "root").await;
        assert!(matches!(refused, Err(EraseError::Unknown)), "{word}");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn nobody_is_erased_while_an_alarm_that_names_them_is_untold() {
    let world = World::new();
    let link = world.key_link().await;
    let from = |source: &str| Visitor {
        signed_in: None,
        source: source.parse().ok(),
    };
    let shown = world.broker.redeem(&link, "", from("192.0.2.7")).await;
    drop(shown.unwrap());
    world.settle().await;
    world.mailer.break_down(Some(MailTrouble::Transient));
    let again = world.broker.open_link(&link, from("198.51.100.9")).await;
    assert!(again.is_err());
    world.settle().await;
    let before = world.everything().await;
    let refused = world.broker.erase_person("anna@example.com", "root").await;
    assert!(matches!(refused, Err(EraseError::Untold(1))), "{refused:?}");
    assert_eq!(world.everything().await, before);

    world.mailer.break_down(None);
    world.pass(10, 1).await;
    let erased = world.broker.erase_person("anna@example.com", "root").await;
    assert!(erased.is_ok(), "{erased:?}");
}

#[tokio::test]
async fn personal_fields_end_when_they_are_kept_no_longer() {
    let keep_for = Some(SignedDuration::from_hours(24 * 30));
    let world = World::new().proving(AuditTerms {
        keep_for,
        ..AuditTerms::default()
    });
    world.key_link().await;
    world.clock.advance(SignedDuration::from_hours(24 * 20));
    world.broker.tend_log().await;
    assert!(!world.everything().await.contains(ERASED));
    let rows = world.store.log_size().await.unwrap();
    world.settle().await;
    let later = world.store.log_size().await.unwrap();
    assert!(later > rows, "the link has expired by then");
    world.clock.advance(SignedDuration::from_hours(24 * 15));
    world.broker.tend_log().await;
    let report = examine(&*world.store, &[], Vec::new()).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.erased_rows, rows);
    world.broker.tend_log().await;
    assert_eq!(
        world.store.log_size().await.unwrap(),
        later + 1,
        "once is enough"
    );
}
