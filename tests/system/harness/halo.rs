//! A desk of HaloPSA, at the double that `tests/run` has started.

use std::fs;

use serde_json::{Value, json};

use super::installation::{Installation, private, server_folder};
use super::until;

/// What the desk's messages prove themselves by.
const PASSWORD: &str = "a password of the desk's";

/// A desk of its own, which no other story shares: anna is its user 5, her laptop its asset 42.
pub(crate) struct Halo {
    made: Value,
}

impl Halo {
    /// A new desk, whose asset has this inventory number.
    pub(crate) fn new(device: &str) -> Self {
        let folder = server_folder("CLAVIS_TEST_HALO");
        let address = fs::read_to_string(folder.join("address.json")).expect("its address");
        let address: Value = serde_json::from_str(&address).expect("JSON");
        let control = address["control"].as_str().expect("an address");
        let state = json!({
            "users": [
                { "id": 5, "name": "Anna", "emailaddress": "anna.berg@example.com", "networklogin": "anna.berg" },
                { "id": 6, "name": "Simon", "emailaddress": "simon.adler@example.com" },
                { "id": 7, "name": "Bert", "emailaddress": "bert.boss@example.com" },
            ],
            "assets": [
                { "id": 42, "name": "Anna's laptop", "inventory_number": device },
                { "id": 43, "name": "The other", "inventory_number": "LT-0001" },
            ],
        });
        let made = answered(ureq::post(format!("{control}/desks")).send(state.to_string()));
        Self { made }
    }

    /// Has an installation take tickets up, with these further lines, and the desk tell it of them.
    pub(crate) fn serve(&self, clavis: &Installation, more: &str) {
        let folder = clavis.path();
        private(&folder.join("halo.secret"), &self.text("client_secret"));
        private(&folder.join("halo.password"), PASSWORD);
        let section = format!(
            "[[desks]]\nname = \"halo\"\nkind = \"halo\"\nurl = \"{}\"\nclient_id = \"{}\"\n\
             client_secret_file = \"halo.secret\"\ntimeout = \"3s\"\nticket_type = 30\noutcome = 40\n\
             statuses = {{ done = 9, declined = 8, ended = 10 }}\n\
             webhook_user = \"halo\"\nwebhook_password_file = \"halo.password\"\n{more}\n[support]",
            self.text("url"),
            self.text("client_id"),
        );
        clavis.change("[support]", &section);
        self.tell(clavis, json!({}));
    }

    /// Has the desk tell an installation of its tickets, with what is to go wrong with that.
    pub(crate) fn tell(&self, clavis: &Installation, trouble: Value) {
        let mut webhook = json!({
            "url": format!("{}/hooks/halo", clavis.url()), "user": "halo", "password": PASSWORD,
        });
        let Value::Object(trouble) = trouble else {
            panic!("an object")
        };
        for (name, value) in trouble {
            webhook[name] = value;
        }
        self.change(&json!({ "webhook": webhook }));
    }

    /// Changes the desk's settings.
    pub(crate) fn change(&self, change: &Value) {
        let answer = ureq::patch(self.text("control")).send(change.to_string());
        answer.expect("the desk is changed");
    }

    /// What goes wrong from now on, and nothing else.
    pub(crate) fn faults(&self, faults: &Value) {
        let answer = ureq::put(self.control("faults")).send(faults.to_string());
        answer.expect("the faults are taken");
    }

    /// Raises a ticket for anna's laptop, with what is other about it; gives its ID.
    pub(crate) fn raise(&self, more: Value) -> u64 {
        let mut ticket = json!({ "user_id": 5, "assets": [{ "id": 42 }] });
        let Value::Object(more) = more else {
            panic!("an object")
        };
        for (name, value) in more {
            ticket[name] = value;
        }
        let made = answered(ureq::post(self.control("tickets")).send(ticket.to_string()));
        made["id"].as_u64().expect("an ID")
    }

    /// Changes a ticket, as somebody at the desk does.
    pub(crate) fn edit(&self, ticket: u64, change: &Value) {
        let url = self.control(&format!("tickets/{ticket}"));
        let answer = ureq::patch(url).send(change.to_string());
        answer.expect("the ticket is changed");
    }

    /// Takes a ticket away.
    pub(crate) fn delete(&self, ticket: u64) {
        let answer = ureq::delete(self.control(&format!("tickets/{ticket}"))).call();
        answer.expect("the ticket is gone");
    }

    /// Answers a row of a ticket's approvals.
    pub(crate) fn answer(&self, ticket: u64, answer: &Value) {
        let url = self.control(&format!("tickets/{ticket}/approval"));
        let answer = ureq::post(url).send(answer.to_string());
        answer.expect("the row is answered");
    }

    /// The status that a ticket has.
    pub(crate) fn status(&self, ticket: u64) -> u64 {
        let ticket = answered(ureq::get(self.control(&format!("tickets/{ticket}"))).call());
        ticket["status_id"].as_u64().expect("a status")
    }

    /// Waits until a ticket has a status.
    pub(crate) fn wait_for_status(&self, ticket: u64, status: u64) {
        until("the ticket's status", || {
            (self.status(ticket) == status).then_some(())
        });
    }

    /// What was written into a ticket.
    pub(crate) fn notes(&self, ticket: u64) -> Vec<Value> {
        let url = self.control(&format!("tickets/{ticket}/actions"));
        let notes = answered(ureq::get(url).call());
        notes.as_array().expect("a list").clone()
    }

    /// Waits until a ticket has a note with this text; gives all of its notes.
    pub(crate) fn wait_for_note(&self, ticket: u64, text: &str) -> Vec<Value> {
        until("a note", || {
            let notes = self.notes(ticket);
            let has = |note: &Value| {
                note["note_html"]
                    .as_str()
                    .is_some_and(|it| it.contains(text))
            };
            notes.iter().any(has).then_some(notes)
        })
    }

    fn control(&self, path: &str) -> String {
        format!("{}/{path}", self.text("control"))
    }

    fn text(&self, name: &str) -> String {
        self.made[name].as_str().expect("a text").to_owned()
    }
}

fn answered(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let mut answer = answer.expect("the double answers");
    let text = answer.body_mut().read_to_string().expect("a body");
    serde_json::from_str(&text).expect("JSON")
}
