//! A browser whose cookies a test can look at, plant and copy, and that stops at each redirection.

use std::collections::BTreeMap;

use ureq::http::Response;
use ureq::{Agent, RequestBuilder};

use crate::harness::Daemon;

#[derive(Clone)]
pub(crate) struct Visitor {
    base: String,
    /// By host and port, as no browser keeps them: two servers of one machine are kept apart.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// What goes with everything, as a proxy would add it.
    sent: BTreeMap<&'static str, Vec<String>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) body: String,
    /// The cookies that were set or taken away.
    pub(crate) cookies: Vec<String>,
}

impl Visitor {
    pub(crate) fn new(daemon: &Daemon) -> Self {
        Self::at(&daemon.url)
    }

    /// At one of the addresses of a daemon that has several.
    pub(crate) fn at(url: &str) -> Self {
        Self {
            base: url.to_owned(),
            cookies: BTreeMap::new(),
            sent: BTreeMap::new(),
        }
    }

    /// The same browser, with whatever it keeps of Clavis, at another daemon, as a balancer leads it there.
    pub(crate) fn led_to(&self, daemon: &Daemon) -> Self {
        let mut led = self.clone();
        let ours = led.cookies.remove(&self.base).unwrap_or_default();
        led.base.clone_from(&daemon.url);
        led.cookies.insert(led.base.clone(), ours);
        led
    }

    /// Presses the button of a provider; gives the address that it leads to.
    pub(crate) fn leave(&mut self, slug: &str, next: &str) -> String {
        let path = format!("/sign-in/with/{slug}?next={}", encoded(next));
        let page = self.post(&path, &[("form_token", "")]);
        assert_eq!(page.status, 200, "{}", page.body);
        page.link("")
    }

    /// Signs in there as whom the tenant's `signsIn` names; gives the address that leads back.
    pub(crate) fn at_provider(&mut self, address: &str) -> String {
        let mut address = address.to_owned();
        while !address.starts_with(&self.base) {
            let answer = self.get(&address);
            assert!(
                (300..400).contains(&answer.status),
                "{address}: {} {}",
                answer.status,
                answer.body
            );
            address = if answer.location.starts_with('/') {
                format!("{}{}", origin(&address), answer.location)
            } else {
                answer.location
            };
        }
        address
    }

    pub(crate) fn get(&mut self, address: &str) -> Answer {
        let (agent, url) = self.begin(address);
        let sent = self.with_headers(agent.get(&url), &url).call();
        self.end(&url, sent.expect("an answer"))
    }

    pub(crate) fn head(&mut self, address: &str) -> Answer {
        let (agent, url) = self.begin(address);
        let sent = self.with_headers(agent.head(&url), &url).call();
        self.end(&url, sent.expect("an answer"))
    }

    pub(crate) fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> Answer {
        let (agent, url) = self.begin(address);
        let post = self.with_headers(agent.post(&url), &url);
        let sent = post.send_form(fields.iter().copied());
        self.end(&url, sent.expect("an answer"))
    }

    /// Sends these lines of a header with everything from now on.
    pub(crate) fn send(&mut self, header: &'static str, lines: &[&str]) {
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        self.sent.insert(header, lines);
    }

    /// Whether the start page is somebody's.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.clone().get("/").status == 200
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.get(&self.base)?.get(name).cloned()
    }

    /// The values of all cookies of Clavis.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = &str> {
        let ours = self.cookies.get(&self.base).into_iter();
        ours.flat_map(|cookies| cookies.values().map(String::as_str))
    }

    /// Puts a cookie of Clavis into the browser.
    pub(crate) fn plant(&mut self, name: &str, value: &str) {
        let ours = self.cookies.entry(self.base.clone()).or_default();
        ours.insert(name.to_owned(), value.to_owned());
    }

    /// An agent for one request: it knows no cookies of its own.
    fn begin(&self, address: &str) -> (Agent, String) {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        let url = if address.starts_with('/') {
            format!("{}{address}", self.base)
        } else {
            address.to_owned()
        };
        (config.into(), url)
    }

    fn with_headers<B>(&self, request: RequestBuilder<B>, url: &str) -> RequestBuilder<B> {
        let lines = self.sent.iter();
        let lines = lines.flat_map(|(name, lines)| lines.iter().map(move |line| (*name, line)));
        let request = request.header("cookie", self.held(url));
        lines.fold(request, |request, (name, line)| request.header(name, line))
    }

    fn held(&self, url: &str) -> String {
        let held = self.cookies.get(origin(url)).into_iter().flatten();
        let pairs: Vec<_> = held
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn end(&mut self, url: &str, mut answer: Response<ureq::Body>) -> Answer {
        let kept = self.cookies.entry(origin(url).to_owned()).or_default();
        let mut cookies = Vec::new();
        for line in answer.headers().get_all("set-cookie") {
            let line = line.to_str().expect("text").to_owned();
            let pair = line.split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            if line.contains("Max-Age=0") {
                kept.remove(name);
            } else {
                kept.insert(name.to_owned(), value.to_owned());
            }
            cookies.push(line);
        }
        let location = answer.headers().get("location");
        let location = location
            .map_or("", |it| it.to_str().expect("text"))
            .to_owned();
        Answer {
            status: answer.status().as_u16(),
            location,
            body: answer.body_mut().read_to_string().expect("text"),
            cookies,
        }
    }
}

impl Answer {
    /// The first link of the page's main part that begins like this.
    pub(crate) fn link(&self, beginning: &str) -> String {
        let main = self.body.split("<main").nth(1).expect("a page");
        let mut links = main.split("href=\"").skip(1);
        let link = links.find(|link| link.starts_with("http") && link.starts_with(beginning));
        let link = link
            .and_then(|link| link.split('"').next())
            .expect("a link");
        link.replace("&amp;", "&").replace("&#38;", "&")
    }

    /// The token of the first form: that of the sign-out.
    pub(crate) fn form_token(&self) -> String {
        let mut forms = self.body.split("name=\"form_token\" value=\"");
        forms.nth(1).expect("a form")[..64].to_owned()
    }
}

/// `http://host:port` of an address.
fn origin(url: &str) -> &str {
    let start = url.find("://").expect("an address") + 3;
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    &url[..end]
}

/// A text as it stands in a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letters = text.bytes().map(|byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    letters.collect()
}
