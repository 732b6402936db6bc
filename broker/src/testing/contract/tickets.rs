//! What every service desk does, given somebody who works there.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::HOSTILE;
use crate::ports::{EventError, Finding, TicketError, TicketSystem};
use crate::tickets::{AssetFault, Ending, Posted, Posting, Standing, Ticket, TicketId};

/// The desk's own side.
#[async_trait]
pub trait FarSide: Send + Sync {
    /// A message of the desk's about these tickets: the header `authorization`, and the body.
    fn message(&self, tickets: &[&TicketId]) -> (String, Vec<u8>);

    /// What time it is there.
    fn now(&self) -> Timestamp;

    /// A new ticket like the sound one of the facts.
    async fn make(&self) -> TicketId;

    /// Somebody there closes a ticket.
    async fn close(&self, ticket: &TicketId);

    /// Somebody there deletes a ticket.
    async fn delete(&self, ticket: &TicketId);

    /// The notes that stand at a ticket.
    async fn notes(&self, ticket: &TicketId) -> Vec<String>;

    /// The next write is carried out, and its answer is lost.
    async fn lose_an_answer(&self);

    /// Lets nobody end a ticket from now.
    async fn refuse_endings(&self, refuses: bool);

    /// Fails at everything from now, or works again.
    async fn break_down(&self, is_broken: bool);
}

/// What is at the desk.
#[derive(Debug)]
pub struct DeskFacts {
    /// An open ticket for one device, as it is to be read.
    pub sound: Ticket,
    /// A ticket that asks for something else.
    pub other: TicketId,
    /// A ticket without an asset.
    pub without_asset: TicketId,
    /// A ticket with two assets.
    pub with_two_assets: TicketId,
}

/// Every clause.
pub async fn whole_suite(desk: &dyn TicketSystem, far: &dyn FarSide, facts: &DeskFacts) {
    a_ticket_is_read_as_it_is(desk, facts).await;
    what_is_no_ticket_is_not_there(desk).await;
    a_message_names_tickets_and_strangers_are_not_heard(desk, far, facts);
    what_has_changed_is_found(desk, far).await;
    a_note_stands_there_once_whatever_becomes_of_answers(desk, far).await;
    an_ending_closes_the_ticket(desk, far).await;
    where_a_ticket_may_not_be_ended_the_note_is_there(desk, far).await;
    nothing_is_told_to_a_ticket_that_is_gone(desk, far).await;
    a_desk_that_is_down_says_so(desk, far, facts).await;
}

/// What a ticket says, and whether it asks for a key.
pub async fn a_ticket_is_read_as_it_is(desk: &dyn TicketSystem, facts: &DeskFacts) {
    for somebody_waits in [false, true] {
        let sound = desk.fetch(&facts.sound.id, somebody_waits).await.unwrap();
        assert_eq!(sound.as_ref(), Some(&facts.sound));
    }
    let other = read(desk, &facts.other).await.unwrap();
    assert_eq!(other.standing, Standing::Other);
    let without = read(desk, &facts.without_asset).await.unwrap();
    assert_eq!(without.asset, Err(AssetFault::None));
    let two = read(desk, &facts.with_two_assets).await.unwrap();
    assert_eq!(two.asset, Err(AssetFault::Several));
}

/// IDs that were never given out, of any spelling that an ID may have.
pub async fn what_is_no_ticket_is_not_there(desk: &dyn TicketSystem) {
    let others = ["999999999", "-1", "0", "a", "1.5", "..x", "1e3"];
    for text in others.iter().chain(HOSTILE) {
        let Ok(id) = TicketId::parse(text) else {
            continue;
        };
        assert_eq!(desk.fetch(&id, false).await.unwrap(), None, "{text}");
    }
}

