//! The store in a file keeps the contract of every store.

mod tampering;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clavis_backends::store::SqliteStore;
use clavis_broker::ports::Store;
use clavis_broker::testing::contract::store::whole_suite;

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
