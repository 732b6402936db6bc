//! The double of Entra ID and Graph: tenants in it, and what they saw.

use std::path::PathBuf;
use std::sync::Arc;

use clavis_backends::entra::{Call, Tenant, Trouble, Uses, equals};
use clavis_broker::ports::Clock;
use clavis_broker::testing::CountingRandom;
use clavis_config::settings::{Cloud, Entra, EntraCredential, EntraIdentity};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// A tenant of its own, with its state and its log.
pub(crate) struct Place {
    made: Value,
    http: reqwest::Client,
}

/// A device as Graph shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    pub(crate) display_name: String,
}

/// The time of this machine, which the identity provider goes by.
pub(crate) struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "the other side has a real clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Place {
    /// A new tenant in this state, as `tests/entra/start` describes it.
    pub(crate) async fn with(state: Value) -> Self {
        let folder = std::env::var_os("CLAVIS_TEST_ENTRA")
            .map(PathBuf::from)
            .expect("these tests need a double of Entra ID: run them by tests/run");
        let address = std::fs::read(folder.join("address.json"))
            .expect("the double of Entra ID is not running: run these tests by tests/run");
        let address: Value = serde_json::from_slice(&address).expect("JSON");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let control = format!("{}/tenants", text(&address["control"]));
        let answer = (http.post(control).body(state.to_string()).send())
            .await
            .expect("the double answers");
        assert_eq!(answer.status(), 201, "{state}");
        let mut made: Value =
            serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        made["elsewhere"] = address["elsewhere"].clone();
        Self { made, http }
    }

    /// A tenant with devices of these names, which the application may read.
    pub(crate) async fn with_devices(names: &[&str]) -> Self {
        Self::with(json!({
            "roles": ["Device.Read.All"],
            "devices": names.iter().map(|name| json!({ "displayName": name })).collect::<Vec<_>>(),
        }))
        .await
    }

    /// What the double says of it: `tenant`, `client_id`, `graph`, `imds`, `elsewhere`.
    pub(crate) fn of(&self, name: &str) -> &str {
        text(&self.made[name])
    }

    /// Sound settings, with the client secret.
    pub(crate) fn settings(&self) -> Entra {
        let secret = SecretString::from(self.of("client_secret"));
        self.settings_with(EntraCredential::Secret(secret))
    }

    /// Settings with another credential.
    pub(crate) fn settings_with(&self, credential: EntraCredential) -> Entra {
        let client_id = Uuid::parse_str(self.of("client_id")).expect("a GUID");
        self.settings_as(EntraIdentity::App {
            tenant: self.of("tenant").to_owned(),
            client_id,
            credential,
        })
    }

    /// Settings as somebody else.
    pub(crate) fn settings_as(&self, identity: EntraIdentity) -> Entra {
        Entra {
            name: "corp".into(),
            identity,
            cloud: Cloud::Global,
            graph_url: Some(self.of("graph").to_owned()),
            login_url: Some(self.of("login").to_owned()),
            identity_url: Some(self.of("imds").to_owned()),
            timeout: SignedDuration::from_secs(10),
        }
    }

    /// The tenant, asked with the client secret.
    pub(crate) fn tenant(&self) -> Arc<Tenant> {
        tenant(self.settings())
    }

    /// The tenant, with another deadline for each question.
    pub(crate) fn tenant_within(&self, seconds: i64) -> Arc<Tenant> {
        let mut settings = self.settings();
        settings.timeout = SignedDuration::from_secs(seconds);
        tenant(settings)
    }

    /// What is to go wrong from now on, and nothing else.
    pub(crate) async fn faults(&self, faults: Value) {
        self.control(Method::PUT, "/faults", Some(faults)).await;
    }

    /// Changes its state.
    pub(crate) async fn change(&self, state: Value) {
        self.control(Method::PATCH, "", Some(state)).await;
    }

    /// No token that was given out so far is taken any more.
    pub(crate) async fn expire_tokens(&self) {
        self.control(Method::POST, "/expire-tokens", None).await;
    }

    /// Signs what it says of people with a new key from now on.
    pub(crate) async fn roll_key(&self, algorithm: &str) {
        let how = json!({ "alg": algorithm });
        self.control(Method::POST, "/roll-key", Some(how)).await;
    }

    /// The same with a key that has the name of the one before it.
    pub(crate) async fn roll_key_under_its_name(&self) {
        let how = json!({ "alg": "RS256", "keepsName": true });
        self.control(Method::POST, "/roll-key", Some(how)).await;
    }

    /// The calls so far.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let seen = self.control(Method::GET, "/calls", None).await;
        seen["calls"].as_array().expect("a list").clone()
    }

    /// The calls to Graph so far.
    pub(crate) async fn graph_calls(&self) -> Vec<Value> {
        let mut calls = self.calls().await;
        calls.retain(|call| call["kind"] == "graph");
        calls
    }

    /// How often it was counted: `graphCalls`, `tokenRequests`.
    pub(crate) async fn count(&self, what: &str) -> u64 {
        let seen = self.control(Method::GET, "/calls", None).await;
        seen["counters"][what].as_u64().expect("a counter")
    }

    /// What came to a host that is none of its own.
    pub(crate) async fn seen_elsewhere(&self) -> Vec<Value> {
        let seen = self.control(Method::GET, "/elsewhere", None).await;
        seen.as_array().expect("a list").clone()
    }

    /// The mails that were sent.
    pub(crate) async fn mails(&self) -> Vec<Value> {
        let seen = self.control(Method::GET, "/mails", None).await;
        seen.as_array().expect("a list").clone()
    }

    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.of("control"));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.http.request(method, url).body(body).send().await;
        let answer = answer.expect("the double answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let bytes = answer.bytes().await.expect("a body");
        serde_json::from_slice(&bytes).unwrap_or_default()
    }
}

/// A tenant of these settings.
pub(crate) fn tenant(settings: Entra) -> Arc<Tenant> {
    Arc::new(Tenant::new(
        settings,
        Uses::default(),
        Arc::new(MachineClock),
        Arc::new(CountingRandom::default()),
    ))
}

/// The question for all devices.
pub(crate) fn devices() -> Call {
    Call::get("v1.0")
        .segment("devices")
        .needs("Device.Read.All")
}

/// The names of all devices, in order.
pub(crate) async fn names(tenant: &Tenant) -> Result<Vec<String>, Trouble> {
    let devices: Vec<Device> = tenant.list(&devices()).await?;
    let mut names: Vec<_> = (devices.into_iter())
        .map(|device| device.display_name)
        .collect();
    names.sort();
    Ok(names)
}

/// The question for the device of a name.
pub(crate) fn device_named(name: &str) -> Call {
    devices().query("$filter", &equals("displayName", name))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
