//! Proofs over the log of real journeys; what is erased; and what a log that was changed is told.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::SignedDuration;

use super::{World, anna};
use crate::alarms::Alarm;
use crate::audit::Event;
use crate::lifecycle::RequestId;
use crate::people::MailAddress;
use crate::ports::{
    CheckpointSink, Finding, Job, KeepError, KeptCheckpoint, Ledger, LogQuery, Store,
};
use crate::proof::bundle::Proved;
use crate::proof::checkpoint::Checkpoint;
use crate::proof::examine::{Claim, Problem};
use crate::proof::leaf::{ERASED, ERASED_MAIL};
use crate::proof::note::{Signer, Verifier};
use crate::service::{AuditTerms, CheckpointError, EraseError, Visitor, examine, prove_rows};
use crate::testing::{CountingRandom, MailTrouble};

/// A place for checkpoints, in whatever condition.
#[derive(Default)]
struct Shelf {
    kept: Mutex<Vec<KeptCheckpoint>>,
    condition: Mutex<Condition>,
}

#[derive(Default, Clone, Copy)]
enum Condition {
    #[default]
    Good,
    Broken,
    Gone,
    Silent,
    Crowded,
}

impl Shelf {
    fn is(&self, condition: Condition) {
        *self.condition.lock().unwrap() = condition;
    }

    fn kept(&self) -> Vec<KeptCheckpoint> {
        self.kept.lock().unwrap().clone()
    }
}

#[async_trait]
impl CheckpointSink for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }

    async fn keep(&self, checkpoint: &KeptCheckpoint) -> Result<(), KeepError> {
        let condition = *self.condition.lock().unwrap();
        match condition {
            Condition::Good | Condition::Crowded => {}
            Condition::Broken => return Err(KeepError::Transient("it has fallen down".to_owned())),
            Condition::Gone => return Err(KeepError::Permanent("there is no shelf".to_owned())),
            Condition::Silent => std::future::pending().await,
        }
        self.kept.lock().unwrap().push(checkpoint.clone());
        Ok(())
    }

    async fn largest(&self) -> Result<Vec<String>, KeepError> {
        if let Condition::Crowded = *self.condition.lock().unwrap() {
            return Err(KeepError::Permanent("move away the rest".to_owned()));
        }
        let mut kept = self.kept();
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.size));
        Ok(kept.into_iter().map(|kept| kept.note).collect())
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

fn signer() -> Signer {
    let random = CountingRandom::default();
    Signer::parse(&Signer::generate("log.example.com", &random).unwrap()).unwrap()
}

/// Another key of the same name.
fn another_signer() -> Signer {
    let random = CountingRandom::default();
    let [_, other] = [(); 2].map(|()| Signer::generate("log.example.com", &random).unwrap());
    Signer::parse(&other).unwrap()
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
    shelf.is(Condition::Broken);
    world.broker.tend_checkpoints().await;
    world.settle().await;
    assert_eq!(world.sent("Checkpoint").len(), 1);
    assert!(shelf.kept().is_empty());
    shelf.is(Condition::Good);
    world.pass(10, 1).await;
    let first = world.store.latest_checkpoint().await.unwrap().unwrap();
    assert_eq!(shelf.kept(), std::slice::from_ref(&first));
    let opened = Checkpoint::open(&first.note, &known()).unwrap();
    assert_eq!(opened.size, first.size);

    // The word that it was mailed is no news; a sign-out is, after the hour.
    world.pass(120, 60).await;
    world.broker.tend_checkpoints().await;
    assert_eq!(world.store.checkpoints().await.unwrap().len(), 1);
    let wanted = world
        .broker
        .ask(&anna(), super::asking("nothing"), None)
        .await;
    assert!(wanted.is_err());
    world.broker.tend_checkpoints().await;
    assert_eq!(world.store.checkpoints().await.unwrap().len(), 2);
    let other = world
        .broker
        .ask(&anna(), super::asking("nothing"), None)
        .await;
    assert!(other.is_err());
    world.broker.tend_checkpoints().await;
    assert_eq!(
        world.store.checkpoints().await.unwrap().len(),
        2,
        "it is not due"
    );
    let wanted = world.broker.make_checkpoint().await.unwrap();
    assert_eq!(wanted.size, world.store.log_size().await.unwrap());
    assert_eq!(world.broker.make_checkpoint().await.unwrap(), wanted);
    let report = examine(&*world.store, &known(), Vec::new(), world.now())
        .await
        .unwrap();
    assert_eq!((report.problems, report.fitting), (Vec::new(), 3));
}

