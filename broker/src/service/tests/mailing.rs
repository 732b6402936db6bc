//! Mail that does not leave: nothing is lost, and nothing old opens.

use super::{World, hours, minutes, tokens};
use crate::audit::{Event, MailName};
use crate::letters::LetterKind;
use crate::lifecycle::{Outcome, State};
use crate::ports::Store;
use crate::service::{LinkEnd, LinkError, Visitor};
use crate::testing::MailTrouble;

#[tokio::test]
async fn through_hours_without_a_mail_server_nothing_is_lost() {
    let world = World::new();
    world.ask().await;
    world.mailer.break_down(Some(MailTrouble::Transient));
    world.approve().await;
    world.settle().await;
    world.pass(10 * 60, 5).await;
    assert_eq!(world.sent("KeyLink"), [""; 0]);
    let tried = tokens(&world.mailer.refused(), "KeyLink", "anna");
    assert!(tried.len() > 40, "{} tries", tried.len());

    world.mailer.break_down(None);
    world.pass(15, 1).await;
    assert_eq!(world.sent("RequestApproved"), ["anna"]);
    assert_eq!(world.sent("KeyLink"), ["anna"]);
    let link = world.token("KeyLink", "anna");
    for old in &tried {
        let view = world.broker.open_link(old, Visitor::default()).await;
        let replaced = matches!(
            view,
            Err(LinkError::Ended {
                end: LinkEnd::Replaced,
                ..
            })
        );
        assert!(replaced, "a new link ends the one before");
    }
    let view = world
        .broker
        .open_link(&link, Visitor::default())
        .await
        .unwrap();
    let sent_at = view.expires_at - hours(3);
    assert!(world.now() - minutes(15) < sent_at && sent_at <= world.now());
    world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    assert_eq!(world.store.dead(9).await.unwrap(), []);
}

#[tokio::test]
async fn an_approval_too_old_to_send_a_link_on_ends_with_its_last_link() {
    let world = World::new();
    world.ask().await;
    world.mailer.break_down(Some(MailTrouble::Transient));
    world.approve().await;
    world.pass(24 * 60, 5).await;
    let last = tokens(&world.mailer.refused(), "KeyLink", "anna").len();
    world.pass(4 * 60, 5).await;
    let State::Closed(closing) = world.request().await.state else {
        panic!("it is closed");
    };
    assert!(matches!(closing.outcome, Outcome::Expired { .. }));
    world.mailer.break_down(None);
    world.pass(15, 1).await;
    let refused = tokens(&world.mailer.refused(), "KeyLink", "anna");
    assert_eq!(refused.len(), last, "no link is made on an old approval");
    assert_eq!(world.sent("KeyLink"), [""; 0]);
    assert_eq!(world.sent("LinkExpired").len(), 2);
}

#[tokio::test]
async fn a_mail_refused_for_good_waits_for_an_operator() {
    let world = World::new();
    world.mailer.break_down(Some(MailTrouble::Permanent));
    world.ask().await;
    let dead = world.store.dead(9).await.unwrap();
    assert_eq!(dead.len(), 2);
    let given_up = |event: &Event| {
        let name = MailName::Letter(LetterKind::ApprovalNeeded);
        matches!(event, Event::MailDead { mail, .. } if *mail == name)
    };
    assert!(world.events().await.iter().any(given_up));
    world.pass(60, 10).await;
    assert_eq!(world.mailer.refused().len(), 2, "it is not tried again");

    world.mailer.break_down(None);
    for job in &dead {
        assert!(world.broker.revive(job.id, "root").await.unwrap());
        assert!(
            !world.broker.revive(job.id, "root").await.unwrap(),
            "it lives"
        );
    }
    world.settle().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss"]);
    assert_eq!(world.store.dead(9).await.unwrap(), []);
    world.approve().await;
}

#[tokio::test]
async fn a_mail_is_given_up_after_days_and_has_days_again_when_revived() {
    let world = World::new();
    world.mailer.break_down(Some(MailTrouble::Transient));
    world.ask().await;
    world.pass(5 * 24 * 60 + 60, 60).await;
    // The request lapsed after three days: who to ask is moot, who asked is still to be told.
    let dead = world.store.dead(9).await.unwrap();
    let confirmation = dead.iter().find(|job| {
        let crate::ports::Job::Letter(effect) = &job.job else {
            return false;
        };
        effect.letter == LetterKind::RequestConfirmation
    });
    let id = confirmation.expect("the confirmation was given up").id;
    assert!(world.broker.revive(id, "root").await.unwrap());
    world.settle().await;
    let dead = world.store.dead(9).await.unwrap();
    assert!(dead.iter().all(|job| job.id != id), "one failure is no end");
    world.mailer.break_down(None);
    world.pass(60, 5).await;
    assert_eq!(world.sent("RequestConfirmation"), ["anna"]);
    assert_eq!(world.sent("ApprovalNeeded"), [""; 0]);
}

#[tokio::test]
async fn a_letter_sent_again_can_be_told_from_a_new_one() {
    let world = World::new();
    world.mailer.break_down(Some(MailTrouble::Transient));
    world.ask().await;
    world.mailer.break_down(None);
    world.pass(1, 1).await;
    let id = |mails: &[crate::letters::Mail], subject: &str| {
        let mail = mails.iter().find(|mail| mail.subject == subject);
        mail.expect("the letter").message_id.clone()
    };
    let (first, second) = (world.mailer.refused(), world.mailer.sent());
    let subject = "RequestConfirmation";
    assert_eq!(id(&first, subject), id(&second, subject));
    let with_a_link = "ApprovalNeeded";
    assert_ne!(id(&first, with_a_link), id(&second, with_a_link));
}

#[tokio::test]
async fn a_store_that_fails_loses_no_mail() {
    let world = World::new();
    world
        .broker
        .ask(&super::anna(), super::asking("laptop"), None)
        .await
        .unwrap();
    // Before anything, between two mails, and after a mail that left and before its row.
    for commits in [0, 1, 1] {
        world.store.break_after(commits);
        assert!(world.broker.tend_once().await.is_err());
        world.store.mend();
        world.clock.advance(minutes(1));
    }
    world.settle().await;
    assert_eq!(world.sent("RequestConfirmation"), ["anna"]);
    let twice = world.sent("ApprovalNeeded");
    assert_eq!(twice, ["boss", "boss"], "at least once");
}
