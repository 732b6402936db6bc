//! A tenant of Entra ID alone: its people, its devices, its keys, and its mails.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::domain::{DIGITS, REASON, approved};
use crate::harness::cloud::{device, digits, guid, recovery_key, user};
use crate::harness::{
    Cloud, Daemon, Installation, Kind, fill_in, key_link, redeem, reference_of, sign_in, until,
};

const SYSTEM: &str = "operatingSystemVolume";
const DATA: &str = "fixedDataVolume";

/// Anna, her manager, and her laptop with two keys.
pub(crate) fn tenant() -> Value {
    json!({
        "users": [
            user(1, "anna.berg", "Anna Berg", Some(2)),
            user(2, "bert.boss", "Bert Boss", None),
            user(3, "clavis", "Clavis", None),
        ],
        "devices": [device(&guid(10), "LT-0042", 1)],
        "recoveryKeys": [
            recovery_key(&guid(100), &guid(10), SYSTEM, 5, &digits(100)),
            recovery_key(&guid(101), &guid(10), DATA, 4, &digits(101)),
            recovery_key(&guid(102), &guid(10), SYSTEM, 1, &digits(102)),
        ],
    })
}

fn installation(state: Value) -> (Installation, Cloud, Daemon) {
    let cloud = Cloud::with(state);
    let clavis = Installation::new(&Kind::Cloud(cloud.clone()));
    let daemon = clavis.start();
    (clavis, cloud, daemon)
}

fn calls(cloud: &Cloud, part: &str) -> usize {
    let record = cloud.record("calls");
    let calls = record["calls"].as_array().expect("calls").iter();
    calls
        .filter(|call| {
            call["path"]
                .as_str()
                .is_some_and(|path| path.contains(part))
        })
        .count()
}

#[test]
fn an_employee_of_a_tenant_gets_the_keys_after_the_manager_approved() {
    let (clavis, cloud, daemon) = installation(tenant());
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    let read = cloud.record("audit");
    assert_eq!(read, json!([]), "no key is read before the link is opened");

    let page = redeem(&link);
    assert_eq!(
        page.texts(DIGITS),
        [digits(100), digits(101)],
        "{}",
        page.html
    );
    assert!(page.html.contains("The drive that Windows starts from"));
    assert!(
        page.html.contains(&guid(102)[..8].to_uppercase()),
        "the older one by its ID"
    );
    assert!(!page.html.contains(&digits(102)[..6]), "and not its digits");
    for to in ["anna.berg", "bert.boss"] {
        clavis.mails.wait(to, "Key Retrieved", &reference);
    }
    // The tenant's own audit log tells of these two, and of one token for everything.
    assert_eq!(cloud.record("audit").as_array().map(Vec::len), Some(2));
    assert_eq!(cloud.record("calls")["counters"]["tokensIssued"], 1);
    assert_eq!(daemon.stop(), Some(0));
    let mails = cloud.record("mails");
    let secret = cloud.text("client_secret");
    for key in [digits(100), digits(101), digits(102), secret] {
        assert!(!mails.to_string().contains(&key));
        assert!(!clavis.audit().contains(&key));
    }
}

#[test]
fn no_key_no_secret_and_no_token_lies_anywhere() {
    let cloud = Cloud::with(tenant());
    let clavis = Installation::new(&Kind::Cloud(cloud.clone()));
    let daemon = Daemon::start_logging(&clavis.config(), "trace");
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    assert_eq!(redeem(&link).status, 200);
    let written = clavis.written(&daemon);
    for secret in [digits(100), digits(101), cloud.text("client_secret")] {
        assert_eq!(written.places_of(&secret), [""; 0]);
        assert_eq!(written.places_of(&secret.replace('-', "")), [""; 0]);
    }
    // Every token of the identity provider begins like this.
    assert_eq!(written.places_of("eyJ"), [""; 0], "{}", daemon.log());
}

#[test]
fn a_burst_of_throttling_is_waited_for_and_a_long_one_spends_no_link() {
    let (clavis, cloud, daemon) = installation(tenant());
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    let keys = "informationProtection";
    cloud.fail(&json!({ "match": keys, "status": 429, "retryAfter": 1, "forSeconds": 20 }));
    let begun = Instant::now();
    let page = redeem(&link);
    assert_eq!(page.status, 503, "{}", page.html);
    assert!(page.html.contains("Your link has not been used."));
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "a page is not kept waiting"
    );

    // The same link opens as soon as the service answers again.
    let page = until("the throttling is over", || {
        let page = redeem(&link);
        (page.status == 200).then_some(page)
    });
    assert!(begun.elapsed() >= Duration::from_secs(19));
    assert_eq!(page.texts(DIGITS).len(), 2);
    let throttled = cloud.record("calls");
    let throttled = throttled["calls"].as_array().expect("calls").iter();
    let throttled = throttled.filter(|call| call["status"] == 429).count();
    assert!(
        throttled <= 30,
        "the pause that was asked for is kept: {throttled}"
    );

    // One that is over within the deadline is not even seen.
    cloud.fail(&json!({ "match": keys, "status": 429, "retryAfter": 1, "times": 2 }));
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    assert_eq!(redeem(&link).status, 200);
}

