//! The auditor's page.

use axum::http::StatusCode;
use clavis_broker::audit::{Event, LogRow};
use clavis_broker::export::Format;
use clavis_broker::ports::LogQuery;
use clavis_broker::search::{EVENTS, LogFilters};
use serde_json::Value;

use crate::testing::{Browser, LAPTOP, World};

impl World {
    async fn auditor(&self) -> Browser {
        self.signed_in("auditors@example.com").await
    }

    async fn last_event(&self) -> (usize, Event) {
        let everything = LogQuery {
            limit: usize::MAX,
            ..LogQuery::default()
        };
        let rows = self.broker.store().log(&everything).await.unwrap();
        let last = rows.last().expect("a row");
        (rows.len(), last.entry.event.clone())
    }
}

fn rows_of(body: &str) -> Vec<i64> {
    let items = body.split("<li value=\"").skip(1);
    items
        .map(|item| item.split('"').next().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn rows_are_found_by_each_filter() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let request = world.ask(&mut anna).await;
    let reference = request.rsplit('/').next().unwrap();
    let mut auditor = world.auditor().await;
    let (count, _) = world.last_event().await;
    let form = auditor.get("/audit").await;
    assert_eq!(rows_of(&form.body), [0_i64; 0]);
    assert_eq!(
        world.last_event().await.0,
        count,
        "the form alone shows nothing"
    );

    let all = auditor.get("/audit?person=&device=&from=").await;
    assert_eq!(rows_of(&all.body).len(), count);
    assert!(rows_of(&all.body).is_sorted_by(|one, next| one > next));
    for (search, shown, hidden) in [
        (
            "event=request.opened",
            "request.opened",
            "<b translate=\"no\">sign_in",
        ),
        (
            "person=O%27hara",
            "request.opened",
            "auditors@example.com&#62;, signed in",
        ),
        (
            "device=lt-42%22",
            "request.opened",
            "<b translate=\"no\">sign_in",
        ),
        (
            "from=2026-11-23&to=2026-11-23",
            "request.opened",
            "Nothing was found",
        ),
        ("from=2026-11-24", "Nothing was found", "request.opened</b>"),
        (
            "request=XXX-XXXX",
            "Nothing was found",
            "request.opened</b>",
        ),
        ("person=nobody", "Nothing was found", "request.opened</b>"),
        (
            &format!("request={}", reference.to_lowercase()),
            "request.opened</b>",
            "<b translate=\"no\">sign_in",
        ),
    ] {
        let page = auditor.get(&format!("/audit?{search}")).await;
        assert_eq!(page.status, StatusCode::OK, "{search}");
        assert!(
            page.says(shown) && !page.says(hidden),
            "{search}: {}",
            page.body
        );
    }
    let page = auditor.get("/audit?event=request.opened").await;
    assert!(
        page.says("&#34;name&#34;: &#34;request.opened&#34;"),
        "{}",
        page.body
    );
    assert!(page.says("<option selected>request.opened</option>"));
    for event in EVENTS {
        assert!(page.says(&format!(">{event}</option>")));
    }
}

#[tokio::test]
async fn looking_and_taking_away_are_in_the_log() {
    let world = World::new();
    let mut auditor = world.auditor().await;
    auditor.get("/audit?person=+boss+&to=2026-11-23").await;
    let filters = LogFilters {
        person: Some("boss".to_owned()),
        to: Some("2026-11-23T23:00:00Z".parse().unwrap()),
        ..LogFilters::default()
    };
    let searched = filters.clone();
    let (_, last) = world.last_event().await;
    assert_eq!(last, Event::AuditSearched { filters: searched });
    auditor
        .get("/audit/export.csv?person=boss&to=2026-11-23")
        .await;
    let format = Format::Csv;
    let (_, last) = world.last_event().await;
    assert_eq!(last, Event::AuditExported { filters, format });

    let page = auditor.get("/audit?event=audit.exported").await;
    assert!(page.says("&#34;person&#34;: &#34;boss&#34;"));
    world.store.break_after(0);
    for path in [
        "/audit?all=1",
        "/audit/export.csv",
        "/audit/export.jsonl",
        "/audit/export.cef",
        "/audit/export.ocsf.jsonl",
    ] {
        let refused = auditor.get(path).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let world = World::new();
    let mut auditor = world.auditor().await;
    for _ in 0..60 {
        auditor.get("/audit?person=nobody").await;
    }
    let (count, _) = world.last_event().await;
    let mut seen = Vec::new();
    let mut path = "/audit?all=1".to_owned();
    loop {
        let page = auditor.get(&path).await;
        let rows = rows_of(&page.body);
        assert!(rows.len() <= 50);
        seen.extend(rows);
        assert_eq!(page.says("Newest rows"), path != "/audit?all=1");
        let Some((before, _)) = page.body.split_once("\" rel=\"next\"") else {
            break;
        };
        let (_, older) = before.rsplit_once("href=\"").unwrap();
        path = older.replace("&#38;", "&");
    }
    let all: Vec<_> = (1..=i64::try_from(count).unwrap()).rev().collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_said_at_its_field() {
    let world = World::new();
    let mut auditor = world.auditor().await;
    let (count, _) = world.last_event().await;
    let long = format!("person={}", "x".repeat(255));
    for (search, said) in [
        ("request=12", "A reference looks like"),
        ("event=key.stolen", "There is no event of this name"),
        ("from=yesterday", "Write a day like"),
        ("to=9999-12-31", "Write a day like"),
        ("from=2026-11-24&to=2026-11-23", "before the first"),
        (long.as_str(), "too long"),
    ] {
        let page = auditor.get(&format!("/audit?{search}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{search}");
        assert!(
            page.says(said) && page.says("aria-invalid"),
            "{}",
            page.body
        );
        let export = auditor.get(&format!("/audit/export.csv?{search}")).await;
        assert_eq!(export.status, StatusCode::BAD_REQUEST, "{search}");
    }
    assert_eq!(world.last_event().await.0, count);
}

#[tokio::test]
async fn a_table_is_safe_to_open_and_has_every_row() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    let fields = [
        ("form_token", anna.get("/requests/new").await.form_token()),
        ("asset", "=cmd|' /C calc'!A0".to_owned()),
        ("reason", "why".to_owned()),
    ];
    anna.post("/requests/new", &fields).await;
    world.ask(&mut anna).await;
    let mut auditor = world.auditor().await;
    let (count, _) = world.last_event().await;
    let table = auditor.get("/audit/export.csv").await;
    assert_eq!(table.status, StatusCode::OK);
    assert!(
        table
            .header("content-type")
            .starts_with("text/csv; charset=utf-8")
    );
    assert!(
        table
            .header("content-disposition")
            .starts_with("attachment")
    );
    let lines: Vec<_> = table.body.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), count + 1, "{}", table.body);
    assert!(lines[0].starts_with("\"seq\",\"at\",\"event\""));
    assert!(table.says(&LAPTOP.replace('"', "\"\"")));
    for line in lines {
        assert!(line.starts_with('"') && line.ends_with('"'), "{line}");
        for cell in line.split("\",\"") {
            let cell = cell.trim_start_matches('"');
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{line}");
        }
    }
}

#[tokio::test]
async fn lines_of_json_have_every_field() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let mut auditor = world.auditor().await;
    let lines = auditor
        .get("/audit/export.jsonl?event=request.opened")
        .await;
    assert!(
        lines
            .header("content-disposition")
            .contains("clavis-audit.jsonl")
    );
    let rows: Vec<Value> = lines
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [row] = &rows[..] else {
        panic!("one row: {rows:?}");
    };
    assert_eq!(row["name"], "request.opened");
    assert_eq!(row["device"]["name"], LAPTOP);
    assert_eq!(row["event"]["asked"][0]["id"], "boss");
}

