//! What every sink for rows of the log does.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::audit::{Actor, Event, LogEntry, LogRow};
use crate::people::Party;
use crate::ports::{LogSink, Severity};
use crate::testing::contract::HOSTILE;
use crate::testing::sample::{monday, person};

/// What is behind a sink, as far as a suite has to do with it.
#[async_trait]
pub trait FarSide: Sync {
    /// The numbers of the rows that have arrived, in that order, as soon as this one has.
    async fn seqs_up_to(&self, seq: i64) -> Vec<i64>;

    /// Takes nothing any more, or not all of it.
    async fn go_away(&self);

    /// Takes rows again.
    async fn come_back(&self);
}

/// Every clause, one after the other, on a sink that has not sent anything.
pub async fn whole_suite(sink: &dyn LogSink, far: &dyn FarSide) {
    assert!(!sink.name().is_empty(), "a sink has a name");
    works(sink).await;
    sink.send(&[]).await.expect("nothing is no failure");

    // Rows arrive in order, and what people typed in them makes no two rows of one.
    for seqs in [1..=3, 4..=4, 5..=30] {
        let rows: Vec<_> = seqs.map(row).collect();
        sink.send(&rows).await.expect("the far side takes rows");
    }
    let arrived = far.seqs_up_to(30).await;
    assert_eq!(once(&arrived), (1..=30).collect::<Vec<_>>());

    // Rows that were not taken are told, and come when they are sent again.
    far.go_away().await;
    let rows: Vec<_> = (31..=40).map(row).collect();
    for _ in 0..2 {
        let outcome = sink.send(&rows).await;
        assert!(outcome.is_err(), "rows that were not taken are told");
    }
    let findings = sink.check().await;
    let failure = findings.iter().find(|it| it.severity == Severity::Failure);
    let failure = failure.expect("a far side that is away is found");
    assert!(failure.remedy.is_some(), "a failure says what to do");
    far.come_back().await;
    sink.send(&rows).await.expect("it takes rows again");
    let arrived = far.seqs_up_to(40).await;
    assert_eq!(once(&arrived), (1..=40).collect::<Vec<_>>());
    works(sink).await;
}

/// A row of this number, with texts that mean something to many programs.
pub fn row(seq: i64) -> LogRow {
    let hostile = usize::try_from(seq).unwrap() % HOSTILE.len();
    let text = format!("{}\r\n|={}]\"\\ ", HOSTILE[hostile], seq);
    let who = Party {
        name: text.clone(),
        ..person("anna").party().unwrap()
    };
    let event = Event::DeskSearched { text };
    let entry = LogEntry::of_nothing(event, Actor::Person(who), None, monday());
    LogRow { seq, entry }
}

/// The numbers without those that came before.
pub fn once(seqs: &[i64]) -> Vec<i64> {
    let mut seen = BTreeSet::new();
    seqs.iter()
        .copied()
        .filter(|seq| seen.insert(*seq))
        .collect()
}

async fn works(sink: &dyn LogSink) {
    for finding in sink.check().await {
        assert_ne!(finding.severity, Severity::Failure, "{}", finding.what);
    }
}
