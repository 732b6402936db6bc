//! The store in a file keeps the contract of every store.

mod tampering;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clavis_backends::store::SqliteStore;
use clavis_broker::ports::{Store, Write};
use clavis_broker::testing::contract::store::whole_suite;
use clavis_broker::testing::sample::monday;

#[tokio::test(flavor = "multi_thread")]
async fn the_file_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicUsize::new(0);
    let fresh = async || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let path = folder.path().join(format!("{number}.db"));
        Arc::new(SqliteStore::open(&path).unwrap()) as Arc<dyn Store>
    };
    whole_suite(fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_file_spend_one_allowance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let stores = [(); 2].map(|()| Arc::new(SqliteStore::open(&path).unwrap()));
    let mut spending = tokio::task::JoinSet::new();
    for store in stores.iter().cycle().take(60) {
        let store = Arc::clone(store);
        let spend = Write::Spend {
            what: "sign-in".to_owned(),
            until: monday(),
            at_most: 25,
        };
        spending.spawn(async move { store.commit(vec![spend]).await.is_ok() });
    }
    let outcomes = spending.join_all().await;
    assert_eq!(outcomes.into_iter().filter(|spent| *spent).count(), 25);
}