/// Who does not know the credential is heard of nothing, and every ticket of a batch is.
pub fn a_message_names_tickets_and_strangers_are_not_heard(
    desk: &dyn TicketSystem,
    far: &dyn FarSide,
    facts: &DeskFacts,
) {
    for tickets in [vec![&facts.sound.id], vec![&facts.sound.id, &facts.other]] {
        let (credential, body) = far.message(&tickets);
        assert!(desk.knows(Some(&credential)));
        let named = desk.parse_event(Some(&credential), &body).unwrap();
        assert_eq!(named.iter().collect::<Vec<_>>(), tickets);
        let longer = format!("{credential}A");
        let shorter = &credential[..credential.len() - 1];
        for stranger in [None, Some(""), Some("Basic "), Some(&longer), Some(shorter)] {
            let heard = desk.parse_event(stranger, &body);
            assert_eq!(heard, Err(EventError::Stranger), "{stranger:?}");
            assert!(!desk.knows(stranger), "{stranger:?}");
        }
    }
    let (credential, _) = far.message(&[]);
    for body in ["", " ", "[]", "{}", "null", "[[[[", "\u{0}"] {
        let heard = desk.parse_event(Some(&credential), body.as_bytes());
        assert_eq!(heard, Err(EventError::Nonsense), "{body}");
    }
    let bytes = desk.parse_event(Some(&credential), &[0xff, 0xfe]);
    assert_eq!(bytes, Err(EventError::Nonsense));
}

/// Whatever changes is found, closed or not; what has not changed for long may be left out.
pub async fn what_has_changed_is_found(desk: &dyn TicketSystem, far: &dyn FarSide) {
    let before = far.now() - SignedDuration::from_secs(60);
    let (open, closed) = (far.make().await, far.make().await);
    far.close(&closed).await;
    let changed = desk.changed_since(before, 0).await.unwrap();
    assert_eq!(changed.all_up_to, None, "it is little");
    let changed = changed.tickets;
    for id in [&open, &closed] {
        assert!(changed.contains(id), "{id} is among {changed:?}");
    }
    assert_eq!(
        read(desk, &closed).await.unwrap().standing,
        Standing::Closed
    );
}

/// A posting whose answer was lost is tried again, and stands there once.
pub async fn a_note_stands_there_once_whatever_becomes_of_answers(
    desk: &dyn TicketSystem,
    far: &dyn FarSide,
) {
    let ticket = far.make().await;
    let posting = |marker: &str, may_be_there| Posting {
        marker: marker.to_owned(),
        note: "Approved by <b>boss</b> & co.\nSecond line.".to_owned(),
        ending: None,
        may_be_there,
    };
    // It may be there, and is not.
    let posted = desk.post(&ticket, &posting("mark-1", true)).await.unwrap();
    assert_eq!(posted, Posted::Whole);
    assert_eq!(marked(far, &ticket, "mark-1").await, 1);
    let again = desk.post(&ticket, &posting("mark-1", true)).await.unwrap();
    assert_eq!(again, Posted::Whole);
    assert_eq!(marked(far, &ticket, "mark-1").await, 1, "it was there");
    far.lose_an_answer().await;
    let lost = desk.post(&ticket, &posting("mark-2", false)).await;
    assert!(matches!(lost, Err(TicketError::Unavailable(_))), "{lost:?}");
    let again = desk.post(&ticket, &posting("mark-2", true)).await.unwrap();
    assert_eq!(again, Posted::Whole);
    assert_eq!(marked(far, &ticket, "mark-2").await, 1, "it was there");
    // A mark that begins like another one is another one.
    let longer = desk.post(&ticket, &posting("mark-22", true)).await.unwrap();
    assert_eq!(longer, Posted::Whole);
    let shorter = desk.post(&ticket, &posting("mark", true)).await.unwrap();
    assert_eq!(shorter, Posted::Whole);
    assert_eq!(far.notes(&ticket).await.len(), 4);
    assert_eq!(read(desk, &ticket).await.unwrap().standing, Standing::Open);
}

