//! The identity that Azure gives to the machine or the app that Clavis runs on.

use std::time::Duration;

use clavis_broker::ports::Clock;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::Trouble;
use super::login::Fetched;
use super::retry::{Failure, Setback};
use super::trouble::{Answer, Refusal};
use super::wire::{self, Reply};

/// Where every virtual machine in Azure learns about itself. It never leaves the host.
const METADATA: &str = "http://169.254.169.254";

/// No answer with a token is longer.
const LONGEST: usize = 64 * 1024;

/// Where tokens of the identity come from.
pub(super) struct ManagedIdentity {
    source: Source,
    client_id: Option<Uuid>,
}

enum Source {
    /// The metadata service of a virtual machine.
    Machine { url: String },
    /// App Service, Functions and Container Apps, which say so in the environment.
    App { url: String, header: SecretString },
}

impl ManagedIdentity {
    /// `url` stands for the metadata service where the settings name another; `variable` is what
    /// the environment holds.
    pub(super) fn new(
        client_id: Option<Uuid>,
        url: Option<String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let app = || Some((variable("IDENTITY_ENDPOINT")?, variable("IDENTITY_HEADER")?));
        let source = match (url, app()) {
            (None, Some((url, header))) => Source::App {
                url,
                header: SecretString::from(header),
            },
            (url, _) => Source::Machine {
                url: url.unwrap_or_else(|| METADATA.to_owned()),
            },
        };
        Self { source, client_id }
    }

    /// Asks once for a token for a service.
    pub(super) async fn token(
        &self,
        http: &Client,
        resource: &str,
        clock: &dyn Clock,
    ) -> Result<Fetched, Failure> {
        let url = self.url(resource).map_err(Failure::of)?;
        let host = wire::host(&url);
        let request = match &self.source {
            Source::Machine { .. } => http.get(url).header("Metadata", "true"),
            Source::App { header, .. } => http
                .get(url)
                .header("X-IDENTITY-HEADER", header.expose_secret()),
        };
        let response = request
            .send()
            .await
            .map_err(|error| Failure::of(Trouble::of(error, &host)))?;
        let reply = wire::read(response, LONGEST, clock)
            .await
            .map_err(Failure::of)?;
        if reply.status != 200 {
            return Err(refused(&reply));
        }
        let given: Given = serde_json::from_slice(&reply.body)
            .map_err(|_| Failure::of(Trouble::Nonsense(format!("{host} gives out no tokens"))))?;
        Ok(Fetched {
            good_for: given.good_for(clock.now()),
            secret: SecretString::from(given.access_token),
        })
    }

    fn url(&self, resource: &str) -> Result<Url, Trouble> {
        let (url, version) = match &self.source {
            Source::Machine { url } => {
                let url = format!("{url}/metadata/identity/oauth2/token");
                (Url::parse(&url).ok(), "2018-02-01")
            }
            Source::App { url, .. } => (Url::parse(url).ok().filter(stays_here), "2019-08-01"),
        };
        let mut url = url.ok_or_else(|| {
            Trouble::Unusable("IDENTITY_ENDPOINT is no address on this machine".into())
        })?;
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource);
        if let Some(id) = self.client_id {
            url.query_pairs_mut()
                .append_pair("client_id", &id.to_string());
        }
        Ok(url)
    }
}

/// Whether an address is protected, or of this machine or its own link.
fn stays_here(url: &Url) -> bool {
    let near = match url.host() {
        Some(host) => match host.to_string().parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
            Ok(std::net::IpAddr::V6(address)) => address.is_loopback(),
            Err(_) => host.to_string() == "localhost" || host.to_string() == "[::1]",
        },
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && near)
}

/// An answer with a token. Numbers are texts at some of the services.
#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: Option<Number>,
    expires_on: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

impl Given {
    fn good_for(&self, now: Timestamp) -> Duration {
        let read = |number: &Option<Number>| match number {
            Some(Number::Number(number)) => Some(*number),
            Some(Number::Text(text)) => text.parse().ok(),
            None => None,
        };
        let left = read(&self.expires_in)
            .map(SignedDuration::from_secs)
            .or_else(|| {
                let end = Timestamp::from_second(read(&self.expires_on)?).ok()?;
                Some(end.duration_since(now))
            });
        left.and_then(|left| Duration::try_from(left).ok())
            .unwrap_or_default()
    }
}

fn refused(reply: &Reply) -> Failure {
    #[derive(Deserialize)]
    struct Body {
        error: String,
    }
    let code = serde_json::from_slice::<Body>(&reply.body)
        .map(|body| wire::plain(&body.error))
        .unwrap_or_default();
    let trouble = if reply.status == 400 || reply.status == 403 {
        Trouble::Credentials(Refusal { code, number: None })
    } else {
        Trouble::Refused(Answer {
            status: reply.status,
            code,
            request_id: String::new(),
        })
    };
    // While it is being renewed, the metadata service says that it is not there.
    let status = match reply.status {
        404 | 410 => 503,
        status => status,
    };
    Failure {
        trouble,
        setback: Setback::Status {
            status,
            retry_after: reply.retry_after,
        },
    }
}