#[test]
fn a_token_that_expires_in_the_middle_is_replaced() {
    let (clavis, cloud, daemon) = installation(tenant());
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    cloud.expire_tokens();
    let page = redeem(&link);
    assert_eq!(page.texts(DIGITS).len(), 2, "{}", page.html);
    assert_eq!(cloud.record("calls")["counters"]["tokensIssued"], 2);
}

#[test]
fn a_token_that_expires_between_listing_and_reading_spends_no_link() {
    let (clavis, cloud, daemon) = installation(tenant());
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    let issued = cloud.record("calls")["counters"]["tokensIssued"].clone();
    cloud.fail(&json!({ "match": "select=key", "status": 401, "times": 1 }));
    let page = redeem(&link);
    assert_eq!(page.texts(DIGITS).len(), 2, "{}", page.html);
    let counters = &cloud.record("calls")["counters"];
    assert_eq!(issued, json!(1));
    assert_eq!(counters["tokensIssued"], 2);
    assert_eq!(counters["keysRead"], 2);
}

#[test]
fn two_devices_of_one_name_are_never_one() {
    let (clavis, cloud, daemon) = installation(tenant());
    cloud.change(&json!({ "add": {
        "devices": [device(&guid(11), "lt-0042", 1)],
        "recoveryKeys": [recovery_key(&guid(110), &guid(11), SYSTEM, 1, &digits(110))],
    } }));
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let page = fill_in(&anna, &[("asset", "LT-0042"), ("reason", REASON)]);
    assert_eq!(page.status, 422);
    assert_eq!(
        page.texts("<label class=\"choice\"").len(),
        2,
        "{}",
        page.html
    );
    let chosen = format!("cloud/{}", guid(11));
    let fields = [
        ("asset", "LT-0042"),
        ("reason", REASON),
        ("key_id", ""),
        ("device", &chosen),
    ];
    let page = anna.submit(&page, &fields).expect("an answer");
    let link = approved(&clavis, "anna.berg", "bert.boss", &reference_of(&page));
    assert_eq!(redeem(&link).texts(DIGITS), [digits(110)]);
}

#[test]
fn of_200_keys_of_one_device_the_newest_of_its_drive_is_shown_or_the_one_that_is_named() {
    let keys: Vec<_> = (0..200)
        .map(|at| {
            let mut key = recovery_key(&guid(1000 + at), &guid(10), SYSTEM, 1, &digits(1000 + at));
            key["createdDateTime"] = json!(format!(
                "2026-{:02}-{:02}T08:00:00Z",
                1 + at / 28,
                1 + at % 28
            ));
            key
        })
        .collect();
    let mut state = tenant();
    state["recoveryKeys"] = json!(keys);
    state["pageSize"] = json!(30);
    let (clavis, cloud, daemon) = installation(state);
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    let page = redeem(&link);
    assert_eq!(page.texts(DIGITS), [digits(1199)]);
    assert_eq!(
        page.html.matches("Ask for it").count(),
        199,
        "the others by their IDs"
    );
    assert_eq!(cloud.record("audit").as_array().map(Vec::len), Some(1));

    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let wanted = guid(1007)[..8].to_owned();
    let fields = [
        ("asset", "LT-0042"),
        ("reason", REASON),
        ("key_id", &wanted),
    ];
    let reference = reference_of(&fill_in(&anna, &fields));
    let link = approved(&clavis, "anna.berg", "bert.boss", &reference);
    assert_eq!(redeem(&link).texts(DIGITS), [digits(1007)]);
    assert!(calls(&cloud, "skiptoken") >= 6, "they came in pages");
}

