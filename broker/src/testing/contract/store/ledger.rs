//! The log as it is stored: its tree, its checkpoints, and what is erased.

use std::sync::Arc;

use super::{
    advance, at, commit, conflict, enqueue, job_id, load, log_of, open, party, pending, rows,
    token, withdrawn,
};
use crate::audit::{Actor, Event, LogEntry};
use crate::lifecycle::Request;
use crate::people::PersonId;
use crate::policy::StandIn;
use crate::ports::{KeptCheckpoint, Link, LinkKind, LogQuery, Store, Version, Write};
use crate::proof::leaf::{Field, check, restore, seal, write_fields};
use crate::proof::tree::{Node, Plan, leaf_hash, node_count, node_hash};
use crate::testing::CountingRandom;

/// The tree is over the rows that are there, also past changes that conflicted, and each row lies
/// there as it was sealed.
pub async fn the_tree_grows_with_the_rows(store: Arc<dyn Store>) {
    assert_eq!(store.log_size().await.unwrap(), 0);
    let request = pending(1, at(0), at(60));
    let random = CountingRandom::default();
    let entry = LogEntry::of_request(&request, Event::ReviewOpened, Actor::Clavis, None, at(7));
    let sealed = seal(&entry, &random);
    let write = Write::Log(Box::new(sealed.clone()));
    commit(&*store, vec![open(&request), write]).await;
    for _ in 0..3 {
        let change = vec![log_of(&request), Write::EndChallenge(token(9))];
        conflict(&*store, change, "the end of a sign-in that never began").await;
        commit(&*store, vec![log_of(&request), log_of(&request)]).await;
    }
    let stored = stored(&*store).await;
    assert_eq!((stored.len(), store.log_size().await.unwrap()), (7, 7));
    let first = &stored[0];
    assert_eq!((first.seq, first.at), (1, at(7).as_millisecond()));
    assert_eq!(first.event, "review.opened");
    assert_eq!(first.request, Some(request.id.to_string()));
    assert_eq!(
        (first.leaf.as_str(), first.personal.as_str()),
        (sealed.leaf(), sealed.personal())
    );

    let leaves: Vec<_> = stored
        .iter()
        .map(|row| leaf_hash(row.leaf.as_bytes()))
        .collect();
    let four = node_hash(
        &node_hash(&leaves[0], &leaves[1]),
        &node_hash(&leaves[2], &leaves[3]),
    );
    let seven = node_hash(
        &four,
        &node_hash(&node_hash(&leaves[4], &leaves[5]), &leaves[6]),
    );
    let plan = Plan::root(7);
    let places: Vec<_> = plan.nodes().map(Node::place).collect();
    let read: Option<Vec<_>> = store.hashes(&places).await.unwrap().into_iter().collect();
    assert_eq!(plan.make(&read.unwrap()), Some(vec![seven]));

    let all = store.hashes_from(0, 99).await.unwrap();
    let places: Vec<_> = all.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (0..node_count(7)).collect::<Vec<_>>());
    assert_eq!(store.hashes_from(3, 2).await.unwrap(), all[3..5]);
    assert_eq!(
        store.hashes(&[0, 99]).await.unwrap(),
        [Some(leaves[0]), None]
    );
}

/// Of two checkpoints that were made after the same one, the first is kept.
pub async fn one_checkpoint_comes_after_another(store: Arc<dyn Store>) {
    assert_eq!(store.latest_checkpoint().await.unwrap(), None);
    let kept = |size| KeptCheckpoint {
        size,
        made_at: at(0),
        note: format!("a note\n\n\u{2014} of {size}\n"),
    };
    let keep = |size, after| Write::KeepCheckpoint {
        kept: Box::new(kept(size)),
        after,
    };
    commit(&*store, vec![keep(2, None)]).await;
    conflict(&*store, vec![keep(3, None)], "a first one beside a first").await;
    commit(&*store, vec![keep(10, Some(2))]).await;
    conflict(
        &*store,
        vec![keep(11, Some(2))],
        "a second one after the first",
    )
    .await;
    conflict(&*store, vec![keep(11, Some(9))], "one after none").await;
    assert_eq!(store.checkpoints().await.unwrap(), [kept(2), kept(10)]);
    assert_eq!(store.latest_checkpoint().await.unwrap(), Some(kept(10)));
}

