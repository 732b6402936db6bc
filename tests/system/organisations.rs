//! Several organisations in one daemon: each works, and none sees anything of another.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use ureq::Agent;

use crate::client::{Browser, Page};
use crate::harness::{
    Daemon, Installation, Kind, Mails, ask, decide, redeem, sign_in, sign_in_at, split, until,
};

const ANNA: &str = "anna.berg@example.com";
const MARTIN: &str = "martin.vogt@example.com";

/// Two organisations with the same people, by the same IDs and addresses, and the same devices.
struct Street {
    one: Installation,
    two: Installation,
}

impl Street {
    /// Each has a host of its own; both are behind one listener, or have one each.
    fn new(share_a_listener: bool) -> Self {
        let (one, two) = (
            Installation::new(&Kind::Files),
            Installation::new(&Kind::Files),
        );
        let place = |url: String| url.replace("http://", "");
        let (near, far) = (place(one.url()), place(two.url()));
        if share_a_listener {
            two.change(&far, &near);
        }
        let (own, other) = (two.url(), two.url().replace("127.0.0.1", "localhost"));
        two.change(&own, &other);
        two.change("Example Corp", "Other Ltd");
        Self { one, two }
    }

    fn start(&self) -> Daemon {
        let configs = [self.one.config(), self.two.config()];
        Daemon::start_all(&[&configs[0], &configs[1]], "info")
    }

    /// Runs a command of the binary for both.
    fn run(&self, command: &str) -> Output {
        run(command, &[&self.one.config(), &self.two.config()])
    }
}

