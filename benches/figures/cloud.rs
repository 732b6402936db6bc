//! How long a redemption takes through Graph beside the same two calls made bare, and how long
//! many look-ups take at once: both at the double that `tests/entra/start` runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clavis_backends::entra::{Tenant, Uses};
use clavis_backends::escrow::{EntraEscrow, KINDS};
use clavis_broker::devices::{BackendName, DeviceId};
use clavis_broker::ports::{Clock, EscrowBackend, Random};
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::Browser;
use crate::harness::cloud::{device, digits, guid, recovery_key};
use crate::harness::{Cloud, Installation, Kind, ask, decide, sign_in};
use crate::{median, spread};

const ROUNDS: usize = 40;
const LOOK_UPS: usize = 1000;
const AT_ONCE: usize = 32;

pub(crate) fn measure() {
    if std::env::var_os("CLAVIS_TEST_ENTRA").is_none() {
        println!(
            "through Graph: not measured; start the double with tests/entra/start and set CLAVIS_TEST_ENTRA"
        );
        return;
    }
    redemptions();
    look_ups();
}

fn tenant() -> Cloud {
    Cloud::with(json!({
        "devices": [device(&guid(10), "LT-0042", 1)],
        "recoveryKeys": [
            recovery_key(&guid(100), &guid(10), "operatingSystemVolume", 5, &digits(100)),
        ],
    }))
}

fn redemptions() {
    let cloud = tenant();
    let clavis = Installation::new(&Kind::CloudKeys(cloud.clone()));
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let bare = Bare::sign_in(&cloud);
    let (mut redemptions, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let reference = ask(&anna, "LT-0042", "locked");
        let review = clavis.mails.wait("", "Approval Needed", &reference);
        assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
        let letter = clavis.mails.wait("", "Your Secure Key Link", &reference);
        let browser = Browser::new(&daemon.url);
        let landing = browser.open(&letter.link("/key/")).unwrap();
        let begun = Instant::now();
        let page = browser.submit(&landing, &[]).unwrap();
        redemptions.push(begun.elapsed());
        assert!(page.html.contains("class=\"digits\""), "{}", page.html);
        calls.push(bare.list_and_read());
    }
    let ratio = median(redemptions.clone()).as_secs_f64() / median(calls.clone()).as_secs_f64();
    println!("redemption through Graph: {}", spread(redemptions));
    println!("the same two calls, bare: {}", spread(calls));
    println!("redemption / bare calls: {ratio:.2}");
}

/// A client that does nothing but the two calls.
struct Bare {
    agent: ureq::Agent,
    graph: String,
    token: String,
}

impl Bare {
    fn sign_in(cloud: &Cloud) -> Self {
        let agent = ureq::Agent::new_with_defaults();
        let (login, tenant) = (cloud.text("login"), cloud.text("tenant"));
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", cloud.text("client_id")),
            ("client_secret", cloud.text("client_secret")),
            ("scope", "https://graph.microsoft.com/.default".to_owned()),
        ];
        let mut answer = agent
            .post(format!("{login}/{tenant}/oauth2/v2.0/token"))
            .send_form(form)
            .expect("a token");
        let text = answer.body_mut().read_to_string().expect("text");
        let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        Self {
            agent,
            graph: cloud.text("graph"),
            token: answer["access_token"].as_str().expect("a token").to_owned(),
        }
    }

    fn list_and_read(&self) -> Duration {
        let keys = format!(
            "{}/v1.0/informationProtection/bitlocker/recoveryKeys",
            self.graph
        );
        let begun = Instant::now();
        let listed = self.get(&format!("{keys}?$filter=deviceId%20eq%20'{}'", guid(10)));
        assert!(listed.contains(&guid(100)), "{listed}");
        let read = self.get(&format!("{keys}/{}?$select=key", guid(100)));
        let time = begun.elapsed();
        assert!(read.contains(&digits(100)));
        time
    }

    fn get(&self, url: &str) -> String {
        let answer = self
            .agent
            .get(url)
            .header("Authorization", format!("Bearer {}", self.token))
            .call();
        answer
            .expect("an answer")
            .body_mut()
            .read_to_string()
            .expect("text")
    }
}

fn look_ups() {
    let cloud = tenant();
    let clavis = Installation::new(&Kind::CloudKeys(cloud.clone()));
    let settings = clavis_config::load(&clavis.config(), KINDS).expect("a sound configuration");
    let entra = settings.entra.into_iter().next().expect("an application");
    let tenant = Tenant::new(entra, Uses::default(), Arc::new(Machine), Arc::new(Machine));
    let name = BackendName("cloud".to_owned());
    let escrow = Arc::new(EntraEscrow::new(name.clone(), Arc::new(tenant), None));
    let device = DeviceId {
        backend: name,
        native: guid(10),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let begun = Instant::now();
    runtime.expect("a runtime").block_on(async {
        let mut workers = JoinSet::new();
        for worker in 0..AT_ONCE {
            let (escrow, device) = (Arc::clone(&escrow), device.clone());
            workers.spawn(async move {
                for _ in (worker..LOOK_UPS).step_by(AT_ONCE) {
                    assert_eq!(escrow.records(&device).await.expect("records").len(), 1);
                }
            });
        }
        workers.join_all().await;
    });
    let time = begun.elapsed();
    let counters = &cloud.record("calls")["counters"];
    assert_eq!(counters["graphCalls"], LOOK_UPS);
    assert_eq!(counters["tokenRequests"], 1, "all share one token");
    println!(
        "{LOOK_UPS} look-ups of records, {AT_ONCE} at a time: {:.2} s, {:.0} a second, 1 token request",
        time.as_secs_f64(),
        1000.0 / time.as_secs_f64(),
    );
}

/// The machine's clock and its source of randomness.
struct Machine;

impl Clock for Machine {
    #[expect(
        clippy::disallowed_methods,
        reason = "the identity provider has a real clock"
    )]
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

impl Random for Machine {
    #[expect(
        clippy::disallowed_methods,
        reason = "the benchmark is no one's secret"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("random numbers");
    }
}
