//! What every store does. Each clause takes a fresh store.

pub mod crowd;
pub mod cursors;
pub mod desk;
pub mod ledger;
pub mod log;
pub mod outbox;
pub mod programs;
pub mod requests;
pub mod search;
pub mod sessions;
pub mod sign_in;
pub mod tickets;
pub mod whole;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::audit::{Actor, Event, LogEntry, LogRow};
use crate::letters::LetterKind;
use crate::lifecycle::{Closing, Outcome, Request, RequestId, Sending, State};
use crate::people::Party;
use crate::ports::{
    Change, CommitError, Job, JobId, LogQuery, Store, StoredRequest, Version, Write,
};
use crate::proof::leaf::seal;
use crate::testing::CountingRandom;
use crate::testing::sample::{monday, person, request_numbered};
use crate::tokens::TokenHash;

/// Every clause, each with a store of its own.
pub async fn whole_suite(make: impl AsyncFn() -> Arc<dyn Store>) {
    requests::a_request_is_found_by_both_its_names(make().await).await;
    requests::its_names_are_its_own(make().await).await;
    requests::one_is_open_for_a_beneficiary_and_a_device(make().await).await;
    requests::an_advance_needs_the_version_it_was_decided_on(make().await).await;
    requests::every_state_survives(make().await).await;
    requests::a_person_sees_their_latest(make().await).await;
    requests::a_link_is_found_ended_or_not(make().await).await;
    requests::those_that_are_open_are_listed_oldest_first(make().await).await;
    requests::the_longest_due_come_first(make().await).await;
    whole::a_change_that_conflicts_leaves_nothing(make().await).await;
    whole::a_change_that_conflicts_moves_nothing(make().await).await;
    whole::an_empty_change_is_committed(make().await).await;
    log::rows_are_numbered_without_a_gap(make().await).await;
    log::rows_come_as_they_went_in(make().await).await;
    log::a_query_narrows_the_rows(make().await).await;
    log::the_newest_row_is_told(make().await).await;
    ledger::the_tree_grows_with_the_rows(make().await).await;
    ledger::one_checkpoint_comes_after_another(make().await).await;
    ledger::fields_are_erased_and_the_leaf_stays(make().await).await;
    ledger::a_request_is_erased_as_it_was_looked_at(make().await).await;
    ledger::what_names_people_is_listed_page_by_page(make().await).await;
    search::each_filter_narrows_the_rows(make().await).await;
    search::people_are_found_wherever_a_row_names_them(make().await).await;
    search::devices_are_found_by_their_names(make().await).await;
    search::the_newest_come_first_and_page_by_page(make().await).await;
    search::moments_out_of_order_are_found(make().await).await;
    outbox::a_job_is_claimed_when_it_is_due(make().await).await;
    outbox::a_lease_holds_others_off_until_it_is_over(make().await).await;
    outbox::a_finished_job_is_gone(make().await).await;
    outbox::a_postponed_job_comes_again(make().await).await;
    outbox::a_buried_job_rests_until_it_is_revived(make().await).await;
    outbox::what_fails_is_listed_until_it_is_done(make().await).await;
    outbox::what_is_due_too_late_is_brought_back(make().await).await;
    outbox::a_stale_lease_moves_nothing(make().await).await;
    outbox::the_next_moment_is_that_of_a_job_or_a_request(make().await).await;
    sign_in::a_sign_in_begins_once_and_ends_once(make().await).await;
    sign_in::an_attempt_counts_from_what_was_seen(make().await).await;
    sign_in::a_code_ends_an_earlier_one(make().await).await;
    sign_in::an_allowance_is_spent_once(make().await).await;
    sign_in::sign_ins_of_one_person_are_forgotten(make().await).await;
    sign_in::a_sign_in_at_a_provider_begins_once_and_ends_once(make().await).await;
    sessions::a_session_lasts_until_it_is_ended(make().await).await;
    sessions::sessions_end_for_one_person_alone(make().await).await;
    sessions::what_ended_is_forgotten(make().await).await;
    desk::who_stands_in_is_what_was_said_last(make().await).await;
    desk::tries_of_a_code_are_counted_by_where_they_come_from(make().await).await;
    programs::a_token_is_its_programs_alone(make().await).await;
    programs::a_token_lasts_until_it_is_ended(make().await).await;
    programs::tokens_end_for_one_person_alone(make().await).await;
    programs::an_answer_is_kept_once_and_then_forgotten(make().await).await;
    cursors::a_cursor_moves_from_where_it_is(make().await).await;
    cursors::of_many_that_move_a_cursor_one_wins(make().await).await;
    tickets::one_request_is_made_of_a_ticket(make().await).await;
    tickets::a_refused_ticket_is_remembered_for_a_while(make().await).await;
    crowd::many_changes_at_once_all_land(make().await).await;
    crowd::one_of_many_advances_wins(make().await).await;
    crowd::a_conflict_does_not_harm_its_neighbours(make().await).await;
    crowd::an_allowance_is_not_overspent_at_once(make().await).await;
    crowd::a_job_goes_to_one_of_many_claimants(make().await).await;
}

