//! A headless Chromium with a profile of its own, driven through chromedriver.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct Chromium {
    pub(crate) client: Client,
    /// The session at the driver, for what fantoccini has no words for.
    session: String,
    driver: Driver,
    _profile: TempDir,
}

/// Lets a story happen in a browser of its own.
pub(crate) fn in_chromium(story: impl AsyncFnOnce(&Chromium)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .expect("a runtime")
        .block_on(async { story(&Chromium::start().await).await });
}

impl Chromium {
    async fn start() -> Self {
        let driver = Driver::start();
        let profile = tempfile::tempdir().expect("a folder");
        let capabilities = json!({
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", format!("--user-data-dir={}", profile.path().display()),
            ] },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is an object")
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder
            .capabilities(capabilities)
            .connect(&driver.url)
            .await
            .expect("Chromium starts");
        let id = client
            .session_id()
            .await
            .expect("the driver answers")
            .expect("a session");
        Self {
            session: format!("{}/session/{id}", driver.url),
            client,
            driver,
            _profile: profile,
        }
    }

    pub(crate) async fn open(&self, url: &str) {
        self.client
            .goto(url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Waits for the first element that a CSS selector finds.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let found = self
            .client
            .wait()
            .every(Duration::from_millis(20))
            .for_element(Locator::Css(css))
            .await;
        found.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("the field can be cleared");
        field
            .send_keys(text)
            .await
            .expect("the field can be typed into");
    }

    /// Presses what the selector finds, and waits for the page (`at` stands in its address).
    pub(crate) async fn press(&self, css: &str, at: &str) {
        let pressed = self.find(css).await;
        let clicked = pressed.click().await;
        clicked.unwrap_or_else(|error| panic!("{css}: {error}"));
        self.leave(&pressed).await;
        self.arrive(at).await;
    }

    /// Waits until the page that an element was on has gone: the next may have the same address.
    async fn leave(&self, element: &Element) {
        let begun = Instant::now();
        while element.tag_name().await.is_ok() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "the page that was pressed stays"
            );
        }
    }

    /// Waits for a page in whose path this stands.
    pub(crate) async fn arrive(&self, at: &str) {
        let begun = Instant::now();
        loop {
            let url = self.client.current_url().await.expect("it is somewhere");
            if url.path().contains(at) {
                break;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "never came to {at}, but is at {url}"
            );
        }
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("it has a text")
    }

    /// What a script of the test's own finds on the page: allowed where the page's are not.
    pub(crate) async fn eval(&self, script: &str) -> Value {
        self.client
            .execute(script, Vec::new())
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// A command to the browser itself, past the driver: of its developer tools' protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post(
            "goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    /// Lets something happen as in somebody else's browser: without this one's cookies, which are
    /// back afterwards.
    pub(crate) async fn elsewhere<T>(&self, story: impl AsyncFnOnce() -> T) -> T {
        let own = self.devtools("Network.getAllCookies", &json!({}));
        self.devtools("Network.clearBrowserCookies", &json!({}));
        let told = story().await;
        self.devtools("Network.clearBrowserCookies", &json!({}));
        self.devtools("Network.setCookies", &own);
        told
    }

    /// What the console has said since this was last asked: errors of scripts, and everything that
    /// the pages' policy forbade. A page's own status is no complaint.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", &json!({ "type": "browser" }));
        let rows = log.as_array().expect("a list").iter();
        let messages = rows.map(|row| row["message"].as_str().unwrap_or_default().to_owned());
        messages
            .filter(|message| !message.contains("the server responded with a status of"))
            .collect()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let sent = ureq::post(format!("{}/{path}", self.session))
            .header("content-type", "application/json")
            .send(body.to_string());
        let answer = sent.and_then(|mut answer| answer.body_mut().read_to_string());
        let answer = answer.unwrap_or_else(|error| panic!("{path} {body}: {error}"));
        serde_json::from_str::<Value>(&answer).expect("JSON")["value"].take()
    }
}

impl Drop for Chromium {
    /// The driver ends Chromium with the session; alone, it would leave it behind.
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.child.kill();
        let _ = self.driver.child.wait();
    }
}

struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("no chromedriver ({error}): run tests/run, or apt-get install chromium chromium-driver")
            });
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"))
            .lines()
            .map_while(Result::ok);
        let port = lines.find_map(|line| {
            let port = line.split("started successfully on port ").nth(1)?;
            Some(port.trim_end_matches('.').to_owned())
        });
        // What it says later has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("chromedriver names its port");
        Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        }
    }
}
