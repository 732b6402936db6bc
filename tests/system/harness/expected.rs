//! What `tests/domain-controller/fill.py` put into the directory.

use serde_json::Value;

use super::Installation;

/// The devices of the domain and their keys.
pub(crate) struct Expected(Value);

impl Expected {
    /// What is in the domain of this installation.
    pub(crate) fn of(clavis: &Installation) -> Self {
        let folder = clavis
            .controller
            .as_ref()
            .expect("it has a domain controller");
        let text = std::fs::read_to_string(folder.join("expected.json")).expect("what is expected");
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    /// A device's ID in the directory.
    pub(crate) fn device(&self, name: &str) -> &str {
        self.0["devices"][name]["id"].as_str().expect("a device")
    }

    /// A person's ID in the directory, by their name to sign in with.
    #[allow(dead_code, reason = "not for the benchmark")]
    pub(crate) fn person(&self, login: &str) -> &str {
        self.0["people"][login]["id"].as_str().expect("a person")
    }

    /// The keys of these records.
    pub(crate) fn keys<const N: usize>(&self, device: &str, records: [&str; N]) -> [String; N] {
        records.map(|record| self.record(device, record, "key"))
    }

    /// The key IDs of these records, as pages show them.
    pub(crate) fn key_ids<const N: usize>(&self, device: &str, records: [&str; N]) -> [String; N] {
        records.map(|record| self.record(device, record, "key_id").to_uppercase())
    }

    /// Every key there is.
    pub(crate) fn all_keys(&self) -> Vec<String> {
        let devices = self.0["devices"].as_object().expect("devices").values();
        let records =
            devices.flat_map(|device| device["records"].as_object().expect("records").values());
        records
            .map(|record| record["key"].as_str().expect("a key").to_owned())
            .collect()
    }

    fn record(&self, device: &str, record: &str, field: &str) -> String {
        let records = &self.0["devices"][device]["records"];
        records[record][field]
            .as_str()
            .expect("a record")
            .to_owned()
    }
}
