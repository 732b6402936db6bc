//! A world for the tests of pages: a broker on in-memory twins, and a browser.
//!
//! Its people and devices have names that would break a page which does not escape them, and the
//! browser looks for that in every answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use clavis_broker::devices::{BackendName, Device, DeviceId, Serves};
use clavis_broker::letters::Mail;
use clavis_broker::people::{MailAddress, Person, PersonId};
use clavis_broker::policy::Policy;
use clavis_broker::ports::GroupName;
use clavis_broker::roles::{Bearer, Role, RoleGroups};
use clavis_broker::service::{Alarms, AuditTerms, Broker, Gates, Parts, SignInTerms, Source};
use clavis_broker::testing::sample::{monday, record, terms};
use clavis_broker::testing::{
    CountingRandom, MemoryDirectory, MemoryEscrow, MemoryMailer, MemoryProvider, MemoryStore,
    SetClock,
};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use tower::ServiceExt;

use crate::{Colour, Letters, Names, Site, Support, TrustedHeader, mailbox, router};

pub(crate) const ANNA: &str = "Anna <script>alert(1)</script> O'Hara & Sons";
pub(crate) const LAPTOP: &str = "LT-42\"><img src=x>";
pub(crate) const REASON: &str = "</textarea><script>alert(2)</script> my reason";
pub(crate) const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
pub(crate) const PROVIDER: &str = "Work <img src=x>";
pub(crate) const PROVIDER_SLUG: &str = "work-img-src-x";
pub(crate) const OPERATOR: &str = "operators@example.com";
pub(crate) const PHONE: &str = "+49 30 1234 500";

pub(crate) fn site(public_url: &str) -> Arc<Site> {
    Arc::new(Site {
        public_url: public_url.to_owned(),
        organisation: "Example & Sons".to_owned(),
        colour: Colour::default(),
        time_zone: TimeZone::get("Europe/Berlin").unwrap(),
        support: Support {
            phone: PHONE.to_owned(),
            hours: "always".to_owned(),
            mail: None,
        },
        trusted_proxies: Vec::new(),
        trusted_header: None,
    })
}

/// The header of the trusted proxy, and where that connects from.
pub(crate) const HEADER: &str = "x-remote-user";
pub(crate) const PROXY: &str = "10.0.0.5";

/// The same with a proxy that says who people are.
pub(crate) fn site_behind_proxy() -> Arc<Site> {
    let site = site("http://127.0.0.1:8080");
    let trusted_header = TrustedHeader {
        header: HEADER.to_owned(),
        from: vec![PROXY.parse().unwrap()],
        names: Names::Login,
        account: "your <img src=x> account".to_owned(),
    };
    Arc::new(Site {
        trusted_proxies: trusted_header.from.clone(),
        trusted_header: Some(trusted_header),
        ..(*site).clone()
    })
}