#[tokio::test]
async fn every_format_is_offered_and_says_the_same_rows() {
    let world = World::new();
    let mut anna = world.signed_in("anna@example.com").await;
    world.ask(&mut anna).await;
    let mut auditor = world.auditor().await;
    let page = auditor.get("/audit?event=request.opened").await;
    let everything = LogQuery {
        limit: usize::MAX,
        ..LogQuery::default()
    };
    let rows = world.broker.store().log(&everything).await.unwrap();
    let opened = |row: &&LogRow| row.entry.event.name() == "request.opened";
    let row = rows.iter().find(opened).unwrap();
    for (format, path, kind) in [
        (Format::Csv, "/audit/export.csv", "text/csv"),
        (Format::Json, "/audit/export.jsonl", "application/jsonl"),
        (Format::Cef, "/audit/export.cef", "text/plain"),
        (
            Format::Ocsf,
            "/audit/export.ocsf.jsonl",
            "application/jsonl",
        ),
    ] {
        assert!(
            page.says(&format!("href=\"{path}?event=request.opened\"")),
            "{}",
            page.body
        );
        let file = auditor.get(&format!("{path}?event=request.opened")).await;
        assert!(file.header("content-type").starts_with(kind));
        let name = path.trim_start_matches("/audit/export");
        let named = format!("attachment; filename=\"clavis-audit{name}\"");
        assert_eq!(file.header("content-disposition"), named);
        let line = format.line(row).unwrap();
        assert_eq!(file.body, format!("{}{line}", format.head()));
        let (_, last) = world.last_event().await;
        let taken = matches!(last, Event::AuditExported { format: kept, .. } if kept == format);
        assert!(taken, "{last:?}");
    }
}
