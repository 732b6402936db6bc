//! Rows to a syslog collector.

use std::time::Duration;

use async_trait::async_trait;
use clavis_backends::feed::SyslogSink;
use clavis_broker::export::{Format, HostName};
use clavis_broker::ports::{LogSink, Severity};
use clavis_broker::testing::contract::sink::{FarSide, once, row, whole_suite};
use clavis_config::settings::{Syslog, SyslogSecurity};

use crate::collector::Collector;

#[async_trait]
impl FarSide for Collector {
    async fn seqs_up_to(&self, seq: i64) -> Vec<i64> {
        tokio::task::block_in_place(|| {
            self.until("the row", |it| it.seqs().contains(&seq));
        });
        self.seqs()
    }

    async fn go_away(&self) {
        tokio::task::block_in_place(|| self.go_away());
    }

    async fn come_back(&self) {
        self.come_back();
    }
}

fn sink(collector: &Collector, format: Format, security: SyslogSecurity) -> SyslogSink {
    sink_at(collector.address().port(), format, security)
}

fn sink_at(port: u16, format: Format, security: SyslogSecurity) -> SyslogSink {
    let settings = Syslog {
        host: "localhost".to_owned(),
        port,
        security,
    };
    let host = HostName::new("keys.example.com");
    SyslogSink::new("siem".to_owned(), settings, format, host)
        .settling_for(Duration::from_millis(500))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_over_tcp_keeps_the_contract() {
    let collector = Collector::plain();
    let sink = sink(&collector, Format::Json, SyslogSecurity::Plain);
    whole_suite(&sink, &collector).await;
    let messages = collector.messages();
    let tests = messages
        .iter()
        .filter(|it| it.contains("[clavis@32473 test=\"true\"]"));
    assert_eq!(tests.count(), 2, "a check says that it is one");
    let rows: Vec<_> = messages
        .iter()
        .filter(|it| it.contains(" desk.searched "))
        .collect();
    assert!(
        rows.iter()
            .all(|it| it.starts_with("<110>1 2026-11-23T09:00:00.000Z keys.example.com clavis - "))
    );
    let text = rows[0].split_once("] ").unwrap().1;
    assert_eq!(text, Format::Json.record(&row(1)).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_over_tls_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let (collector, authority) = Collector::tls(folder.path());
    let ca_file = Some(authority);
    let sink = sink(&collector, Format::Cef, SyslogSecurity::Tls { ca_file });
    whole_suite(&sink, &collector).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_many_batches() {
    let collector = Collector::plain();
    let sink = sink(&collector, Format::Ocsf, SyslogSecurity::Plain);
    for seq in 1..=3 {
        sink.send(&[row(seq)]).await.unwrap();
    }
    assert_eq!(collector.seqs(), [1, 2, 3]);
    assert_eq!(collector.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_a_connection_that_dies_are_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, authority) = Collector::tls(folder.path());
    let over_tls = SyslogSecurity::Tls {
        ca_file: Some(authority),
    };
    for (collector, security) in [(Collector::plain(), SyslogSecurity::Plain), (tls, over_tls)] {
        let sink = sink(&collector, Format::Json, security);
        let rows: Vec<_> = (1..=20).map(row).collect();
        for kept in [0, 7, 19] {
            collector.die_after(kept);
            let refused = sink.send(&rows).await.unwrap_err().to_string();
            assert!(refused.contains("localhost"), "{refused}");
            assert!(
                !refused.contains("GUID"),
                "nothing of a row is told: {refused}"
            );
        }
        sink.send(&rows).await.unwrap();
        assert_eq!(
            once(&collector.seqs_up_to(20).await),
            (1..=20).collect::<Vec<_>>()
        );
        assert_eq!(collector.seqs().len(), 7 + 19 + 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_stalled_collector_has_not_taken_are_not_delivered() {
    let collector = Collector::plain();
    let sink = sink(&collector, Format::Json, SyslogSecurity::Plain);
    sink.send(&[row(1)]).await.unwrap();
    collector.stall(true);
    // More than the buffers of both sides hold.
    let many: Vec<_> = (2..=40_000).map(row).collect();
    sink.send(&many).await.unwrap_err();
    collector.stall(false);
    let few: Vec<_> = (2..=10).map(row).collect();
    sink.send(&few).await.unwrap();
    assert_eq!(
        once(&collector.seqs_up_to(10).await)[..10],
        (1..=10).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_nobody_vouches_for_is_sent_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (collector, authority) = Collector::tls(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (_, others) = Collector::tls(other.path());
    let said = async |security| {
        let sink = sink(&collector, Format::Json, security);
        sink.send(&[row(1)]).await.unwrap_err();
        let findings = sink.check().await;
        assert_eq!(findings[0].severity, Severity::Failure);
        format!(
            "{} {}",
            findings[0].what,
            findings[0].remedy.as_ref().unwrap()
        )
    };
    let stranger = said(SyslogSecurity::Tls {
        ca_file: Some(others),
    })
    .await;
    assert!(
        stranger.contains("is not trusted") && stranger.contains("ca_file"),
        "{stranger}"
    );
    let missing = folder.path().join("missing.pem");
    let missing = said(SyslogSecurity::Tls {
        ca_file: Some(missing),
    })
    .await;
    assert!(missing.contains("missing.pem"), "{missing}");
    assert_eq!(collector.messages(), [""; 0]);

    // Something that speaks no TLS at all.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"220 no TLS here\r\n").unwrap();
    });
    let ca_file = Some(authority);
    let refused = sink_at(port, Format::Json, SyslogSecurity::Tls { ca_file })
        .send(&[row(1)])
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("does not speak TLS"), "{refused}");
    plain.join().unwrap();
}
