//! The feeds of the log that the example shows in comments.

use std::path::Path;

use clavis_broker::export::Format;
use clavis_config::settings::{Feed, FeedKind, Syslog, SyslogSecurity};

use super::{EXAMPLE, parse};

/// What the example shows in comments, with the first line that begins like this replaced.
fn with(line: &str, other: &str) -> String {
    let (before, rest) = EXAMPLE
        .split_once("\n#     [[audit.feed]]\n")
        .expect("the section");
    let (shown, after) = rest.split_once("\n\n\n").expect("its end");
    let mut shown: Vec<_> = shown
        .lines()
        .map(|it| it.strip_prefix("#     ").unwrap_or(it))
        .collect();
    if !line.is_empty() {
        let found = shown.iter_mut().find(|it| it.starts_with(line));
        *found.unwrap_or_else(|| panic!("no line {line}")) = other;
    }
    let shown = shown.join("\n");
    format!("{before}\n[[audit.feed]]\n{shown}\n\n\n{after}")
}

fn feeds(text: &str) -> Vec<Feed> {
    let settings = parse(text).unwrap_or_else(|problems| panic!("{problems}"));
    settings.feeds
}

fn problems(line: &str, other: &str) -> Vec<String> {
    let Err(problems) = parse(&with(line, other)) else {
        return Vec::new();
    };
    problems.iter().map(|it| it.what.clone()).collect()
}

#[test]
fn the_feeds_that_the_example_shows_in_comments_are_read() {
    assert!(feeds(EXAMPLE).is_empty());
    let feeds = feeds(&with("", ""));
    let [siem, archive] = &feeds[..] else {
        panic!("two feeds: {feeds:?}");
    };
    assert_eq!((siem.name.as_str(), siem.format), ("siem", Format::Json));
    let FeedKind::Syslog(Syslog {
        host,
        port,
        security,
    }) = &siem.kind
    else {
        panic!("a collector");
    };
    assert_eq!((host.as_str(), *port), ("siem.example.com", 6514));
    assert_eq!(*security, SyslogSecurity::Tls { ca_file: None });
    assert_eq!(archive.name, "archive");
    let FeedKind::File { path } = &archive.kind else {
        panic!("a file");
    };
    assert_eq!(path, Path::new("/var/log/clavis/audit.jsonl"));
}

#[test]
fn what_a_feed_does_not_say_is_what_the_example_shows() {
    let defaults = ["format =", "security =", "readable_on_the_way ="];
    let shown = with("", "");
    let short = defaults.iter().fold(shown.clone(), |text, line| {
        assert!(text.contains(&format!("\n{line}")), "no line {line}");
        text.replacen(&format!("\n{line}"), "\n# ", 1)
    });
    assert_eq!(
        format!("{:?}", feeds(&short)),
        format!("{:?}", feeds(&shown))
    );
}

#[test]
fn a_collector_is_reached_over_tls_or_near_or_in_plain_words() {
    let plain = "security = \"none\"";
    let security = |line: &str, other: &str| {
        let feeds = feeds(&with(line, other));
        match &feeds[0].kind {
            FeedKind::Syslog(it) => it.security.clone(),
            FeedKind::File { .. } => panic!("a collector"),
        }
    };
    let [problem] = &problems("security =", plain)[..] else {
        panic!("one problem");
    };
    assert!(problem.contains("everybody on the way"), "{problem}");
    let spelled_out = format!("{plain}\nreadable_on_the_way = true #");
    let text = with("security =", &spelled_out).replacen("\nreadable_on_the_way = false", "", 1);
    assert!(
        matches!(&feeds(&text)[0].kind, FeedKind::Syslog(it) if it.security == SyslogSecurity::Plain)
    );
    for near in ["localhost:514", "127.0.0.1:601", "[::1]:601"] {
        let near = format!("address = \"{near}\"\n{plain} #");
        let text = with("address =", &near).replacen("\nsecurity = \"tls\"", "", 1);
        assert!(
            matches!(&feeds(&text)[0].kind, FeedKind::Syslog(it) if it.security == SyslogSecurity::Plain)
        );
    }
    let ca_file = Some("/etc/clavis/siem-ca.pem".into());
    assert_eq!(
        security("# ca_file =", "ca_file = \"siem-ca.pem\""),
        SyslogSecurity::Tls { ca_file }
    );
    let both = format!("{plain}\nca_file = \"siem-ca.pem\"");
    assert_eq!(problems("security =", &both).len(), 2);
}

#[test]
fn each_mistake_about_a_feed_is_one_problem() {
    for (line, wrong, told) in [
        (
            "name = \"siem\"",
            "name = \"the siem\"",
            "`name` is not a name",
        ),
        ("name = \"siem\"", "", "`name` is missing"),
        (
            "name = \"archive\"",
            "name = \"siem\"",
            "`name` is that of an earlier",
        ),
        ("kind = \"syslog\"", "kind = \"udp\"", "`kind`"),
        (
            "address =",
            "address = \"siem.example.com\"",
            "not a server with a port",
        ),
        (
            "address =",
            "address = \"siem.example.com:0\"",
            "not a server with a port",
        ),
        (
            "address =",
            "address = \"https://siem.example.com:6514\"",
            "not a server with a port",
        ),
        (
            "security =",
            "security = \"starttls\"",
            "neither \"tls\" nor \"none\"",
        ),
        (
            "format =",
            "format = \"csv\"",
            "none of \"json\", \"cef\" and \"ocsf\"",
        ),
        (
            "path =",
            "path = \"/var/lib/clavis/clavis.db\"",
            "the database of [store]",
        ),
        (
            "path =",
            "path = \"/var/log/clavis/audit.jsonl\"\nfacility = 13",
            "unknown key `facility`",
        ),
    ] {
        let said = problems(line, wrong);
        let [problem] = &said[..] else {
            panic!("{wrong}: {said:?}");
        };
        assert!(problem.contains(told), "{wrong}: {problem}");
    }
    let again = format!(
        "{}\n[[audit.feed]]\nname = \"again\"\nkind = \"file\"\npath = \"/var/log/clavis/audit.jsonl\"\n",
        with("", "")
    );
    let problems = parse(&again).expect_err("a problem").to_string();
    assert!(problems.contains("the file of an earlier"), "{problems}");
}
