//! What a program is given, and what is left when it ends.

use std::time::{Duration, Instant};

use clavis_backends::escrow::{CommandSettings, Variables};
use clavis_broker::keys::KeyId;
use clavis_broker::ports::EscrowBackend;
use clavis_broker::text::Asset;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{device, escrow, numbers, program, state, until};

fn asset() -> Asset {
    Asset::parse("LT-0001").unwrap()
}

#[tokio::test]
async fn a_program_inherits_nothing() {
    let open_here = tempfile::NamedTempFile::new().unwrap();
    let path = open_here.path().to_str().unwrap();
    let settings = CommandSettings {
        environment: Variables(vec![("ESCROW_DB".into(), "/srv/a b.db".into())]),
        ..program("tell_surroundings", &[path, "; id", "$HOME", "*"])
    };
    let findings = escrow(settings).check().await;
    let told = findings.iter().find(|it| it.what.starts_with('{'));
    let told = told.unwrap_or_else(|| panic!("{findings:?}"));
    let told: Value = serde_json::from_str(&told.what).unwrap();
    let wanted = json!({
        "environment": [
            "ESCROW_DB=/srv/a b.db", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin",
        ],
        "folder": "/",
        "arguments": [path, "; id", "$HOME", "*"],
        "sees": false,
        "leads": true,
        "core": "0",
        "gains": false,
    });
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_with_it_and_does_not_hold_up_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers");
    let before = Instant::now();
    let settings = program("leave_something_behind", &[file.to_str().unwrap()]);
    let devices = escrow(settings).devices(&asset()).await.unwrap();
    assert_eq!(devices, []);
    assert!(before.elapsed() < Duration::from_secs(10));
    all_end(&numbers(&file).await).await;
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_in_time_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers");
    let settings = CommandSettings {
        timeout: jiff::SignedDuration::from_secs(3),
        ..program("hang", &[file.to_str().unwrap()])
    };
    let before = Instant::now();
    let error = escrow(settings).devices(&asset()).await.unwrap_err();
    assert!(before.elapsed() < Duration::from_secs(6));
    let told = error.source.unwrap().to_string();
    assert_eq!(told, "the program did not end within 3s and was ended");
    all_end(&numbers(&file).await).await;
}

#[tokio::test]
async fn a_program_whose_answer_nobody_waits_for_any_more_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers");
    let escrow = escrow(program("hang", &[file.to_str().unwrap()]));
    let (device, ids) = (device("d"), [KeyId(Uuid::from_u128(1))]);
    let numbers = tokio::select! {
        answer = escrow.keys(&device, &ids) => panic!("{answer:?}"),
        numbers = numbers(&file) => numbers,
    };
    all_end(&numbers).await;
}

#[tokio::test]
async fn a_program_need_not_read_its_request() {
    // More than fits into a pipe.
    let ids: Vec<_> = (0..4000)
        .map(|number| KeyId(Uuid::from_u128(number)))
        .collect();
    let keys = escrow(program("not_read", &[]))
        .keys(&device("d"), &ids)
        .await
        .unwrap();
    assert_eq!(keys.len(), 0);
}

#[tokio::test]
async fn no_more_run_at_the_same_time_than_may() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("turns");
    let settings = CommandSettings {
        concurrency: 1,
        ..program("take_turns", &[file.to_str().unwrap()])
    };
    let escrow = escrow(settings);
    let (one, two, three) = (asset(), asset(), asset());
    let answers = tokio::join!(
        escrow.devices(&one),
        escrow.devices(&two),
        escrow.devices(&three)
    );
    assert!(answers.0.is_ok() && answers.1.is_ok() && answers.2.is_ok());
    let turns = std::fs::read_to_string(&file).unwrap();
    assert_eq!(turns, "begin\nend\n".repeat(3));
}

/// The program itself, the first of them, is collected. Those that it started are collected by
/// whoever takes them on, which in a container may be nobody.
async fn all_end(numbers: &[u32]) {
    let [program, started] = numbers else {
        panic!("two processes told their numbers: {numbers:?}");
    };
    until("the program is collected", || state(*program).is_none()).await;
    until("what it started has ended", || {
        matches!(state(*started), None | Some('Z'))
    })
    .await;
}
