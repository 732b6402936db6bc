//! The log elsewhere: exports have every row, and feeds lose nothing while a collector is away or a
//! daemon dies, and nothing waits for them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::collector::Collector;
use crate::harness::{Installation, Kind, ask, key_link, redeem, sign_in, until};

const ANNA: &str = "anna.berg@example.com";
const MARTIN: &str = "martin.vogt@example.com";

#[test]
fn every_row_comes_to_a_collector_and_into_a_file_through_outages_and_crashes() {
    let clavis = Installation::new(&Kind::Files);
    let (collector, authority) = Collector::tls(clavis.path());
    let port = collector.address().port();
    feed(
        &clavis,
        &format!(
            "name = \"siem\"\nkind = \"syslog\"\naddress = \"localhost:{port}\"\nca_file = \"{}\"",
            authority.display()
        ),
    );
    feed(
        &clavis,
        "name = \"archive\"\nkind = \"file\"\npath = \"audit.jsonl\"",
    );
    let checked = checked(&clavis);
    assert!(
        checked.contains("ok       feed siem: the collector localhost:"),
        "{checked}"
    );
    assert!(checked.contains("ok       feed archive: "), "{checked}");

    let daemon = clavis.start();
    ask(
        &sign_in(&daemon, &clavis.mails, ANNA),
        "LT-0042",
        "\"]\r\n<110>1 It wants a key.",
    );
    let delivered = last_row(&clavis);
    collector.until("every row", |it| it.seqs().contains(&delivered));
    clavis.wait_until_fed("siem", delivered);

    // The collector is away: a key is released all the same, and the rows wait, also for the next
    // daemon.
    collector.go_away();
    sign_in(&daemon, &clavis.mails, MARTIN);
    daemon.wait_for_log("the feed of the log is held up");
    let unreachable = self::checked(&clavis);
    assert!(
        unreachable.contains("FAILURE  feed siem: the collector localhost:"),
        "{unreachable}"
    );
    let (_, link) = key_link(&clavis, &daemon, "LT-0017", MARTIN);
    let page = redeem(&link);
    assert_eq!(page.status, 200, "{}", page.html);
    daemon.kill();

    // It comes back, and dies in the middle of what it is sent.
    let earlier = collector.seqs().len();
    let daemon = clavis.start();
    collector.die_after(3);
    collector.come_back();
    let rows = last_row(&clavis);
    collector.until("every row", |it| it.seqs().contains(&rows));
    let seqs = collector.seqs();
    let different = all_in_order(&seqs);
    assert!(seqs.len() > different, "what was cut off came twice");
    assert!(
        seqs[earlier..].iter().all(|seq| *seq > delivered),
        "what was delivered before the crash came once: {seqs:?}"
    );

    // What came is what the log has, and opens nothing.
    let messages = collector.messages();
    let logged = clavis.rows();
    let of_rows = messages
        .iter()
        .filter(|it| it.contains("[clavis@32473 seq="));
    for (message, seq) in of_rows.zip(&seqs) {
        let (_, text) = message.split_once("] ").expect("a text");
        let row: Value = serde_json::from_str(text).expect("a row is JSON");
        assert_eq!(row["seq"], *seq);
        assert!(logged.contains(&row), "{row}");
    }
    let everything = collector.messages().join("\n");
    let token = link.rsplit('/').next().expect("a token");
    assert!(!everything.contains(token), "no link is in a row");
    for digits in page.texts("<code class=\"digits\"") {
        assert!(!everything.contains(&digits), "no key is in a row");
    }

    let file = clavis.path().join("audit.jsonl");
    until("every row in the file", || {
        let text = fs::read_to_string(&file).ok()?;
        let rows = text.lines().map(|line| serde_json::from_str(line).ok());
        let rows: Vec<Value> = rows.collect::<Option<_>>()?;
        let mut seen = BTreeSet::new();
        let once = rows
            .into_iter()
            .filter(|row| seen.insert(row["seq"].as_i64()));
        (once.collect::<Vec<_>>() == clavis.rows()).then_some(())
    });
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn two_daemons_on_one_database_feed_one_collector_in_order() {
    let clavis = Installation::new(&Kind::Files);
    let collector = Collector::plain();
    let address = collector.address();
    feed(
        &clavis,
        &format!(
            "name = \"siem\"\nkind = \"syslog\"\naddress = \"{address}\"\nsecurity = \"none\"\n\
             format = \"cef\""
        ),
    );
    let daemons = [clavis.start(), clavis.start_another()];
    for daemon in &daemons {
        sign_in(daemon, &clavis.mails, ANNA);
    }
    let rows = last_row(&clavis);
    collector.until("every row", |it| it.seqs().contains(&rows));
    all_in_order(&collector.seqs());
    for message in collector.messages() {
        assert!(message.contains("] CEF:0|Clavis|Clavis|"), "{message}");
    }
    // Whoever is left goes on, or the next one does.
    for daemon in daemons {
        assert_eq!(daemon.stop(), Some(0));
    }
    let daemon = clavis.start();
    sign_in(&daemon, &clavis.mails, MARTIN);
    let rows = last_row(&clavis);
    collector.until("every row", |it| it.seqs().contains(&rows));
    all_in_order(&collector.seqs());
}

#[test]
fn an_export_has_every_row_in_each_format_or_those_that_are_wanted() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    ask(&sign_in(&daemon, &clavis.mails, ANNA), "LT-0042", "=1+1");
    assert_eq!(daemon.stop(), Some(0));
    let rows = clavis.rows();
    let export = |arguments: &[&str]| {
        let output = clavis.run(&[&["audit", "export"], arguments].concat());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let text = text.lines().map(str::to_owned).collect::<Vec<_>>();
        (output.status.success(), text)
    };
    let (_, json) = export(&[]);
    let parsed = json.iter().map(|line| serde_json::from_str::<Value>(line));
    assert_eq!(parsed.collect::<Result<Vec<_>, _>>().expect("JSON"), rows);
    for (format, head, beginning) in [
        ("csv", 1, "\""),
        ("cef", 0, "CEF:0|Clavis|Clavis|"),
        ("ocsf", 0, "{"),
    ] {
        let (_, lines) = export(&["--format", format]);
        assert_eq!(lines.len(), rows.len() + head, "{format}: {lines:?}");
        let of_rows = &lines[head..];
        assert!(
            of_rows.iter().all(|it| it.starts_with(beginning)),
            "{lines:?}"
        );
    }
    let (_, opened) = export(&["--format", "cef", "--event", "request.opened"]);
    assert_eq!(opened.len(), 1);
    let (_, later) = export(&["--after", "1", "--limit", "1"]);
    assert_eq!(later, json[1..2]);
    let (is_fine, nothing) = export(&["--format", "xml"]);
    assert!(!is_fine && nothing.is_empty(), "{nothing:?}");
}

/// Adds a feed to the configuration.
fn feed(clavis: &Installation, settings: &str) {
    let text = fs::read_to_string(clavis.config()).expect("the configuration");
    let text = format!("{text}\n[[audit.feed]]\n{settings}\n");
    fs::write(clavis.config(), text).expect("the configuration");
}

/// What `clavis check` prints.
fn checked(clavis: &Installation) -> String {
    String::from_utf8(clavis.run(&["check"]).stdout).expect("UTF-8")
}

/// The number of the last row that there is.
fn last_row(clavis: &Installation) -> i64 {
    let rows = clavis.rows();
    rows.last().expect("a row")["seq"]
        .as_i64()
        .expect("a number")
}

/// Makes sure that no row is missing and that they came in their order, but for those that came
/// again; gives how many different ones there are.
fn all_in_order(seqs: &[i64]) -> usize {
    let mut seen = BTreeSet::new();
    let first = seqs.iter().copied().filter(|seq| seen.insert(*seq));
    let first: Vec<_> = first.collect();
    let all = (1..).take(first.len()).collect::<Vec<i64>>();
    assert_eq!(first, all, "{seqs:?}");
    first.len()
}
