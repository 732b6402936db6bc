//! Forms that another site sends, sessions that somebody plants, and line ends in addresses.

use serde_json::json;

use super::{Company, REASON};
use crate::harness::{Cloud, Installation, Kind, fill_in, split};
use crate::sign_in::visitor::{Answer, Visitor};
use crate::sign_in::{ENTRA, SLUG};

const EVERYTHING: &str = "[alarms]\nmail = [\"operators@example.com\"]\n[gates]\nkey = \"code\"\n[roles]\nagents = [\"GG-ServiceDesk\"]\n\
                          operators = [\"GG-ServiceDesk\"]\nbreak_glass = [\"GG-Break-Glass\"]";

/// A path and the fields that its form has.
type Form = (String, Vec<(&'static str, &'static str)>);

fn post(visitor: &mut Visitor, (path, fields): &Form, token: Option<&str>) -> Answer {
    let token = token.map(|token| ("form_token", token));
    let fields: Vec<_> = token.into_iter().chain(fields.iter().copied()).collect();
    visitor.post(path, &fields)
}

#[test]
fn forms_that_are_not_ours_do_nothing_whatever_token_they_bring() {
    let company = Company::new("", EVERYTHING);
    let daemon = company.start();
    let browser = company.sign_in(&daemon, "dora");
    let page = super::ask_for(&browser, "anna.berg", "LT-0001");
    let reference = page.path.trim_start_matches("/desk/requests/").to_owned();
    let review = company.review_link("bert.boss", &reference);
    let review = split(&review).1.to_owned();
    let dora = company.visit(&daemon, "dora");
    let bert = company.visit(&daemon, "bert");
    let anna = company.visit(&daemon, "anna");

    let of_request = |button: &str| (format!("/requests/{reference}/{button}"), Vec::new());
    let at_desk = |button: &str, fields| (format!("/desk/requests/{reference}/{button}"), fields);
    let glass = vec![("reason", REASON), ("known", "yes")];
    let asked = vec![("asset", "LT-0002"), ("reason", REASON), ("key_id", "")];
    let away = vec![("by", "pia.panel@example.com"), ("day", "2999-01-01")];
    let plain = |path: &str| (path.to_owned(), Vec::new());
    let of_dora = vec![
        at_desk("call", Vec::new()),
        at_desk("link", Vec::new()),
        at_desk("break-glass", glass),
        at_desk("stop", Vec::new()),
        at_desk("again", Vec::new()),
        ("/desk/new".to_owned(), asked.clone()),
        (
            "/outbox/retry".to_owned(),
            vec![("job", "00000000-0000-4000-8000-000000000000")],
        ),
    ];
    let of_bert = vec![(review, vec![("choice", "approve"), ("comment", "")])];
    let of_anna = vec![
        ("/requests/new".to_owned(), asked),
        of_request("pick-up"),
        of_request("withdraw"),
        of_request("again"),
        ("/away".to_owned(), away),
        plain("/away/end"),
        plain("/sign-out/everywhere"),
        plain("/sign-out"),
    ];
    let mut everybody = [(dora, of_dora), (bert, of_bert), (anna, of_anna)];
    let tokens = everybody
        .each_mut()
        .map(|(visitor, _)| visitor.get("/").form_token());
    let rows = company.clavis.rows().len();
    for (at, (visitor, forms)) in everybody.iter_mut().enumerate() {
        let (own, others) = (tokens[at].as_str(), tokens[(at + 1) % 3].as_str());
        for form in forms {
            let mut refused = |token: Option<&str>, header: &'static str, value: &[&str]| {
                visitor.send(header, value);
                let answer = post(visitor, form, token);
                visitor.send(header, &[]);
                let what = format!("{} with {token:?} and {header}: {value:?}", form.0);
                assert_eq!(answer.status, 403, "{what}: {}", answer.body);
                assert!(answer.body.contains("Please send the form again"), "{what}");
            };
            for token in [None, Some(""), Some(others)] {
                refused(token, "Origin", &[]);
            }
            for site in ["cross-site", "same-site", "none"] {
                refused(Some(own), "Sec-Fetch-Site", &[site]);
            }
            for origin in ["https://evil.example", "http://127.0.0.1:1"] {
                refused(Some(own), "Origin", &[origin]);
            }
        }
    }
    assert_eq!(company.clavis.rows().len(), rows, "nothing has happened");
    // They were refused for that alone.
    for ((visitor, forms), token) in everybody.iter_mut().zip(&tokens) {
        for form in forms {
            let answer = post(visitor, form, Some(token));
            assert_ne!(answer.status, 403, "{}: {}", form.0, answer.body);
        }
    }
    assert!(company.clavis.rows().len() > rows);
}