#[cfg(test)]
mod tests {
    use clavis_broker::testing::{SetClock, sample};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const GRAPH: &str = "https://graph.microsoft.com";

    fn nothing(_: &str) -> Option<String> {
        None
    }

    /// The environment of an app whose identity is at this address.
    fn app_at(url: &str) -> impl Fn(&str) -> Option<String> {
        move |name| match name {
            "IDENTITY_ENDPOINT" => Some(url.to_owned()),
            "IDENTITY_HEADER" => Some("geheim".to_owned()),
            _ => None,
        }
    }

    fn url(identity: &ManagedIdentity) -> String {
        identity.url(GRAPH).expect("an address").into()
    }

    #[test]
    fn a_machine_asks_the_metadata_service_and_an_app_what_its_environment_names() {
        let id = Uuid::nil();
        assert_eq!(
            url(&ManagedIdentity::new(Some(id), None, nothing)),
            format!(
                "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01\
                 &resource=https%3A%2F%2Fgraph.microsoft.com&client_id={id}"
            )
        );
        let at = "http://169.254.129.2:8081/msi/token";
        assert_eq!(
            url(&ManagedIdentity::new(None, None, app_at(at))),
            format!("{at}?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com")
        );
        // What the settings name goes before the environment.
        let named = Some("http://127.0.0.1:9".to_owned());
        let identity = ManagedIdentity::new(None, named, app_at(at));
        assert!(url(&identity).starts_with("http://127.0.0.1:9/metadata/"));
    }

    #[test]
    fn no_token_is_asked_for_in_plain_text_over_a_network() {
        for sound in [
            "https://identity.example.com/x",
            "http://localhost:1/msi/token",
            "http://[::1]:1/x",
        ] {
            url(&ManagedIdentity::new(None, None, app_at(sound)));
        }
        for wrong in ["http://10.0.0.1/x", "http://identity.example.com/", "", "x"] {
            let identity = ManagedIdentity::new(None, None, app_at(wrong));
            let trouble = identity.url(GRAPH).expect_err(wrong);
            assert!(matches!(trouble, Trouble::Unusable(_)));
        }
    }

    #[test]
    fn the_end_of_a_token_is_a_number_or_a_text_from_now_or_a_date() {
        let now = sample::monday();
        let read = |answer: &str| {
            let given: Given = serde_json::from_str(answer).expect("an answer");
            given.good_for(now).as_secs()
        };
        let date = now.as_second() + 60;
        assert_eq!(read(r#"{"access_token":"t","expires_in":3599}"#), 3599);
        assert_eq!(read(r#"{"access_token":"t","expires_in":"3599"}"#), 3599);
        let answer = format!(r#"{{"access_token":"t","expires_on":"{date}"}}"#);
        assert_eq!(read(&answer), 60);
        assert_eq!(read(r#"{"access_token":"t","expires_on":"1"}"#), 0);
        assert_eq!(read(r#"{"access_token":"t"}"#), 0);
    }

    #[tokio::test]
    async fn an_app_shows_the_header_of_its_environment() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}/msi/token", listener.local_addr().unwrap());
        let service = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            let body = r#"{"access_token":"t","expires_on":"1795424460"}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let answer = format!("{head}{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&asked[..length]).to_lowercase()
        });
        let identity = ManagedIdentity::new(None, None, app_at(&at));
        let http = wire::client(false, None).unwrap();
        let clock = SetClock::at(sample::monday());
        let fetched = identity.token(&http, GRAPH, &clock).await;
        let fetched = fetched.unwrap_or_else(|failure| panic!("{}", failure.trouble));
        assert_eq!(fetched.secret.expose_secret(), "t");
        assert_eq!(fetched.good_for, Duration::from_mins(1));
        let asked = service.await.unwrap();
        assert!(asked.starts_with("get /msi/token?api-version=2019-08-01&"));
        assert!(asked.contains("x-identity-header: geheim\r\n"), "{asked}");
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::{altered, sample};
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn any_answer_is_a_token_for_some_time_or_none() {
        let sound = r#"{"access_token":"ey.geheim.x","expires_in":"3600","expires_on":1795424400}"#;
        let pieces = [
            "\"",
            "-",
            "9223372036854775807",
            "1e9",
            "null",
            "[]",
            "{",
            "}",
            ",",
            ":",
            ".5",
            "é",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = altered(sound, bytes, &pieces);
            if let Ok(given) = serde_json::from_str::<Given>(&text) {
                let _ = given.good_for(sample::monday());
                return;
            }
            let reply = Reply {
                status: 400,
                retry_after: None,
                date: None,
                request_id: String::new(),
                body: Zeroizing::new(text.into_bytes()),
            };
            let told = format!("{:?}", refused(&reply).trouble);
            assert!(!told.contains("geheim"), "{told}");
        });
    }
}