/// So many seconds after [`monday`], and a fraction that a store has to keep.
fn at(seconds: i64) -> Timestamp {
    monday() + SignedDuration::from_millis(seconds * 1000 + 123)
}

fn party(name: &str) -> Party {
    person(name).party().unwrap()
}

fn token(number: u8) -> TokenHash {
    TokenHash([number; 32])
}

fn job_id(number: u128) -> JobId {
    JobId(Uuid::from_u128(number))
}

/// A pending request of anna's for the laptop of this number, that was made and lapses then.
fn pending(number: u128, made_at: Timestamp, lapses_at: Timestamp) -> Request {
    Request {
        made_at,
        state: State::Pending {
            lapses_at,
            votes: Vec::new(),
            begun: 0,
            next_at: None,
        },
        ..request_numbered(number)
    }
}

fn withdrawn(now: Timestamp) -> State {
    State::Closed(Closing {
        at: now,
        outcome: Outcome::Withdrawn { by: party("anna") },
        votes: Vec::new(),
    })
}

fn open(request: &Request) -> Write {
    Write::Open(Box::new(request.clone()))
}

fn advance(id: RequestId, expected: Version, next: &State) -> Write {
    Write::Advance {
        request: id,
        expected,
        next: Box::new(next.clone()),
    }
}

fn log(entry: &LogEntry) -> Write {
    Write::Log(Box::new(seal(entry, &CountingRandom::default())))
}

fn log_of(request: &Request) -> Write {
    log(&LogEntry::of_request(
        request,
        Event::ReviewOpened,
        Actor::Clavis,
        None,
        at(0),
    ))
}

fn letter(number: u128) -> Job {
    Job::Letter(Sending {
        letter: LetterKind::ApprovalNeeded,
        to: party("boss"),
        request: RequestId(Uuid::from_u128(number)),
    })
}

fn enqueue(number: u128, at: Timestamp) -> Write {
    Write::Enqueue {
        id: job_id(number),
        job: Box::new(letter(number)),
        at,
    }
}

async fn commit(store: &dyn Store, change: Change) {
    if let Err(error) = store.commit(change).await {
        panic!("a change whose preconditions hold is committed: {error:?}");
    }
}

async fn conflict(store: &dyn Store, change: Change, what: &str) {
    let outcome = store.commit(change).await;
    let is_conflict = matches!(outcome, Err(CommitError::Conflict));
    assert!(is_conflict, "{what} is a conflict, not {outcome:?}");
}

async fn load(store: &dyn Store, id: RequestId) -> StoredRequest {
    store.request(id).await.unwrap().expect("the request")
}

/// The rows that a query asks for, however few the store gives at once.
async fn rows(store: &dyn Store, request: Option<RequestId>) -> Vec<LogRow> {
    let mut all: Vec<LogRow> = Vec::new();
    loop {
        let query = LogQuery {
            request,
            events: &[],
            after: all.last().map_or(0, |row| row.seq),
            limit: 100,
        };
        let page = store.log(&query).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}