#[test]
fn all_of_200_keys_of_data_drives_are_shown_though_each_takes_a_call() {
    let keys: Vec<_> = (0..200)
        .map(|at| recovery_key(&guid(1000 + at), &guid(10), DATA, 1, &digits(1000 + at)))
        .collect();
    let mut state = tenant();
    state["recoveryKeys"] = json!(keys);
    let (clavis, cloud, daemon) = installation(state);
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    cloud.change(&json!({ "latencyMs": 300 }));
    let mut shown = redeem(&link).texts(DIGITS);
    shown.sort();
    let mut all: Vec<_> = (0..200).map(|at| digits(1000 + at)).collect();
    all.sort();
    assert_eq!(shown, all);
    assert_eq!(cloud.record("audit").as_array().map(Vec::len), Some(200));
    let record = cloud.record("calls");
    let reads = record["calls"].as_array().expect("calls").iter();
    let reads = reads.filter(|call| call["path"].to_string().contains("select=key"));
    let times: Vec<_> = reads.filter_map(|call| call["at"].as_u64()).collect();
    let first = times.iter().min().expect("a time");
    let at_once = times.iter().filter(|at| **at < first + 300).count();
    assert!(at_once > 8, "before the first has an answer: {at_once}");
}

#[test]
fn no_proxy_of_the_environment_gets_what_goes_without_tls() {
    let mut state = tenant();
    state["managedDevices"] = json!([]);
    let (clavis, cloud, daemon) = installation(state);
    assert_eq!(daemon.stop(), Some(0));
    let recorder = TcpListener::bind("127.0.0.1:0").expect("a port");
    recorder.set_nonblocking(true).expect("a listener");
    let proxy = format!("http://{}", recorder.local_addr().expect("an address"));
    let before = calls(&cloud, "/v1.0/");
    let output = clavis
        .command(&["check"])
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, &proxy)))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let called = recorder.accept();
    assert!(
        called.is_err_and(|error| error.kind() == ErrorKind::WouldBlock),
        "the proxy was called: {said}"
    );
    assert!(output.status.success(), "{said}");
    assert!(calls(&cloud, "/v1.0/") > before, "Graph was asked");
}

#[test]
fn an_application_that_nothing_uses_is_named() {
    let (clavis, cloud, _daemon) = installation(tenant());
    let section = cloud.section(clavis.path());
    let other = section.replace("[entra.contoso]", "[entra.spare]");
    clavis.change("[entra.contoso]", &format!("{other}[entra.contoso]"));
    let output = clavis.run(&["check"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("warning  entra spare: nothing uses"),
        "{said}"
    );
    assert!(!said.contains("entra contoso:"), "{said}");
}

#[test]
fn a_next_link_to_another_host_is_refused_and_gets_no_token() {
    let (clavis, cloud, daemon) = installation(tenant());
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let next = format!("{}/{}/next", Cloud::elsewhere(), cloud.text("tenant"));
    cloud.fail(&json!({ "match": "recoveryKeys\\?", "nextLink": next }));
    let page = fill_in(&anna, &[("asset", "LT-0042"), ("reason", REASON)]);
    assert_eq!(page.status, 503, "{}", page.html);
    assert_eq!(cloud.record("elsewhere"), json!([]), "nobody called there");
    daemon.wait_for_log("sends to another server");
}

#[test]
fn a_missing_permission_is_named_to_the_operator_and_spends_no_link() {
    let (clavis, cloud, daemon) = installation(tenant());
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "bert.boss");
    let roles = [
        "BitlockerKey.ReadBasic.All",
        "Device.Read.All",
        "GroupMember.Read.All",
        "Mail.Send",
        "User.Read.All",
    ];
    cloud.change(&json!({ "roles": roles }));
    cloud.expire_tokens();
    let page = redeem(&link);
    assert_eq!(page.status, 503);
    assert!(page.html.contains("refuses Clavis"), "{}", page.html);
    daemon.wait_for_log("BitlockerKey.Read.All");
    let output = clavis.run(&["check"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !output.status.success() && said.contains("BitlockerKey.Read.All"),
        "{said}"
    );
}

#[test]
fn the_self_check_names_what_is_wider_than_needed() {
    let mut state = tenant();
    let roles = [
        "BitlockerKey.Read.All",
        "BitlockerKey.ReadBasic.All",
        "Device.Read.All",
        "Directory.ReadWrite.All",
        "GroupMember.Read.All",
        "Mail.Send",
        "User.Read.All",
    ];
    state["roles"] = json!(roles);
    let (clavis, _, _daemon) = installation(state);
    clavis.change(
        "entra = \"contoso\"\n[directory]",
        "entra = \"contoso\"\nknown_device = \"LT-0042\"\n[directory]",
    );
    let output = clavis.run(&["check"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let warned: Vec<_> = said
        .lines()
        .filter(|line| line.contains("Directory.ReadWrite.All"))
        .collect();
    assert_eq!(warned.len(), 1, "{said}");
    assert!(
        said.contains("The keys of the known device LT-0042 are listed: 3."),
        "{said}"
    );
}
