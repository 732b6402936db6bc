//! People and what they may: journeys and attacks at a company whose people lie in a domain and sign
//! in at an identity provider.

mod approving;
mod away;
mod desk;
mod forms;
mod gates;
mod guessing;
mod organisations;
mod own_approval;
mod roles;
mod waiting;

use serde_json::{Value, json};

use crate::client::{Browser, Page};
use crate::harness::cloud::{guid, user};
use crate::harness::{Clock, Cloud, Daemon, Installation, Kind};
use crate::sign_in::visitor::Visitor;
use crate::sign_in::{ENTRA, SLUG};

const REASON: &str = "It wants a key since the update.";

/// Those who have an account at the provider, by their names to sign in with in the domain.
const ACCOUNTS: [&str; 14] = [
    "anna",
    "bert",
    "chief",
    "odd",
    "pia",
    "paul",
    "petra",
    "dora",
    "ruth",
    "selma",
    "tilda",
    "tilda-admin",
    "loop1",
    "loop2",
];

/// An installation over the domain, with a provider.
struct Company {
    clavis: Installation,
    cloud: Cloud,
}

impl Company {
    /// With this section `[approval]`, and these other ones.
    fn new(approval: &str, more: &str) -> Self {
        Self::with_provider(approval, more, "")
    }

    /// The same, with more in the section of the provider.
    fn with_provider(approval: &str, more: &str, of_provider: &str) -> Self {
        let users: Vec<_> = ACCOUNTS.into_iter().map(account).collect();
        let cloud = Cloud::with(json!({ "users": users }));
        let clavis = Installation::new(&Kind::Domain);
        let sections = format!("[approval]\n{approval}\n{more}\n");
        clavis.change("[approval]\nnominated = []\n", &sections);
        clavis.let_sign_in_at(&cloud, ENTRA, "login", of_provider);
        Self { clavis, cloud }
    }

    fn start(&self) -> Daemon {
        self.clavis.start()
    }

    fn start_with_clock(&self) -> (Daemon, Clock) {
        Daemon::start_with_clock(&self.clavis.config())
    }

    /// Whoever signs in at the provider from now on is this person.
    fn is_at_provider(&self, account: &str) {
        self.cloud.change(&json!({ "signsIn": id_of(account) }));
    }

    /// What the provider says of somebody from now on.
    fn is_said_of(&self, account: &str, claims: &Value) {
        let mut told = self::account(account);
        for (name, value) in claims.as_object().expect("claims") {
            told["claims"][name] = value.clone();
        }
        self.cloud.change(&json!({ "add": { "users": [told] } }));
    }

    /// A browser that this person has signed in with at the provider.
    fn sign_in(&self, daemon: &Daemon, account: &str) -> Browser {
        let browser = Browser::new(&daemon.url);
        let page = browser.open("/sign-in").expect("the page to sign in");
        let home = self.go_on(&browser, &page, account);
        assert_eq!((home.status, home.path.as_str()), (200, "/"));
        browser
    }

    /// Goes to the provider from the page to sign in, and comes back as this person; gives the page
    /// that they come to.
    fn go_on(&self, browser: &Browser, page: &Page, account: &str) -> Page {
        self.is_at_provider(account);
        let path = attribute(page, "action=\"/sign-in/with/");
        let path = format!("/sign-in/with/{path}");
        let button = Page {
            path,
            status: page.status,
            html: String::new(),
        };
        let leaving = browser.submit(&button, &[]).expect("the way there");
        let address = format!(
            "http{}",
            attribute(&leaving, "button primary\" href=\"http")
        );
        browser.open(&address).expect("the way back")
    }

    /// The same with a browser whose cookies can be looked at.
    fn visit(&self, daemon: &Daemon, account: &str) -> Visitor {
        self.is_at_provider(account);
        let mut visitor = Visitor::new(daemon);
        let address = visitor.leave(SLUG, "/");
        let back = visitor.at_provider(&address);
        assert_eq!(visitor.get(&back).status, 303);
        assert!(visitor.is_signed_in());
        visitor
    }

    /// The review link in the mail that asks somebody.
    fn review_link(&self, mail: &str, reference: &str) -> String {
        let letter = self.clavis.mails.wait(mail, "Approval Needed", reference);
        letter.link("/review/")
    }

    fn key_link(&self, mail: &str, reference: &str) -> String {
        let letter = self
            .clavis
            .mails
            .wait(mail, "Your Secure Key Link", reference);
        letter.link("/key/")
    }

    /// Somebody follows their review link, signed in at the provider, and approves.
    fn approve(&self, daemon: &Daemon, account: &str, mail: &str, reference: &str) {
        let browser = self.sign_in(daemon, account);
        let page = say(&browser, &self.review_link(mail, reference), "approve");
        assert_eq!(page.status, 200, "{}", page.html);
    }

