//! What is said about programs that do not keep to the agreement: what, where, and nothing that
//! could be of a key.

use std::io;
use std::sync::{Arc, Mutex};

use clavis_backends::escrow::CommandSettings;
use clavis_broker::causes::with_causes;
use clavis_broker::keys::{Damage, KeyId};
use clavis_broker::ports::{EscrowBackend, EscrowError, EscrowFault};
use clavis_broker::text::Asset;
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use super::{device, escrow, program};

const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
const ID: &str = "00000000-0000-0000-0000-000000000001";

/// What a test writes to the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

async fn devices(settings: CommandSettings) -> EscrowError {
    let asset = Asset::parse("LT-0001").unwrap();
    escrow(settings).devices(&asset).await.unwrap_err()
}

async fn keys(settings: CommandSettings) -> EscrowError {
    let ids = [ID.parse().unwrap()];
    escrow(settings).keys(&device("d"), &ids).await.unwrap_err()
}

fn told(error: &EscrowError) -> String {
    error.source.as_ref().unwrap().to_string()
}

#[tokio::test]
async fn an_end_that_is_no_good_is_told_by_its_status() {
    for (deed, status) in [
        ("exit_with_3", "exit status: 3"),
        ("be_killed", "signal: 9 (SIGKILL)"),
    ] {
        let error = devices(program(deed, &[])).await;
        assert_eq!(error.fault, EscrowFault::Unavailable);
        assert_eq!(told(&error), format!("the program failed ({status})"));
    }
    let none = CommandSettings {
        program: "/nowhere/at/all".into(),
        ..program("", &[])
    };
    let error = devices(none).await;
    assert_eq!(error.fault, EscrowFault::Unavailable);
    assert_eq!(told(&error), "the program cannot be started");
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let error = devices(program("flood", &[])).await;
    assert_eq!(error.fault, EscrowFault::Nonsense);
    assert_eq!(
        told(&error),
        "the program wrote more than 1024 KiB and was ended"
    );

    let (log, _guard) = Log::listen();
    let asset = Asset::parse("LT-0001").unwrap();
    escrow(program("flood_aside", &[]))
        .devices(&asset)
        .await
        .unwrap();
    let log = log.text();
    assert!(log.contains("first"), "{log}");
    assert!(log.len() < 2000, "{} bytes were logged", log.len());
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_place_and_no_digit_of_a_key_is() {
    let (log, _guard) = Log::listen();
    let other = Uuid::from_u128(2);
    let one = format!(r#"{{"key_id":"{ID}","key":"{KEY}"}}"#);
    for (answer, place) in [
        (KEY.to_owned(), "the answer: is no JSON"),
        (format!("[{KEY}"), "the answer: is no JSON"),
        (format!("\"{KEY}\""), "the answer: is not an object"),
        (
            format!(r#"{{"clavis":2,"keys":[{one}],"{KEY}":1}}"#),
            "clavis: is not 1",
        ),
        (
            format!(r#"{{"keys":[{one}]}}"#),
            "the answer: `clavis` is missing",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[{one}],"{KEY}":1}}"#),
            "the answer: its field 3",
        ),
        (
            format!(r#"{{"clavis":1,"keys":{{"{ID}":"{KEY}"}}}}"#),
            "keys: is not a list",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[{{"{KEY}":"{ID}"}}]}}"#),
            "keys[0]: its field 1",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[{{"key_id":"{KEY}","key":"{ID}"}}]}}"#),
            "keys[0].key_id: is not an ID",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[{{"key_id":"{ID}","key":["{KEY}"]}}]}}"#),
            "keys[0].key: is not a text",
        ),
        (
            format!(
                r#"{{"clavis":1,"keys":[{{"key_id":"{ID}","key":"{KEY}","passphrase":"{KEY}"}}]}}"#
            ),
            "keys[0]: has `key` and `passphrase`",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[{{"key_id":"{ID}","passphrase":["{KEY}"]}}]}}"#),
            "keys[0].passphrase: is not a text",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[{{"key_id":"{other}","key":"{KEY}"}}]}}"#),
            "keys[0].key_id: is of a key that was not asked for",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[{one},{one}]}}"#),
            "keys: has 2 entries",
        ),
        (
            format!(r#"{{"clavis":1,"error":"{KEY}"}}"#),
            "error: is none of",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[{one}],"error":"denied"}}"#),
            "error: stands beside an answer",
        ),
        (
            format!(r#"{{"clavis":1,"keys":[],"message":"{KEY}"}}"#),
            "message: belongs to an `error`",
        ),
    ] {
        let error = keys(program("print_text", &[&answer])).await;
        assert_eq!(error.fault, EscrowFault::Nonsense, "{answer}");
        let told = told(&error);
        let wanted = format!("the program's answer is not as agreed: {place}");
        assert!(told.starts_with(&wanted), "{told} for {answer}");
        hides_the_key(&format!("{error:?} {}", with_causes(&error)));
    }
    hides_the_key(&log.text());
}

