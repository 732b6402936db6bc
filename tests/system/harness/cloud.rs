//! A tenant of Entra ID, at the double that `tests/run` has started.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::installation::{private, server_folder};
use super::until;

/// A tenant of its own, which no other story shares.
#[derive(Clone)]
pub(crate) struct Cloud {
    about: Value,
}

/// Everything that Clavis may need, and no more.
const ROLES: [&str; 8] = [
    "BitlockerKey.Read.All",
    "BitlockerKey.ReadBasic.All",
    "Device.Read.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
    "DeviceManagementManagedDevices.Read.All",
    "GroupMember.Read.All",
    "Mail.Send",
    "User.Read.All",
];

impl Cloud {
    /// A tenant with these people, devices and keys.
    pub(crate) fn with(state: Value) -> Self {
        let folder = server_folder("CLAVIS_TEST_ENTRA");
        let address = fs::read_to_string(folder.join("address.json")).expect("its address");
        let address: Value = serde_json::from_str(&address).expect("JSON");
        let control = address["control"].as_str().expect("an address");
        let mut all = json!({ "roles": ROLES });
        merge(&mut all, state);
        let about = post(&format!("{control}/tenants"), &all);
        Self { about }
    }

    /// The section of the configuration by which the tenant is reached.
    pub(crate) fn section(&self, folder: &Path) -> String {
        let secret = folder.join("client.secret");
        private(&secret, &self.text("client_secret"));
        format!(
            "[entra.contoso]\ntenant = \"{}\"\nclient_id = \"{}\"\nclient_secret_file = \"{}\"\n\
             graph_url = \"{}\"\nlogin_url = \"{}\"\ntimeout = \"5s\"\n",
            self.text("tenant"),
            self.text("client_id"),
            secret.display(),
            self.text("graph"),
            self.text("login"),
        )
    }

    /// The authority that vouches for the servers which all tenants are reached by over TLS.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn authority() -> PathBuf {
        server_folder("CLAVIS_TEST_ENTRA").join("ca.pem")
    }

    /// Changes the tenant: replaces collections and settings, `add`s and `remove`s objects.
    pub(crate) fn change(&self, change: &Value) {
        let answer = ureq::patch(self.text("control")).send(change.to_string());
        answer.expect("the tenant is changed");
    }

    /// Has calls go wrong from now on.
    pub(crate) fn fail(&self, fault: &Value) {
        post(&format!("{}/faults", self.text("control")), fault);
    }

    /// Ends all faults.
    pub(crate) fn mend(&self) {
        let answer = ureq::delete(format!("{}/faults", self.text("control"))).call();
        answer.expect("the faults are gone");
    }

    /// Makes every token that was given out so far invalid.
    pub(crate) fn expire_tokens(&self) {
        post(
            &format!("{}/expire-tokens", self.text("control")),
            &json!({}),
        );
    }

    /// What the tenant has recorded: `calls`, `audit`, `rotations`, `mails`, `elsewhere`.
    pub(crate) fn record(&self, of: &str) -> Value {
        let url = format!("{}/{of}", self.text("control"));
        let mut answer = ureq::get(&url).call().expect("a record");
        let text = answer.body_mut().read_to_string().expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Waits until so many of something are recorded, and gives them.
    pub(crate) fn wait(&self, of: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} {of} of the tenant"), || {
            let record = self.record(of);
            let all = record.as_array().expect("a list");
            (all.len() >= count).then(|| all.clone())
        })
    }

    /// The address of a server that is none of the tenant's, and records what comes.
    pub(crate) fn elsewhere() -> String {
        let folder = server_folder("CLAVIS_TEST_ENTRA");
        let address = fs::read_to_string(folder.join("address.json")).expect("its address");
        let address: Value = serde_json::from_str(&address).expect("JSON");
        address["elsewhere"]
            .as_str()
            .expect("an address")
            .to_owned()
    }

    /// What the tenant is told about itself under this name: `tenant`, `graph`, …
    pub(crate) fn text(&self, name: &str) -> String {
        self.about[name].as_str().expect("a text").to_owned()
    }
}

/// A person of the tenant.
pub(crate) fn user(id: u32, login: &str, name: &str, manager: Option<u32>) -> Value {
    json!({
        "id": guid(id),
        "userPrincipalName": format!("{login}@example.com"),
        "mail": format!("{login}@example.com"),
        "displayName": name,
        "accountEnabled": true,
        "manager": manager.map(guid),
    })
}

/// A device of the tenant, which belongs to this person.
pub(crate) fn device(device_id: &str, name: &str, owner: u32) -> Value {
    json!({
        "id": device_id.replacen(|_: char| true, "f", 1),
        "deviceId": device_id,
        "displayName": name,
        "operatingSystem": "Windows",
        "trustType": "AzureAd",
        "registeredOwners": [guid(owner)],
        "registeredUsers": [guid(owner)],
    })
}

/// A key of a device, escrowed on this day of October.
pub(crate) fn recovery_key(id: &str, device_id: &str, kind: &str, day: u32, key: &str) -> Value {
    json!({
        "id": id,
        "deviceId": device_id,
        "createdDateTime": format!("2026-10-{day:02}T08:00:00Z"),
        "volumeType": kind,
        "key": key,
    })
}

/// The ID with this number.
pub(crate) fn guid(number: u32) -> String {
    format!("{number:08x}-1111-4111-8111-111111111111")
}

/// A sound recovery key, another for each number.
pub(crate) fn digits(number: u32) -> String {
    let groups = (0..8).map(|at| format!("{:06}", (number * 8 + at + 1) * 11 % 720_885));
    groups.collect::<Vec<_>>().join("-")
}

fn merge(all: &mut Value, state: Value) {
    let Value::Object(state) = state else {
        panic!("a state is an object");
    };
    for (name, value) in state {
        all[name] = value;
    }
}

fn post(url: &str, body: &Value) -> Value {
    let mut answer = ureq::post(url)
        .content_type("application/json")
        .send(body.to_string())
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    let text = answer.body_mut().read_to_string().expect("text");
    serde_json::from_str(&text).unwrap_or_default()
}