pub(crate) struct World {
    pub(crate) app: Router,
    pub(crate) broker: Arc<Broker>,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) directory: Arc<MemoryDirectory>,
    pub(crate) escrow: Arc<MemoryEscrow>,
    pub(crate) provider: Arc<MemoryProvider>,
    pub(crate) mailer: Arc<MemoryMailer>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::at("http://127.0.0.1:8080")
    }

    pub(crate) fn at(public_url: &str) -> Self {
        Self::of(site(public_url), |_| {})
    }

    /// A world whose policy, gates and the like are others.
    pub(crate) fn with(change: impl FnOnce(&mut Parts)) -> Self {
        Self::of(site("http://127.0.0.1:8080"), change)
    }

    pub(crate) fn of(site: Arc<Site>, change: impl FnOnce(&mut Parts)) -> Self {
        let clock = Arc::new(SetClock::at(monday()));
        let store = Arc::new(MemoryStore::default());
        let escrow = Arc::new(escrow());
        let mailer = Arc::new(MemoryMailer::default());
        let provider = Arc::new(MemoryProvider::new(PROVIDER));
        let directory = directory();
        let mut parts = Parts {
            store: Arc::clone(&store) as _,
            directory: Arc::clone(&directory) as _,
            escrow: vec![Source {
                backend: Arc::clone(&escrow) as _,
                serves: Serves::default(),
            }],
            mailer: Arc::clone(&mailer) as _,
            renderer: Arc::new(Letters::new(Arc::clone(&site), Gates::default())),
            clock: Arc::clone(&clock) as _,
            random: Arc::new(CountingRandom::default()),
            policy: Policy::manager_else(Vec::new()),
            gates: Gates::default(),
            alarms: Alarms {
                mail: vec![MailAddress::parse(OPERATOR).unwrap()],
                ..Alarms::default()
            },
            terms: terms(),
            sign_in: SignInTerms {
                code_by_mail: true,
                code_valid_for: SignedDuration::from_mins(10),
                idle: SignedDuration::from_mins(30),
                at_most: SignedDuration::from_hours(10),
                begun_a_minute: 300,
            },
            providers: vec![Arc::clone(&provider) as _],
            roles: role_groups(),
            senders: Vec::new(),
            desks: Vec::new(),
            subscribers: Vec::new(),
            notifiers: Vec::new(),
            audit: AuditTerms::default(),
        };
        change(&mut parts);
        parts.renderer = Arc::new(Letters::new(Arc::clone(&site), parts.gates));
        let broker = Arc::new(Broker::new(parts));
        let caught = Arc::clone(&mailer);
        let mails = mailbox(Arc::new(move || caught.sent()), Arc::clone(&site));
        Self {
            app: router(Arc::clone(&broker), site).merge(mails),
            broker,
            clock,
            store,
            directory,
            escrow,
            provider,
            mailer,
        }
    }

    pub(crate) fn break_store(&self) {
        self.store.break_after(0);
    }

    /// Sends what is due; gives the newest mail with this beginning of a subject.
    pub(crate) async fn mail(&self, subject: &str) -> Mail {
        while self.broker.tend_once().await.unwrap() > 0 {}
        let mails = self.mails();
        let found = mails
            .into_iter()
            .rev()
            .find(|mail| mail.subject.starts_with(subject));
        found.unwrap_or_else(|| panic!("no mail {subject}"))
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mailer.sent()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::of(self.app.clone())
    }

    /// A browser that this person is signed in with.
    pub(crate) async fn signed_in(&self, mail: &str) -> Browser {
        let mut browser = self.browser();
        browser.post("/sign-in", &[("mail", mail)]).await;
        let letter = self.mail("Your Sign-In Code").await;
        let code = letter
            .text
            .lines()
            .find_map(|line| line.strip_prefix("    "))
            .unwrap();
        let page = browser.get("/sign-in/code").await;
        let done = browser
            .post(
                "/sign-in/code",
                &[("form_token", page.form_token().as_str()), ("code", code)],
            )
            .await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        browser
    }

    /// Asks for the key of anna's laptop; gives the path of the request.
    pub(crate) async fn ask(&self, browser: &mut Browser) -> String {
        let page = browser.get("/requests/new").await;
        let fields = [
            ("form_token", page.form_token()),
            ("asset", LAPTOP.to_owned()),
            ("reason", REASON.to_owned()),
        ];
        let made = browser.post("/requests/new", &fields).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
        made.location()
    }

    /// The path of the first link of this kind in a mail.
    pub(crate) async fn link(&self, subject: &str, kind: &str) -> String {
        let text = self.mail(subject).await.text;
        let at = text.find(&format!("/{kind}/")).unwrap();
        text[at..].split_whitespace().next().unwrap().to_owned()
    }

    /// The path of the newest link of this kind that was mailed to somebody.
    pub(crate) async fn link_to(&self, person: &str, kind: &str) -> String {
        while self.broker.tend_once().await.unwrap() > 0 {}
        let to = MailAddress::parse(&format!("{person}@example.com")).unwrap();
        let of_kind = format!("/{kind}/");
        let mails = self.mails();
        let mut found = mails.iter().rev().filter(|mail| mail.to == to);
        let text = found.find_map(|mail| {
            let at = mail.text.find(&of_kind)?;
            mail.text[at..].split_whitespace().next()
        });
        text.unwrap_or_else(|| panic!("no {kind} link for {person}"))
            .to_owned()
    }

    /// Adds people to the directory, by their first names.
    pub(crate) fn know(&self, people: &[(&str, &str)]) {
        for (id, name) in people {
            self.directory.add(person(id, name), id, None);
        }
    }

    /// Asks, approves, and gives the path of the key link.
    pub(crate) async fn approved(&self) -> String {
        let mut anna = self.signed_in("anna@example.com").await;
        self.ask(&mut anna).await;
        let review = self.link("Approval Needed", "review").await;
        let mut boss = self.browser();
        let token = boss.get(&review).await.form_token();
        let fields = [("form_token", token.as_str()), ("choice", "approve")];
        let decided = boss.post(&review, &fields).await;
        assert_eq!(decided.status, StatusCode::SEE_OTHER, "{}", decided.body);
        self.link("Your Secure Key Link", "key").await
    }
}