    /// The rows of an event, by its name.
    fn rows_of(&self, name: &str) -> Vec<Value> {
        let mut rows = self.clavis.rows();
        rows.retain(|row| row["name"] == name);
        rows
    }

    /// Who was asked at once for a request, in alphabetical order.
    fn asked(&self, reference: &str) -> Vec<String> {
        let mut rows = self.rows_of("request.opened").into_iter();
        let row = rows.find(|row| row["request"]["reference"] == reference);
        names(&row.expect("the request")["event"]["asked"])
    }

    /// To whom mails with this subject about this went, in alphabetical order.
    fn told(&self, subject: &str, about: &str) -> Vec<String> {
        let letters = self.clavis.mails.find("", subject, about).into_iter();
        let mut told: Vec<_> = letters.map(|letter| letter.to).collect();
        told.sort();
        told
    }

    /// Nothing was approved, no link to a key was made, and no key shown.
    fn assert_nothing_released(&self) {
        for event in ["approved", "link_issued", "redeemed"] {
            assert_eq!(self.clavis.count(event), 0, "{event}");
        }
        assert!(self.told("Your Secure Key Link", "").is_empty());
    }
}

/// Opens a review link and presses a button; the page says what came of it.
fn say(browser: &Browser, link: &str, choice: &str) -> Page {
    let page = browser.open(link).expect("the review page");
    assert_eq!(page.status, 200, "{}", page.html);
    answer(browser, &page, choice)
}

/// Presses a button of a review page.
fn answer(browser: &Browser, page: &Page, choice: &str) -> Page {
    let fields = [("choice", choice), ("comment", "")];
    browser.submit(page, &fields).expect("an answer")
}

/// Asks at the desk for somebody, whom their mail address finds; gives the page that answers. What
/// is typed of another address is nobody's.
pub(crate) fn ask_for(agent: &Browser, mail: &str, asset: &str) -> Page {
    let found = agent.open(&format!("/desk/search?q={mail}"));
    let found = found.expect("who was found");
    let path = attribute(&found, "href=\"/desk/people/");
    let person = agent.open(&format!("/desk/people/{path}"));
    let form = attribute(&person.expect("a person"), "href=\"/desk/new?for=");
    let form = format!("/desk/new?for={form}");
    let page = agent.open(&form).expect("the form");
    assert_eq!(page.status, 200, "{}", page.html);
    let fields = [
        ("asset", asset),
        ("reason", REASON),
        ("key_id", ""),
        ("mail", "eve@example.com"),
        ("beneficiary", "eve@example.com"),
    ];
    agent.submit(&page, &fields).expect("an answer")
}

/// The page of a request.
fn request_page(browser: &Browser, reference: &str) -> Page {
    let page = browser.open(&format!("/requests/{reference}"));
    page.expect("the page of the request")
}

/// Presses the button of a page whose form is sent to this path.
fn press(browser: &Browser, page: &Page, path: &str) -> Page {
    assert!(
        page.html.contains(&format!("action=\"{path}\"")),
        "{}",
        page.html
    );
    send(browser, page, path, &[])
}

/// Sends a form to this path, with the token that the page's forms have, whether it is one of these
/// or not.
pub(crate) fn send(browser: &Browser, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
    let token = attribute(page, "name=\"form_token\" value=\"");
    let to = Page {
        path: path.to_owned(),
        status: page.status,
        html: String::new(),
    };
    let fields: Vec<_> = [("form_token", token.as_str())]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    browser.submit(&to, &fields).expect("an answer")
}

/// The names of people in a row of the log, in alphabetical order.
fn names(parties: &Value) -> Vec<String> {
    let parties = parties.as_array().expect("a list").iter();
    let mut names: Vec<_> = parties
        .map(|party| party["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

/// An account at the provider, which names the one in the domain.
fn account(account: &str) -> Value {
    let mut told = user(number_of(account), account, account, None);
    told["claims"] = json!({ "preferred_username": format!("{account}@corp.example.com") });
    told
}

fn id_of(account: &str) -> String {
    guid(number_of(account))
}

fn number_of(account: &str) -> u32 {
    let at = ACCOUNTS.iter().position(|it| *it == account);
    let at = at.unwrap_or_else(|| panic!("{account} has no account at the provider"));
    u32::try_from(at).expect("they are few") + 1
}

/// What stands in a page after this text, up to the next quotation mark.
fn attribute(page: &Page, beginning: &str) -> String {
    let found = page.html.split(beginning).nth(1);
    let found = found.and_then(|rest| rest.split('"').next());
    let found = found.unwrap_or_else(|| panic!("no {beginning} in {}", page.html));
    found.replace("&amp;", "&").replace("&#38;", "&")
}
