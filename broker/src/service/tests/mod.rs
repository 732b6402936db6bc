//! The shell over the twins of its ports: stories of what goes well and what does not.

mod approving;
mod asking;
mod audit;
mod clock;
mod desk;
mod gates;
mod hybrid;
mod journey;
mod log;
mod mailing;
mod policy;
mod programs;
mod provider;
mod redeeming;
mod roles;
mod rotating;
mod secrets;
mod sessions;
mod sign_in;
mod telling;
mod tickets;
mod watching;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Alarms, Ask, AuditTerms, Broker, Choice, Gates, Parts, SignInTerms, Source, Visitor};
use crate::alarms::Usual;
use crate::audit::{Event, LogRow};
use crate::devices::{BackendName, Device, NamePattern, Serves};
use crate::letters::Mail;
use crate::lifecycle::{Request, Terms};
use crate::people::{MailAddress, Party, Person, PersonId};
use crate::policy::Policy;
use crate::ports::{Clock, LogQuery, PersonQuery, Store};
use crate::roles::RoleGroups;
use crate::testing::sample::{device, monday, person, record, terms};
use crate::testing::{
    CountingRandom, MemoryDirectory, MemoryEscrow, MemoryHook, MemoryMailer, MemoryProvider,
    MemoryStore, PlainLetters, SetClock,
};
use crate::text::{Asset, Reason};
use crate::tokens::PlainToken;

const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
const DATA_KEY: &str = "000022-000022-720885-123453-000000-700007-111111-222222";
const OLD_KEY: &str = "000033-000022-720885-123453-000000-700007-111111-222222";
const DAMAGED: &str = "000034-000022-720885-123453-000000-700007-111111-222222";
const REASON: &str = "It asks for the key since the update.";

/// A broker over twins: anna, her manager boss, and her laptop with three keys of two drives.
struct World {
    broker: Arc<Broker>,
    store: Arc<MemoryStore>,
    directory: Arc<MemoryDirectory>,
    escrow: Arc<MemoryEscrow>,
    /// A second backend, which is asked about names like `laptop` alone.
    cloud: Arc<MemoryEscrow>,
    mailer: Arc<MemoryMailer>,
    /// Where the webhook for alarms leads.
    hook: Arc<MemoryHook>,
    /// Where people may sign in beside the code by mail, and another such place.
    providers: [Arc<MemoryProvider>; 2],
    clock: Arc<SetClock>,
}

impl World {
    fn new() -> Self {
        Self::with_nominated(&[])
    }

    fn with_nominated(nominated: &[&str]) -> Self {
        Self::with(nominated, terms())
    }

    fn with(nominated: &[&str], terms: Terms) -> Self {
        let nominated = nominated.iter();
        let nominated = nominated.map(|login| PersonQuery::Login((*login).to_owned()));
        let policy = Policy::manager_else(nominated.collect());
        Self::of(policy, Gates::default(), terms, true, RoleGroups::default())
    }

    fn without_codes() -> Self {
        let policy = Policy::manager_else(Vec::new());
        let roles = RoleGroups::default();
        Self::of(policy, Gates::default(), terms(), false, roles)
    }

    fn under(policy: Policy, gates: Gates) -> Self {
        Self::of(policy, gates, terms(), true, RoleGroups::default())
    }

    fn with_roles(roles: RoleGroups) -> Self {
        let policy = Policy::manager_else(Vec::new());
        Self::of(policy, Gates::default(), terms(), true, roles)
    }

    fn of(
        policy: Policy,
        gates: Gates,
        terms: Terms,
        code_by_mail: bool,
        roles: RoleGroups,
    ) -> Self {
        let store = Arc::new(MemoryStore::default());
        let directory = Arc::new(MemoryDirectory::default());
        let escrow = Arc::new(MemoryEscrow::new(BackendName("test".to_owned())));
        let cloud = Arc::new(MemoryEscrow::new(BackendName("cloud".to_owned())));
        let mailer = Arc::new(MemoryMailer::default());
        let hook = Arc::new(MemoryHook::default());
        let clock = Arc::new(SetClock::at(monday()));
        let providers = ["Entra ID", "AD FS"].map(|name| Arc::new(MemoryProvider::new(name)));
        let boss = person("boss");
        directory.add(person("anna"), "anna", Some(boss.id.clone()));
        for person in [boss, person("nina"), person("otto")] {
            directory.add(person.clone(), &person.name, None);
        }
        let records = [
            (record(1, Some(1), 5), KEY),
            (record(2, Some(2), 4), DATA_KEY),
            (record(3, Some(1), 1), OLD_KEY),
        ];
        escrow.hold(laptop(), &records);
        let broker = Broker::new(Parts {
            store: Arc::clone(&store) as _,
            directory: Arc::clone(&directory) as _,
            escrow: vec![
                Source {
                    backend: Arc::clone(&escrow) as _,
                    serves: Serves::default(),
                },
                Source {
                    backend: Arc::clone(&cloud) as _,
                    serves: Serves(vec![NamePattern::parse("l*p*").unwrap()]),
                },
            ],
            mailer: Arc::clone(&mailer) as _,
            renderer: Arc::new(PlainLetters),
            clock: Arc::clone(&clock) as _,
            random: Arc::new(CountingRandom::default()),
            policy,
            gates,
            alarms: Alarms {
                mail: vec![MailAddress::parse("alarms@example.com").unwrap()],
                hook: Some(Arc::clone(&hook) as _),
                usual: Usual::default(),
            },
            terms,
            sign_in: SignInTerms {
                code_by_mail,
                code_valid_for: SignedDuration::from_mins(10),
                idle: SignedDuration::from_mins(30),
                at_most: SignedDuration::from_hours(10),
                begun_a_minute: 300,
            },
            providers: providers.iter().map(|it| Arc::clone(it) as _).collect(),
            roles,
            senders: Vec::new(),
            desks: Vec::new(),
            subscribers: Vec::new(),
            notifiers: Vec::new(),
            audit: AuditTerms::default(),
        });
        Self {
            broker: Arc::new(broker),
            store,
            directory,
            escrow,
            cloud,
            mailer,
            hook,
            providers,
            clock,
        }
    }