/// Of how many rows the checkpoints are that have to be brought still, and those that were given up.
async fn undone(world: &World) -> (Vec<u64>, Vec<u64>) {
    let failing = world.store.failing(9).await.unwrap().into_iter();
    let due = failing.filter(|job| job.next_try.is_some());
    let dead = world.store.dead(9).await.unwrap();
    let size = |job| match job {
        Job::Checkpoint { kept, .. } => kept.size,
        job => panic!("{job:?}"),
    };
    (
        due.map(|failing| size(failing.job)).collect(),
        dead.into_iter().map(|dead| size(dead.job)).collect(),
    )
}

async fn not_kept(world: &World) -> usize {
    let sink = "shelf".to_owned();
    let dead = Event::CheckpointDead { sink };
    let events = world.events().await;
    events.into_iter().filter(|event| *event == dead).count()
}

#[tokio::test(start_paused = true)]
async fn a_place_that_never_answers_holds_up_nothing() {
    let (world, shelf) = journey().await;
    shelf.is(Condition::Silent);
    let made = world.broker.make_checkpoint().await.unwrap();
    world.settle().await;
    assert_eq!(undone(&world).await, (vec![made.size], vec![]));
    shelf.is(Condition::Good);
    world.pass(1, 1).await;
    assert_eq!(
        (shelf.kept(), undone(&world).await),
        (vec![made], (vec![], vec![]))
    );
}

#[tokio::test]
async fn a_checkpoint_that_was_not_kept_is_given_up_and_the_log_says_so() {
    let (world, shelf) = journey().await;
    shelf.is(Condition::Broken);
    world.broker.make_checkpoint().await.unwrap();
    world.settle().await;
    let latest = world.broker.make_checkpoint().await.unwrap();
    world.pass(30, 1).await;
    assert_eq!(undone(&world).await, (vec![latest.size], vec![]));
    assert_eq!(not_kept(&world).await, 1, "the later one is over its rows");
    world.pass(6 * 24 * 60, 60).await;
    assert_eq!(undone(&world).await, (vec![], vec![latest.size]));
    assert_eq!(not_kept(&world).await, 2);

    shelf.is(Condition::Gone);
    let last = world.broker.make_checkpoint().await.unwrap();
    world.settle().await;
    assert_eq!(undone(&world).await, (vec![], vec![latest.size, last.size]));
    assert_eq!(not_kept(&world).await, 3);
    world.pass(120, 60).await;
    world.broker.tend_checkpoints().await;
    let made = world.store.latest_checkpoint().await.unwrap();
    assert_eq!(made, Some(last), "what became of checkpoints is no news");
}

#[tokio::test]
async fn of_two_who_make_one_at_once_one_does() {
    let (world, _) = journey().await;
    let made = futures_util::future::join_all((0..5).map(|_| world.broker.make_checkpoint())).await;
    let first = made[0].as_ref().unwrap();
    assert!(made.iter().all(|it| it.as_ref().unwrap() == first));
    assert_eq!(world.store.checkpoints().await.unwrap().len(), 1);
}

/// Whoever rewrites the log in the store takes its checkpoints along; the process has seen the other.
#[tokio::test]
async fn a_log_that_does_not_go_on_as_the_one_that_this_process_signed_is_not_signed() {
    let (world, _) = journey().await;
    world.broker.signed.set(2, [7; 32]);
    let made = world.broker.make_checkpoint().await;
    assert!(matches!(made, Err(CheckpointError::NotTheSame(2))));
}

/// The columns beside a note are not signed: a size that none of them has would put off every one
/// that is due.
#[tokio::test]
async fn a_checkpoint_whose_column_is_not_what_was_signed_is_told_and_nothing_more_is_signed() {
    for (size, broken) in [
        (1_000_000_000, "more than there are"),
        (1, "fewer than signed"),
    ] {
        let (world, shelf) = journey().await;
        let made = world.broker.make_checkpoint().await.unwrap();
        world.settle().await;
        world.clock.advance(super::hours(2));
        world.store.forge_checkpoint(|kept| kept.size = size);
        let due = world.broker.checkpoint_where_due().await;
        assert!(
            matches!(due, Err(CheckpointError::NotTheSame(told)) if told == size),
            "{broken}: {due:?}"
        );
        let asked_for = world.broker.make_checkpoint().await;
        assert!(matches!(asked_for, Err(CheckpointError::NotTheSame(_))));
        let why = "it is of another size".to_owned();
        let report = examine(&*world.store, &known(), Vec::new(), world.now()).await;
        let problems = report.unwrap().problems;
        assert!(
            matches!(&problems[..], [Problem::Unbelieved { why: told, .. }] if *told == why),
            "{problems:?}"
        );

        // It puts none of the others off either, and what was signed is what was kept elsewhere.
        world.store.forge_checkpoint(|kept| kept.size = made.size);
        assert_eq!(shelf.kept(), std::slice::from_ref(&made));
        world
            .broker
            .ask(&anna(), super::asking("nothing"), None)
            .await
            .unwrap_err();
        world.broker.tend_checkpoints().await;
        assert_eq!(world.store.checkpoints().await.unwrap().len(), 2);
    }
}