/// What is erased of a row is gone, its leaf stays, and it is erased as it was looked at.
pub async fn fields_are_erased_and_the_leaf_stays(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    commit(
        &*store,
        vec![open(&request), log_of(&request), log_of(&request)],
    )
    .await;
    let before = stored(&*store).await;
    let (_, fields) = check(&before[1].leaf, &before[1].personal).unwrap();
    let left = write_fields(&vec![Field::Erased(uuid::Uuid::from_u128(7)); fields.len()]);
    let erase = |seq, expected: &str| Write::EraseFields {
        seq,
        expected: expected.to_owned(),
        left: left.clone(),
    };
    conflict(&*store, vec![erase(2, "[]")], "other fields").await;
    conflict(&*store, vec![erase(3, &before[1].personal)], "no row").await;
    commit(&*store, vec![erase(2, &before[1].personal)]).await;
    let after = stored(&*store).await;
    assert_eq!((&after[0], &after[1].leaf), (&before[0], &before[1].leaf));
    assert_eq!(after[1].personal, left);
    let entry = restore(&after[1].leaf, &left).unwrap();
    assert_eq!(rows(&*store, None).await[1].entry, entry);
}

/// What is left of a request takes its place; a person whom it was of finds it no more.
pub async fn a_request_is_erased_as_it_was_looked_at(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    let of_theirs = |approver: &str, number| {
        Write::AddLink(Link {
            token: token(number),
            request: request.id,
            kind: LinkKind::Review {
                approver: PersonId(approver.to_owned()),
            },
        })
    };
    let links = [of_theirs("id-boss", 1), of_theirs("id-otto", 2)];
    commit(&*store, [open(&request)].into_iter().chain(links).collect()).await;
    let close = advance(request.id, Version(1), &withdrawn(at(1)));
    commit(&*store, vec![close]).await;
    let stored = load(&*store, request.id).await;
    let left = Request {
        requester: party("gone"),
        beneficiary: party("gone"),
        ..stored.request.clone()
    };
    let erase = |expected| Write::EraseRequest {
        left: Box::new(left.clone()),
        expected,
    };
    conflict(&*store, vec![erase(Version(1))], "an earlier version").await;
    let boss = PersonId("id-boss".to_owned());
    commit(
        &*store,
        vec![erase(stored.version), Write::EraseApprover(boss)],
    )
    .await;
    assert_eq!(load(&*store, request.id).await.request, left);
    let of = async |name: &str| store.requests_of(&party(name).id, 9).await.unwrap().len();
    assert_eq!((of("anna").await, of("gone").await), (0, 1));
    let kind = async |number| store.link(&token(number)).await.unwrap().unwrap().0.kind;
    let otto = PersonId("id-otto".to_owned());
    assert_eq!(kind(1).await, LinkKind::erased());
    assert_eq!(kind(2).await, LinkKind::Review { approver: otto });
}

/// Everything that may name somebody is listed whole, page by page.
pub async fn what_names_people_is_listed_page_by_page(store: Arc<dyn Store>) {
    let requests = (1..=3).map(|number| open(&pending(number, at(0), at(60))));
    let jobs = (1..=3).map(|number| enqueue(number, at(0)));
    let said = StandIn {
        of: party("anna"),
        by: party("nina"),
        until: at(60),
    };
    let said_write = Write::SetStandIn(Box::new(said.clone()));
    commit(&*store, requests.chain(jobs).chain([said_write]).collect()).await;
    let first = store.requests_after(None, 2).await.unwrap();
    let rest = store
        .requests_after(Some(first[1].request.id), 2)
        .await
        .unwrap();
    let ids: Vec<_> = first.iter().chain(&rest).map(|it| it.request.id).collect();
    assert_eq!(
        ids,
        [1, 2, 3].map(|number| pending(number, at(0), at(60)).id)
    );
    let first = store.jobs_after(None, 2).await.unwrap();
    let rest = store.jobs_after(Some(first[1].0), 2).await.unwrap();
    let ids: Vec<_> = first.iter().chain(&rest).map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2, 3].map(job_id));
    assert_eq!(store.stand_ins().await.unwrap(), [said]);

    commit(
        &*store,
        vec![Write::DropJob(job_id(2)), Write::DropJob(job_id(9))],
    )
    .await;
    assert_eq!(store.jobs_after(None, 9).await.unwrap().len(), 2);
}

async fn stored(store: &dyn Store) -> Vec<crate::ports::StoredRow> {
    let query = LogQuery {
        request: None,
        events: &[],
        after: 0,
        limit: 99,
    };
    store.stored_rows(&query).await.unwrap()
}