fn run(command: &str, configs: &[&Path]) -> Output {
    let mut binary = Command::new(env!("CARGO_BIN_EXE_clavis"));
    binary.arg(command);
    for config in configs {
        binary.arg("--config").arg(config);
    }
    binary.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Opens an address, wherever it leads.
fn open(address: &str) -> Page {
    let (base, path) = split(address);
    Browser::new(base).open(path).expect("an answer")
}

/// Sends one request as it is written; gives the answer as it came.
fn say(address: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let sent = write!(stream, "{head}\r\nConnection: close\r\n\r\n");
    sent.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Signs in; gives the cookie of the session.
fn session_cookie(url: &str, mails: &Mails, address: &str) -> String {
    let before = mails.find(address, "Your Sign-In Code", "").len();
    let agent = Agent::new_with_defaults();
    let sent = agent
        .post(format!("{url}/sign-in"))
        .send_form([("mail", address)]);
    let page = sent.expect("the code page").body_mut().read_to_string();
    let page = page.expect("its text");
    let token = page.split("name=\"form_token\" value=\"").last();
    let token = token.expect("a token")[..64].to_owned();
    let letter = until("the sign-in code", || {
        let letters = mails.find(address, "Your Sign-In Code", "");
        letters.into_iter().nth(before)
    });
    let fields = [("form_token", token), ("code", letter.code())];
    let sent = agent.post(format!("{url}/sign-in/code")).send_form(fields);
    assert_eq!(sent.expect("the home page").status(), 200);
    let jar = agent.cookie_jar_lock();
    let session = jar.iter().find(|cookie| cookie.name() == "clavis");
    session.expect("a session").value().to_owned()
}

#[test]
fn each_works_at_its_own_host_and_what_is_of_one_is_nothing_at_the_other() {
    let street = Street::new(true);
    let daemon = street.start();
    let urls = [street.one.url(), street.two.url()];
    let organisations = [&street.one, &street.two];
    let mut keys = Vec::new();
    let mut references = Vec::new();
    for (at, clavis) in organisations.into_iter().enumerate() {
        let (own, other) = (&urls[at], &urls[1 - at]);
        let mails = &clavis.mails;
        let elsewhere = |link: &str| link.replacen(own.as_str(), other, 1);

        // The same person by ID and by address is somebody else over there.
        let cookie = session_cookie(own, mails, ANNA);
        let anna = sign_in_at(own, mails, ANNA);
        let reference = ask(&anna, "LT-0042", "It wants a key.");
        let stranger = sign_in_at(other, &organisations[1 - at].mails, ANNA);
        let path = format!("/requests/{reference}");
        assert_eq!(anna.open(&path).expect("a page").status, 200);
        assert_eq!(stranger.open(&path).expect("a page").status, 404);
        let home = stranger.open("/").expect("a page");
        assert!(!home.html.contains(&reference));

        // A session is none over there.
        let config = Agent::config_builder().max_redirects(0);
        let agent: Agent = config.http_status_as_error(false).build().into();
        for (url, status) in [(own, 200), (other, 303)] {
            let asked = agent.get(format!("{url}/"));
            let answer = asked.header("cookie", format!("clavis={cookie}")).call();
            assert_eq!(answer.expect("an answer").status(), status, "{url}");
        }

        // Neither is a link, and looking for it there spends nothing here.
        let letter = mails.wait(MARTIN, "Approval Needed", &reference);
        let review = letter.link("/review/");
        assert!(review.starts_with(&format!("{own}/")), "{review}");
        assert_eq!(open(&elsewhere(&review)).status, 404);
        assert_eq!(decide(&review, "approve").status, 200);
        let key_letter = mails.wait(ANNA, "Your Secure Key Link", &reference);
        let link = key_letter.link("/key/");
        assert_eq!(open(&elsewhere(&link)).status, 404);
        let page = redeem(&link);
        assert_eq!(page.status, 200);
        keys.push(page.texts("<code class=\"digits\""));
        mails.wait(MARTIN, "Key Retrieved", &reference);
        references.push(reference);
    }
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[0].len(), 2);
    assert_eq!(daemon.stop(), Some(0));

    for (at, clavis) in organisations.into_iter().enumerate() {
        let log = clavis.audit();
        assert!(log.contains(&references[at]));
        assert!(!log.contains(&references[1 - at]), "{log}");
        assert_eq!(clavis.count("redeemed"), 1);
        let foreign = clavis.run(&["revoke", &references[1 - at]]);
        assert!(text(&foreign.stderr).contains("there is no request"));
        for letter in clavis.mails.all() {
            assert!(!letter.raw.contains(&references[1 - at]));
        }
    }
}

#[test]
fn a_host_that_is_nobodys_is_told_apart_and_learns_nothing() {
    let street = Street::new(true);
    let daemon = street.start();
    let (one, two) = (street.one.url(), street.two.url());
    let (_, address) = one.split_once("://").expect("a scheme");
    let (_, other) = two.split_once("://").expect("a scheme");
    for (head, status, name) in [
        (
            format!("GET /help HTTP/1.1\r\nHost: {address}"),
            "200",
            "Example Corp",
        ),
        (
            format!("GET /help HTTP/1.1\r\nHost: {other}"),
            "200",
            "Other Ltd",
        ),
        (
            "GET /help HTTP/1.1\r\nHost: keys.example.org".to_owned(),
            "421",
            "",
        ),
        ("GET /help HTTP/1.1".to_owned(), "421", ""),
        ("GET /help HTTP/1.0".to_owned(), "421", ""),
        (
            format!("GET /help HTTP/1.1\r\nHost: {address}\r\nHost: {other}"),
            "421",
            "",
        ),
        // The address in the first line counts, and not the header.
        (
            format!("GET {two}/help HTTP/1.1\r\nHost: {address}"),
            "200",
            "Other Ltd",
        ),
        (
            format!("GET http://keys.example.org/help HTTP/1.1\r\nHost: {address}"),
            "421",
            "",
        ),
        (
            format!("GET /help HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: {address}"),
            "421",
            "",
        ),
        (
            "GET /healthz HTTP/1.1\r\nHost: 10.0.0.1".to_owned(),
            "200",
            "alive",
        ),
        (
            "GET /readyz HTTP/1.1\r\nHost: 10.0.0.1".to_owned(),
            "200",
            "ready",
        ),
    ] {
        let answer = say(address, &head);
        let told = answer.split(' ').nth(1);
        assert_eq!(told, Some(status), "{head}: {answer}");
        assert!(answer.contains(name), "{head}: {answer}");
        for organisation in ["Example Corp", "Other Ltd"] {
            assert!(organisation == name || !answer.contains(organisation));
        }
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn each_can_have_a_listener_of_its_own() {
    let street = Street::new(false);
    let daemon = street.start();
    let log = daemon.log();
    let ready: Vec<_> = log
        .lines()
        .filter(|it| it.contains("clavis is ready"))
        .collect();
    assert_eq!(ready.len(), 1, "{log}");
    let urls = [street.one.url(), street.two.url()];
    assert!(ready[0].contains(&urls.join(", ")), "{log}");
    // Whoever comes to a listener meets those behind it alone, whatever host they ask for.
    let near = urls[0].replace("http://", "");
    let far = urls[1].replace("http://localhost", "127.0.0.1");
    for (address, name) in [(&near, "Example Corp"), (&far, "Other Ltd")] {
        let answer = say(address, &format!("GET /help HTTP/1.1\r\nHost: {near}"));
        assert!(answer.contains(name), "{answer}");
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_they_would_share_is_told_before_anything_starts() {
    let street = Street::new(true);
    street.two.change("localhost", "127.0.0.1");
    let store = street.one.path().join("clavis.db").display().to_string();
    street.two.change("\"clavis.db\"", &format!("\"{store}\""));
    let checked = street.run("check");
    let served = street.run("serve");
    for output in [&served, &checked] {
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stdout) + &text(&output.stderr);
        for part in [
            "`public_url` in [server] has the same host as that of",
            "Give each organisation a host name of its own",
            "`path` in [store] is the same file as that of",
            "Give each organisation a database of its own.",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(said.contains(&street.two.config().display().to_string()));
    }
    assert!(!Path::new(&store).exists(), "something was started");
}

#[test]
fn a_link_in_the_place_of_a_store_is_not_followed() {
    let street = Street::new(true);
    let (store, link) = (
        street.one.path().join("clavis.db"),
        street.two.path().join("clavis.db"),
    );
    std::os::unix::fs::symlink(&store, link).expect("a link");
    let served = street.run("serve");
    assert_eq!(served.status.code(), Some(1));
    let said = text(&served.stderr);
    assert!(said.contains("it is a link"), "{said}");
    assert!(!said.contains("clavis is ready"), "{said}");
}

#[test]
fn one_that_cannot_be_served_keeps_all_from_starting_and_is_named() {
    let street = Street::new(true);
    street.two.change("\"clavis.db\"", "\"nowhere/clavis.db\"");
    let served = street.run("serve");
    assert_eq!(served.status.code(), Some(1));
    let said = text(&served.stderr);
    let file = street.two.config().display().to_string();
    assert!(said.contains(&format!("{file} cannot be served")), "{said}");
    assert!(said.contains("nowhere/clavis.db"), "{said}");
    assert!(!said.contains("clavis is ready"), "{said}");
}

#[test]
fn each_is_checked_under_its_name() {
    let street = Street::new(true);
    let configs = [street.one.config(), street.two.config()];
    let checked = street.run("check");
    assert!(checked.status.success(), "{checked:?}");
    let said = text(&checked.stdout);
    let [one, two] = configs.map(|config| {
        let name = format!("{}:\nok       configuration: ", config.display());
        said.find(&name)
            .unwrap_or_else(|| panic!("{name} in {said}"))
    });
    assert!(one < two, "{said}");
    // One alone is not named so.
    let alone = text(&run("check", &[&street.one.config()]).stdout);
    assert!(alone.starts_with("ok       configuration: "), "{alone}");
}

#[test]
fn files_can_be_named_by_the_variable() {
    let street = Street::new(true);
    let names = [street.one.config(), street.two.config()].map(|it| it.display().to_string());
    let checked = Command::new(env!("CARGO_BIN_EXE_clavis"))
        .arg("check")
        .env("CLAVIS_CONFIG", names.join(":"))
        .output()
        .expect("the binary runs");
    let said = text(&checked.stdout);
    assert!(names.iter().all(|name| said.contains(name)), "{said}");
}

#[test]
fn who_has_an_address_elsewhere_is_not_signed_in_and_not_asked() {
    let clavis = Installation::new(&Kind::Files);
    let people = clavis.path().join("people.toml");
    let listed = fs::read_to_string(&people).expect("the people");
    assert!(listed.contains(MARTIN));
    let elsewhere = MARTIN.replace("example.com", "example.org");
    fs::write(&people, listed.replace(MARTIN, &elsewhere)).expect("written");
    clavis.change(
        "[organisation]",
        "[organisation]\nmail_domains = [\"example.com\"]",
    );
    let daemon = clavis.start();

    // Her manager is Martin.
    let anna = sign_in(&daemon, &clavis.mails, ANNA);
    let reference = ask(&anna, "LT-0042", "It wants a key.");
    clavis
        .mails
        .wait("simon.adler", "Approval Needed", &reference);
    let browser = Browser::new(&daemon.url);
    let page = browser.open("/sign-in").expect("the sign-in page");
    let page = browser
        .submit(&page, &[("mail", &elsewhere)])
        .expect("an answer");
    assert_eq!((page.status, page.path.as_str()), (200, "/sign-in/code"));
    until("the sign-in is dropped", || {
        (clavis.count("sign_in_dropped") == 1).then_some(())
    });
    assert_eq!(daemon.stop(), Some(0));
    let letters = clavis.mails.all();
    assert!(
        letters
            .iter()
            .all(|letter| !letter.to.contains("example.org"))
    );
}