fn started_anew(world: World) -> World {
    world.restarted(|_| {})
}

/// Whoever writes in the database writes notes as well, and has the daemon start anew.
#[tokio::test]
async fn a_past_that_this_key_has_not_signed_is_not_signed_after_a_start() {
    let (world, _) = journey().await;
    let made = world.broker.make_checkpoint().await.unwrap();
    let other = Arc::new(another_signer());
    let forged = Checkpoint::signed(made.size, &[7; 32], &other);
    world.store.forge_checkpoint(|kept| kept.note = forged);
    let world = started_anew(world);
    // As many rows as it is of, and more.
    for _ in 0..2 {
        let refused = world.broker.make_checkpoint().await;
        assert!(
            matches!(refused, Err(CheckpointError::Unbelieved { .. })),
            "{refused:?}"
        );
        world.settle().await;
    }
    world.store.forge_checkpoint(|kept| kept.note = made.note);

    // The key was replaced: the one before is believed where it is named.
    let own = signer().verifier().clone();
    let new = other.verifier().clone();
    let world = world.restarted(|parts| parts.audit.signer = Some(other));
    let refused = world.broker.make_checkpoint().await;
    assert!(matches!(refused, Err(CheckpointError::Unbelieved { .. })));
    for (known, fitting, unjudged) in [(vec![new.clone()], 0, 1), (vec![new, own.clone()], 1, 0)] {
        let report = examine(&*world.store, &known, Vec::new(), world.now()).await;
        let report = report.unwrap();
        assert_eq!(report.problems, [], "nothing in the log was changed");
        assert_eq!((report.fitting, report.unjudged.len()), (fitting, unjudged));
    }
    let first = world.broker.make_checkpoint_after(&[own]).await.unwrap();
    assert!(first.size > made.size);
    assert_eq!(world.broker.make_checkpoint().await.unwrap(), first);
}

#[tokio::test]
async fn a_log_that_does_not_go_on_as_what_is_kept_elsewhere_is_not_signed_after_a_start() {
    let (mut world, shelf) = journey().await;
    world.broker.make_checkpoint().await.unwrap();
    world.settle().await;
    let size = world.store.log_size().await.unwrap();
    for (of, root) in [(2, [7; 32]), (size + 100, [7; 32])] {
        shelf.kept.lock().unwrap().clear();
        shelf.kept.lock().unwrap().push(KeptCheckpoint {
            size: of,
            made_at: world.now(),
            note: Checkpoint::signed(of, &root, &signer()),
        });
        world = started_anew(world);
        let refused = world.broker.make_checkpoint().await;
        assert!(
            matches!(refused, Err(CheckpointError::NotTheSame(told)) if told == of),
            "{refused:?}"
        );
    }
    shelf.kept.lock().unwrap().clear();
    started_anew(world).broker.make_checkpoint().await.unwrap();
}

/// Whoever can only add to what is kept elsewhere.
#[tokio::test]
async fn what_others_put_before_the_checkpoints_that_are_kept_elsewhere_hides_none_of_them() {
    let (world, shelf) = journey().await;
    let made = world.broker.make_checkpoint().await.unwrap();
    world.settle().await;
    let put = |size: u64, signer: &Signer| {
        shelf.kept.lock().unwrap().push(KeptCheckpoint {
            size,
            made_at: made.made_at,
            note: Checkpoint::signed(size, &[7; 32], signer),
        });
    };
    // Signed by nobody who is known: they stop nothing.
    put(made.size + 100, &another_signer());
    put(made.size + 101, &another_signer());
    let world = started_anew(world);
    let next = world.broker.make_checkpoint().await.unwrap();
    assert!(next.size > made.size);

    // One of another log does, wherever it stands among them.
    put(next.size + 50, &signer());
    let world = started_anew(world);
    let refused = world.broker.make_checkpoint().await;
    assert!(
        matches!(refused, Err(CheckpointError::NotTheSame(size)) if size == next.size + 50),
        "{refused:?}"
    );

    // Where nobody can be believed, nobody knows what was hidden.
    shelf.kept.lock().unwrap().clear();
    put(made.size + 100, &another_signer());
    let world = started_anew(world);
    let refused = world.broker.make_checkpoint().await;
    assert!(
        matches!(refused, Err(CheckpointError::Unbelieved { .. })),
        "{refused:?}"
    );
}