    /// The same after a start with another configuration.
    fn restarted(self, configure: impl FnOnce(&mut Parts)) -> Self {
        let broker = Arc::into_inner(self.broker).expect("nothing else runs");
        let mut parts = broker.parts;
        configure(&mut parts);
        let broker = Arc::new(Broker::new(parts));
        Self { broker, ..self }
    }

    /// The same with checkpoints, or with an end of what is kept.
    fn proving(self, audit: AuditTerms) -> Self {
        let broker = Arc::into_inner(self.broker).expect("nothing else runs");
        let parts = Parts {
            audit,
            ..broker.parts
        };
        let broker = Arc::new(Broker::new(parts));
        Self { broker, ..self }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn disable(&self, id: &PersonId) {
        self.directory.change(id, |person| person.enabled = false);
    }

    /// Does what is due, until nothing is.
    async fn settle(&self) {
        while self.broker.tend_once().await.unwrap() > 0 {}
    }

    /// Lets time pass in steps of so many minutes, doing what is due after each.
    async fn pass(&self, minutes: i64, step: i64) {
        for _ in 0..minutes / step {
            self.clock.advance(SignedDuration::from_mins(step));
            self.settle().await;
        }
    }

    async fn ask(&self) -> Request {
        let made = self.broker.ask(&anna(), asking("laptop"), None).await;
        let made = made.unwrap();
        self.settle().await;
        made
    }

    async fn approve(&self) {
        let link = self.token("ApprovalNeeded", "boss");
        let decided = self
            .broker
            .decide(&link, Choice::Approve, None, Visitor::default())
            .await;
        decided.unwrap();
    }

    /// Asks, has it approved, and gives the key link that was mailed.
    async fn key_link(&self) -> PlainToken {
        self.ask().await;
        self.approve().await;
        self.settle().await;
        self.token("KeyLink", "anna")
    }

    async fn request(&self) -> Request {
        let requests = self.broker.requests_of(&anna().id).await.unwrap();
        requests.into_iter().next().expect("a request")
    }

    /// To whom letters of this kind were sent, in order.
    fn sent(&self, subject: &str) -> Vec<String> {
        let mails = self.mailer.sent().into_iter();
        mails
            .filter(|mail| mail.subject == subject)
            .map(|mail| mail.to_name)
            .collect()
    }

    /// The token in the newest letter of this kind to this person.
    fn token(&self, subject: &str, to: &str) -> PlainToken {
        tokens(&self.mailer.sent(), subject, to)
            .pop()
            .unwrap_or_else(|| panic!("no {subject} to {to}"))
    }

    async fn log(&self) -> Vec<LogRow> {
        let everything = LogQuery {
            limit: usize::MAX,
            ..LogQuery::default()
        };
        self.store.log(&everything).await.unwrap()
    }

    /// Everything that is kept, as text: the rows as they read, and all else.
    async fn everything(&self) -> String {
        let rows = serde_json::to_string(&self.log().await).unwrap();
        format!("{rows}\n{}", self.store.picture())
    }

    async fn events(&self) -> Vec<Event> {
        let rows = self.log().await.into_iter();
        rows.map(|row| row.entry.event).collect()
    }

    async fn last_event(&self) -> Event {
        self.events().await.pop().expect("a row of the log")
    }
}

fn tokens(mails: &[Mail], subject: &str, to: &str) -> Vec<PlainToken> {
    mails
        .iter()
        .filter(|mail| mail.subject == subject && mail.to_name == to)
        .map(|mail| PlainToken::parse(&mail.text).expect("a token in the mail"))
        .collect()
}

fn anna() -> Party {
    person("anna").party().unwrap()
}

fn boss() -> Person {
    person("boss")
}

fn laptop() -> Device {
    Device {
        owners: vec![anna().id.into()],
        ..device("laptop")
    }
}

fn asking(asset: &str) -> Ask {
    Ask {
        asset: Asset::parse(asset).unwrap(),
        chosen: None,
        wanted: None,
        reason: Reason::parse(REASON).unwrap(),
    }
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}