#[tokio::test]
async fn a_program_says_what_it_lacks_and_while_keys_are_read_not_in_its_own_words() {
    for (word, fault) in [
        ("unavailable", EscrowFault::Unavailable),
        ("denied", EscrowFault::Denied),
        ("nonsense", EscrowFault::Nonsense),
    ] {
        let said = format!(r#"{{"clavis":1,"error":"{word}","message":" no \n\u001bway"}}"#);
        let error = devices(program("print_text", &[&said])).await;
        assert_eq!(error.fault, fault);
        assert!(told(&error).ends_with(": no   way"), "{}", told(&error));
        let said = format!(r#"{{"clavis":1,"error":"{word}","message":" no \n\u001b{KEY}"}}"#);
        let error = devices(program("print_text", &[&said])).await;
        assert_eq!(error.fault, fault);
        assert!(told(&error).ends_with(": (withheld: this could be a recovery key)"));
        hides_the_key(&format!("{error:?} {}", with_causes(&error)));
        let error = keys(program("print_text", &[&said])).await;
        assert_eq!(error.fault, fault);
        hides_the_key(&format!("{error:?} {}", with_causes(&error)));
    }
}

#[tokio::test]
async fn what_is_said_aside_is_logged_except_while_keys_are_read() {
    let (log, _guard) = Log::listen();
    let error = keys(program("complain", &["cannot read", KEY])).await;
    assert_eq!(told(&error), "the program failed (exit status: 1)");
    hides_the_key(&format!("{error:?} {}", with_causes(&error)));
    assert!(!log.text().contains("cannot read"), "{}", log.text());

    devices(program("complain", &["cannot\x1b[31m read"])).await;
    let error = devices(program("complain", &["row 7:", KEY])).await;
    hides_the_key(&format!("{error:?} {}", with_causes(&error)));
    let log = log.text();
    for part in ["cannot [31m read", "inventory", "devices", "(withheld: "] {
        assert!(log.contains(part), "no {part} in {log}");
    }
    hides_the_key(&log);
}

#[tokio::test]
async fn the_self_check_tells_what_a_program_that_failed_said_aside_and_no_key() {
    let failed = async |text: &str| {
        let findings = escrow(program("complain", &[text])).check().await;
        findings.last().unwrap().what.clone()
    };
    assert_eq!(
        failed("no such table: device\nat line 7").await,
        "The call `check` failed: the program failed (exit status: 1). It wrote to its standard \
         error: \"no such table: device\", \"at line 7\"."
    );
    hides_the_key(&failed(KEY).await);

    let finding = format!(r#"{{"clavis":1,"findings":[{{"severity":"ok","what":"is {KEY}"}}]}}"#);
    let findings = escrow(program("print_text", &[&finding])).check().await;
    hides_the_key(&format!("{findings:?}"));
}

#[tokio::test]
async fn digits_with_escapes_are_damaged_and_a_passphrase_may_have_them() {
    let id: KeyId = ID.parse().unwrap();
    let escaped = KEY.replacen('0', "\\u0030", 1);
    for (form, text, read) in [
        ("key", &*escaped, Err(Damage::Shape)),
        ("passphrase", &*escaped, Ok(KEY)),
        ("passphrase", r#"\ud83d\udd11 \"a\" \\"#, Ok("🔑 \"a\" \\")),
        ("passphrase", r"\ud83d", Err(Damage::Passphrase)),
        ("passphrase", r"a\n", Err(Damage::Passphrase)),
    ] {
        let answer = format!(r#"{{"clavis":1,"keys":[{{"key_id":"{ID}","{form}":"{text}"}}]}}"#);
        let escrow = escrow(program("print_text", &[&answer]));
        let keys = escrow.keys(&device("d"), &[id]).await.unwrap();
        assert_eq!(keys.len(), 1);
        let key = keys[0].key.as_ref();
        let key = key.map(|key| key.exposed_groups().collect::<Vec<_>>().concat());
        assert_eq!(key, read.as_ref().copied().map(str::to_owned), "{text}");
    }
}

/// No group of the key is anywhere in the text but the zeros, which are in many numbers.
fn hides_the_key(text: &str) {
    for group in KEY.split('-').filter(|group| *group != "000000") {
        assert!(!text.contains(group), "{group} is in {text}");
    }
}