/// Of several that are larger than the latest in the store, none is left out.
#[tokio::test]
async fn the_log_is_held_against_every_checkpoint_elsewhere_that_is_larger_than_the_latest_in_the_store()
 {
    let (world, shelf) = journey().await;
    let size = world.store.log_size().await.unwrap();
    let put = |size: u64, root: [u8; 32]| {
        shelf.kept.lock().unwrap().push(KeptCheckpoint {
            size,
            made_at: world.now(),
            note: Checkpoint::signed(size, &root, &signer()),
        });
    };
    put(
        size,
        crate::service::root_of(&*world.store, size).await.unwrap(),
    );
    put(2, [7; 32]);
    let world = started_anew(world);
    let refused = world.broker.make_checkpoint().await;
    assert!(
        matches!(refused, Err(CheckpointError::NotTheSame(2))),
        "{refused:?}"
    );
}

/// As after a restore: two logs had so many rows.
#[tokio::test]
async fn of_two_checkpoints_elsewhere_of_one_size_none_is_left_out() {
    let (world, shelf) = journey().await;
    let made = world.broker.make_checkpoint().await.unwrap();
    world.settle().await;
    shelf.kept.lock().unwrap().push(KeptCheckpoint {
        note: Checkpoint::signed(made.size, &[7; 32], &signer()),
        ..made.clone()
    });
    let world = started_anew(world);
    let refused = world.broker.make_checkpoint().await;
    assert!(
        matches!(refused, Err(CheckpointError::NotTheSame(size)) if size == made.size),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_alarm_is_raised_once_an_hour_while_nothing_is_signed() {
    let (world, shelf) = journey().await;
    let alarms = async || {
        world.broker.tend_checkpoints().await;
        world.settle().await;
        world.sent("SigningAlarm").len()
    };
    let rows = |event: &Event| match event {
        Event::AlarmRaised { alarm } => match **alarm {
            Alarm::SigningStopped { rows } => Some(rows),
            _ => None,
        },
        _ => None,
    };
    shelf.is(Condition::Crowded);
    assert_eq!([alarms().await, alarms().await], [1, 1]);
    shelf.is(Condition::Good);
    shelf.kept.lock().unwrap().push(KeptCheckpoint {
        size: 2,
        made_at: world.now(),
        note: Checkpoint::signed(2, &[7; 32], &signer()),
    });
    assert_eq!(alarms().await, 1, "within the hour");
    world.clock.advance(super::hours(1));
    assert_eq!(alarms().await, 2);
    let told = world.events().await;
    let told: Vec<_> = told.iter().filter_map(rows).collect();
    assert_eq!(told, [None, Some(2)]);
    shelf.kept.lock().unwrap().clear();
    world.clock.advance(super::hours(2));
    assert_eq!(alarms().await, 2, "it is mended");
}

#[tokio::test]
async fn a_checkpoint_from_the_future_is_named_and_puts_off_no_other() {
    let (world, _) = journey().await;
    let ahead = SignedDuration::from_hours(24 * 365);
    world.clock.advance(ahead);
    world.broker.make_checkpoint().await.unwrap();
    world.clock.advance(-ahead);
    let wanted = super::asking("nothing");
    world.broker.ask(&anna(), wanted, None).await.unwrap_err();
    world.broker.tend_checkpoints().await;
    let made = world.store.checkpoints().await.unwrap();
    assert_eq!(made.len(), 2);
    let report = examine(&*world.store, &known(), Vec::new(), world.now()).await;
    let problems = report.unwrap().problems;
    let [problem @ Problem::FromTheFuture { .. }] = &problems[..] else {
        panic!("{problems:?}");
    };
    let which = format!("of {}", made[0].made_at);
    assert!(problem.to_string().contains(&which), "{problem}");
}

#[tokio::test]
async fn without_a_key_none_is_made_and_everything_else_works() {
    let world = World::new();
    world.key_link().await;
    world.broker.tend_checkpoints().await;
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

    // Rows that are gone are no proof of nothing.
    let gone = (RequestId(uuid::Uuid::nil()), &request.reference);
    let bundle = prove_rows(&*world.store, gone, (&kept.note, kept.size)).await;
    let refused = bundle.unwrap_err().to_string();
    let expected = format!("the log has no row of the request {}", request.reference);
    assert!(refused.starts_with(&expected), "{refused}");
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
    let report = examine(&*world.store, &known(), vec![claim], world.now())
        .await
        .unwrap();
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

/// A key link of anna's was opened a second time, from elsewhere, and nobody could be told of it.
async fn with_an_untold_alarm(trouble: MailTrouble) -> World {
    let world = World::new();
    let link = world.key_link().await;
    let from = |source: &str| Visitor {
        signed_in: None,
        source: source.parse().ok(),
    };
    let shown = world.broker.redeem(&link, "", from("192.0.2.7")).await;
    drop(shown.unwrap());
    world.settle().await;
    world.mailer.break_down(Some(trouble));
    let again = world.broker.open_link(&link, from("198.51.100.9")).await;
    assert!(again.is_err());
    world.settle().await;
    world
}

#[tokio::test]
async fn nobody_is_erased_while_an_alarm_that_names_them_is_untold() {
    let world = with_an_untold_alarm(MailTrouble::Transient).await;
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
async fn a_row_that_does_not_hold_together_is_left_out_and_named_and_the_rest_is_erased() {
    let (world, _) = journey().await;
    let row = world.log().await;
    let row = row
        .iter()
        .find(|row| row.entry.event.name() == "link.redeemed");
    let row = row.unwrap().seq;
    world.store.overwrite(row, "no fields");
    world.settle().await;
    let erased = world.broker.erase_person("anna@example.com", "root").await;
    assert_eq!(erased.unwrap().left_out, [row]);
    assert!(!world.everything().await.contains("anna"));
    let again = world.broker.erase_person("anna@example.com", "root").await;
    assert!(matches!(again, Err(EraseError::Unknown)), "{again:?}");
}

/// One that was given up is ended by a retry, once nobody is to get it any more.
#[tokio::test]
async fn an_alarm_to_an_address_that_is_no_longer_named_holds_up_no_erasure() {
    let world = with_an_untold_alarm(MailTrouble::Permanent).await;
    let refused = world.broker.erase_person("anna@example.com", "root").await;
    assert!(matches!(refused, Err(EraseError::Untold(1))), "{refused:?}");

    let to = MailAddress::parse("others@example.com").unwrap();
    let world = world.restarted(|parts| parts.alarms.mail = vec![to]);
    let dead = world.store.dead(9).await.unwrap();
    world.broker.revive(dead[0].id, "root").await.unwrap();
    world.settle().await;
    let erased = world.broker.erase_person("anna@example.com", "root").await;
    erased.unwrap();
}

/// The watch looks every second: who erases before it has looked would take the name out of the alarm.
#[tokio::test]
async fn what_was_not_looked_at_for_alarms_is_looked_at_before_anybody_is_erased() {
    let world = World::new();
    let link = world.key_link().await;
    let from = |source: &str| Visitor {
        signed_in: None,
        source: source.parse().ok(),
    };
    let shown = world.broker.redeem(&link, "", from("192.0.2.7")).await;
    drop(shown.unwrap());
    world.settle().await;
    let again = world.broker.open_link(&link, from("198.51.100.9")).await;
    assert!(again.is_err());
    let refused = world.broker.erase_person("anna@example.com", "root").await;
    assert!(matches!(refused, Err(EraseError::Untold(2))), "{refused:?}");
    world.settle().await;
    assert_eq!(world.sent("UsedLinkAlarm").len(), 1);
    let erased = world.broker.erase_person("anna@example.com", "root").await;
    erased.unwrap();
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
    world.broker.erase_aged().await.unwrap();
    assert!(!world.everything().await.contains(ERASED));
    let rows = world.store.log_size().await.unwrap();
    world.settle().await;
    let later = world.store.log_size().await.unwrap();
    assert!(later > rows, "the link has expired by then");
    world.clock.advance(SignedDuration::from_hours(24 * 15));
    let (one, other) = tokio::join!(world.broker.erase_aged(), world.broker.erase_aged());
    one.and(other).expect("of two, one erases");
    let looked_at = world.broker.aged.0.load(Ordering::Relaxed);
    assert_eq!(looked_at.unsigned_abs(), rows, "these are not read again");
    let report = examine(&*world.store, &[], Vec::new(), world.now())
        .await
        .unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.erased_rows, rows);
    world.broker.erase_aged().await.unwrap();
    assert_eq!(
        world.store.log_size().await.unwrap(),
        later + 1,
        "once is enough"
    );
}