/// Whatever a ticket comes to, it asks for nothing afterwards.
pub async fn an_ending_closes_the_ticket(desk: &dyn TicketSystem, far: &dyn FarSide) {
    for ending in [Ending::Done, Ending::Declined, Ending::Ended] {
        let ticket = far.make().await;
        let posting = |may_be_there| Posting {
            marker: "mark-of-an-end".to_owned(),
            note: "This is the end.".to_owned(),
            ending: Some(ending),
            may_be_there,
        };
        far.lose_an_answer().await;
        let lost = desk.post(&ticket, &posting(false)).await;
        assert!(matches!(lost, Err(TicketError::Unavailable(_))), "{lost:?}");
        let again = desk.post(&ticket, &posting(true)).await.unwrap();
        assert_eq!(again, Posted::Whole, "{ending:?}");
        assert_eq!(far.notes(&ticket).await.len(), 1);
        let standing = read(desk, &ticket).await.unwrap().standing;
        assert_eq!(standing, Standing::Closed, "{ending:?}");
    }
}

/// The note is not lost because the ticket may not be ended.
pub async fn where_a_ticket_may_not_be_ended_the_note_is_there(
    desk: &dyn TicketSystem,
    far: &dyn FarSide,
) {
    let ticket = far.make().await;
    let posting = |may_be_there| Posting {
        marker: "mark-of-a-refusal".to_owned(),
        note: "This would be the end.".to_owned(),
        ending: Some(Ending::Done),
        may_be_there,
    };
    far.refuse_endings(true).await;
    for may_be_there in [false, true] {
        let posted = desk.post(&ticket, &posting(may_be_there)).await.unwrap();
        assert_eq!(posted, Posted::NoteAlone);
        assert_eq!(far.notes(&ticket).await.len(), 1);
    }
    far.refuse_endings(false).await;
    assert_eq!(read(desk, &ticket).await.unwrap().standing, Standing::Open);
}

/// That a ticket is gone is no reason to try again.
pub async fn nothing_is_told_to_a_ticket_that_is_gone(desk: &dyn TicketSystem, far: &dyn FarSide) {
    let ticket = far.make().await;
    far.delete(&ticket).await;
    assert_eq!(read(desk, &ticket).await, None);
    for (ending, may_be_there) in [(None, false), (Some(Ending::Ended), true)] {
        let posting = Posting {
            marker: "mark-of-nothing".to_owned(),
            note: "To nobody.".to_owned(),
            ending,
            may_be_there,
        };
        let posted = desk.post(&ticket, &posting).await.unwrap();
        assert_eq!(posted, Posted::Nowhere);
    }
}

/// It is told from a ticket that is gone, and it comes back.
pub async fn a_desk_that_is_down_says_so(
    desk: &dyn TicketSystem,
    far: &dyn FarSide,
    facts: &DeskFacts,
) {
    let ticket = far.make().await;
    let posting = Posting {
        marker: "mark-of-an-outage".to_owned(),
        note: "After an outage.".to_owned(),
        ending: None,
        may_be_there: true,
    };
    far.break_down(true).await;
    assert!(desk.fetch(&facts.sound.id, true).await.is_err());
    assert!(desk.changed_since(far.now(), 0).await.is_err());
    assert!(desk.post(&ticket, &posting).await.is_err());
    assert!(desk.check().await.iter().any(Finding::is_failure));
    far.break_down(false).await;
    assert_eq!(desk.post(&ticket, &posting).await.unwrap(), Posted::Whole);
    assert_eq!(marked(far, &ticket, "mark-of-an-outage").await, 1);
    let findings = desk.check().await;
    assert!(
        !findings.iter().any(Finding::is_failure),
        "it works: {findings:?}"
    );
}

async fn read(desk: &dyn TicketSystem, ticket: &TicketId) -> Option<Ticket> {
    desk.fetch(ticket, false).await.unwrap()
}

async fn marked(far: &dyn FarSide, ticket: &TicketId, marker: &str) -> usize {
    let notes = far.notes(ticket).await;
    notes.iter().filter(|note| note.contains(marker)).count()
}