/// Keeps cookies, and sends what Chromium sends with a form under our referrer policy.
pub(crate) struct Browser {
    app: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    /// From where it connects, as the server tells.
    pub(crate) peer: Option<&'static str>,
    /// What it, or a proxy before it, sends with everything.
    pub(crate) sent: Vec<(&'static str, String)>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn of(app: Router) -> Self {
        Self {
            app,
            cookies: BTreeMap::new(),
            peer: None,
            sent: Vec::new(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    pub(crate) async fn post<V: AsRef<str>>(&mut self, path: &str, fields: &[(&str, V)]) -> Answer {
        let own = [("sec-fetch-site", "same-origin"), ("origin", "null")];
        self.post_with(path, fields, &own).await
    }

    pub(crate) async fn post_with<V: AsRef<str>>(
        &mut self,
        path: &str,
        fields: &[(&str, V)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields.iter().map(|(name, value)| (*name, value.as_ref())))
            .finish();
        self.send(Method::POST, path, headers, body).await
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", cookies.join("; "));
        if !body.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in &self.sent {
            request = request.header(*name, value);
        }
        if let Some(peer) = self.peer {
            let peer = SocketAddr::new(peer.parse().unwrap(), 40_000);
            request = request.extension(ConnectInfo(peer));
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        self.keep_cookies(&parts.headers);
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let is_page = (parts.headers.get("content-type"))
            .is_none_or(|kind| kind.as_bytes().starts_with(b"text/html"));
        for unescaped in ["<script>alert", "<img src=x", "LT-42\">", "\n\n\n\n"] {
            assert!(
                !is_page || !body.contains(unescaped),
                "{path} has {unescaped:?}:\n{body}"
            );
        }
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> String {
        self.header("location").to_owned()
    }

    /// The token of the page's last form: the ones before it are of the frame.
    pub(crate) fn form_token(&self) -> String {
        let (_, rest) = self
            .body
            .rsplit_once("name=\"form_token\" value=\"")
            .unwrap();
        rest[..64].to_owned()
    }

    pub(crate) fn says(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

pub(crate) fn person(id: &str, name: &str) -> Person {
    Person {
        id: PersonId(id.to_owned()),
        name: name.to_owned(),
        mail: Some(MailAddress::parse(&format!("{id}@example.com")).unwrap()),
        enabled: true,
        unit: None,
    }
}

fn device(native: &str, name: &str, owner: &str) -> Device {
    Device {
        id: DeviceId {
            backend: BackendName("test".to_owned()),
            native: native.to_owned(),
        },
        name: name.to_owned(),
        detail: Some(format!("{native}<img src=x>")),
        also: Vec::new(),
        shared_id: None,
        also_named: Vec::new(),
        owners: vec![PersonId(owner.to_owned()).into()],
        units: Vec::new(),
    }
}

fn devices() -> Vec<Device> {
    vec![
        device("laptop", LAPTOP, "anna"),
        device("one", "TWIN", "anna"),
        device("two", "TWIN", "boss"),
        device("empty", "EMPTY", "anna"),
    ]
}

/// Each role is that of one group, and each group has one member.
fn role_groups() -> RoleGroups {
    let group = |name: &str| vec![Bearer::Group(GroupName(name.to_owned()))];
    RoleGroups {
        agents: group("agents"),
        auditors: group("auditors"),
        operators: group("operators"),
        break_glass: group("break_glass"),
    }
}

/// Beside anna and her boss there is somebody for each role, by the name of its setting.
fn directory() -> Arc<MemoryDirectory> {
    let boss = person("boss", "Boss <img src=x>");
    let directory = Arc::new(MemoryDirectory::default());
    for role in Role::ALL {
        let name = role.setting();
        let member = person(name, &format!("{name} <img src=x>"));
        directory.add_group(name, vec![member.id.clone()]);
        directory.add(member, name, None);
    }
    directory.add(person("anna", ANNA), "anna", Some(boss.id.clone()));
    directory.add(boss, "boss", None);
    for device in devices() {
        directory.add_device(device);
    }
    directory
}

fn escrow() -> MemoryEscrow {
    let escrow = MemoryEscrow::new(BackendName("test".to_owned()));
    let damaged = KEY.replace("720885", "720896");
    let records = [
        vec![
            (record(0xAAAA_0001 << 96, Some(1), 5), KEY),
            (record(0xBBBB_0002 << 96, Some(2), 4), &*damaged),
            (record(0xCCCC_0003 << 96, Some(1), 1), KEY),
        ],
        vec![(record(4, None, 1), KEY)],
        vec![(record(5, None, 1), KEY)],
        vec![],
    ];
    for (device, records) in devices().into_iter().zip(records) {
        escrow.hold(device, &records);
    }
    escrow
}