#[test]
fn a_session_that_was_planted_before_a_code_is_typed_is_not_the_one_after_it() {
    let company = Company::new("", "");
    let daemon = company.start();
    // One that is made up, and one that is eve's own.
    let odd = company.visit(&daemon, "odd");
    let made_up = "a".repeat(64);
    for planted in [made_up, odd.cookie("clavis").expect("a session")] {
        let mut anna = Visitor::new(&daemon);
        anna.plant("clavis", &planted);
        let mails = &company.clavis.mails;
        let before = mails.find("anna.berg", "Your Sign-In Code", "").len();
        anna.post("/sign-in", &[("mail", "anna.berg@example.com")]);
        let form = anna.get("/sign-in/code").form_token();
        let code = crate::harness::until("a code", || {
            let letters = mails.find("anna.berg", "Your Sign-In Code", "");
            letters.get(before).map(crate::harness::Letter::code)
        });
        let done = anna.post("/sign-in/code", &[("form_token", &form), ("code", &code)]);
        assert_eq!((done.status, &*done.location), (303, "/"));
        assert!(anna.get("/").body.contains("Anna Berg"));
        assert_ne!(anna.cookie("clavis"), Some(planted.clone()));
        let mut eve = Visitor::new(&daemon);
        eve.plant("clavis", &planted);
        assert!(!eve.is_signed_in());
    }
}

/// Addresses that would be more than one, or more than an address.
const BROKEN: [&str; 8] = [
    "anna.berg@example.com\r\nBcc: eve@example.com",
    "anna.berg@example.com\nBcc: eve@example.com",
    "anna.berg@example.com\rBcc: eve@example.com",
    "anna.berg@example.com\r\n.\r\nMAIL FROM:<eve@example.com>",
    "anna.berg@example.com,eve@example.com",
    "anna.berg@example.com> RCPT TO:<eve@example.com",
    "eve@example.com\0anna.berg@example.com",
    "\u{202e}anna.berg@example.com\u{2028}eve",
];

#[test]
fn an_address_with_line_ends_is_none_wherever_it_is_typed() {
    let company = Company::new("", "");
    let daemon = company.start();
    let mut bert = company.visit(&daemon, "bert");
    let token = bert.get("/away").form_token();
    let anna = company.sign_in(&daemon, "anna");
    let rows = company.clavis.rows().len();
    for address in BROKEN {
        let mut visitor = Visitor::new(&daemon);
        let page = visitor.post("/sign-in", &[("mail", address)]);
        assert_eq!((page.status, page.cookies.len()), (422, 0), "{address:?}");
        assert!(page.body.contains("Please type your whole work address"));
        let fields = [
            ("form_token", &*token),
            ("by", address),
            ("day", "2999-01-01"),
        ];
        let page = bert.post("/away", &fields);
        assert_eq!(page.status, 422, "{address:?}");
        assert!(page.body.contains("Please type their whole work address"));
        // No command line can hold the zero byte.
        let typed = address.replace('\0', "\r\n");
        let ended = company.clavis.run(&["sessions", "end", "--person", &typed]);
        assert!(!ended.status.success(), "{address:?}");
    }
    assert_eq!(company.clavis.rows().len(), rows);
    // What stands in the subject of a mail has none either.
    let page = fill_in(
        &anna,
        &[
            ("asset", "LT-0001\r\nBcc: eve@example.com"),
            ("reason", REASON),
        ],
    );
    assert_eq!(page.status, 422, "{}", page.html);
    assert_eq!(company.clavis.mails.all().len(), 0);
}

#[test]
fn an_address_with_line_ends_from_a_provider_or_in_the_configuration_is_none() {
    let cloud = Cloud::with(json!({ "users": [super::account("anna")] }));
    let clavis = Installation::new(&Kind::Domain);
    clavis.let_sign_in_at(&cloud, ENTRA, "mail", "");
    let daemon = clavis.start();
    for address in BROKEN.into_iter().filter(|address| !address.contains('\0')) {
        let mut anna = super::account("anna");
        anna["claims"] = json!({ "email": address, "email_verified": true });
        let change = json!({ "add": { "users": [anna] }, "signsIn": super::id_of("anna") });
        cloud.change(&change);
        let mut visitor = Visitor::new(&daemon);
        let there = visitor.leave(SLUG, "/");
        let back = visitor.at_provider(&there);
        let answer = visitor.get(&back);
        assert_eq!(answer.status, 403, "{address:?}: {}", answer.body);
        assert!(!visitor.is_signed_in());
    }
    assert_eq!(daemon.stop(), Some(0));

    let alarms = "[alarms]\nmail = [\"anna.berg@example.com\\r\\nBcc: eve@example.com\"]\n[server]";
    clavis.change("[server]", alarms);
    let check = clavis.run(&["check"]);
    let said = String::from_utf8_lossy(&[check.stdout, check.stderr].concat()).into_owned();
    assert_eq!(check.status.code(), Some(1), "{said}");
    assert!(
        said.contains("`mail` has characters that cannot be shown"),
        "{said}"
    );
}
