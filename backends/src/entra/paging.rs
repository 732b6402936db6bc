//! Lists that come in pages.

use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::call::Call;
use super::client::Question;
use super::tenant::{Tenant, parse};
use super::{Trouble, wire};

/// The most pages of one list.
const PAGES: usize = 200;

/// The most entries of one list: more than anything that is asked for here has.
const ENTRIES: usize = 20_000;

#[derive(Deserialize)]
struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

impl Tenant {
    /// The first page of a list, as long as its call says (`$top`) or the service likes.
    pub(crate) async fn first_page<T: DeserializeOwned>(
        &self,
        call: &Call,
    ) -> Result<Vec<T>, Trouble> {
        let page: Option<Page<T>> = self.get(call).await?;
        Ok(page.map(|page| page.value).unwrap_or_default())
    }

    /// All entries of a list; none where what was asked about is not there.
    ///
    /// # Errors
    /// Also where a page names another server as the place of the next: nothing is sent there.
    pub async fn list<T: DeserializeOwned>(&self, call: &Call) -> Result<Vec<T>, Trouble> {
        let deadline = self.deadline();
        let mut entries = Vec::new();
        let Some(first) = self.address(call)? else {
            return Ok(entries);
        };
        let mut url = first.clone();
        for _ in 0..PAGES {
            let question = Question::new(url, call);
            let Some(reply) = self.ask(&question, deadline).await? else {
                return Ok(entries);
            };
            let page: Page<T> = parse(&reply.body, call)?;
            entries.extend(page.value);
            if entries.len() > ENTRIES {
                break;
            }
            match page.next {
                None => return Ok(entries),
                Some(link) => url = next(&link, &first)?,
            }
        }
        Err(Trouble::Nonsense(format!(
            "a list about {} has no end",
            call.service()
        )))
    }
}

/// The address of the next page, if it is of the server that was asked.
fn next(link: &str, first: &Url) -> Result<Url, Trouble> {
    Url::parse(link)
        .ok()
        .filter(|url| {
            // The scheme as well: `blob:` has the origin of the address in it.
            url.scheme() == first.scheme()
                && url.origin() == first.origin()
                && url.username().is_empty()
                && url.password().is_none()
        })
        .ok_or_else(|| {
            let host = wire::host(first);
            Trouble::Nonsense(format!("{host} sends to another server for the next page"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_at_the_same_server() {
        let first = Url::parse("https://graph.microsoft.com/v1.0/devices").unwrap();
        for sound in [
            "https://graph.microsoft.com/v1.0/devices?$skiptoken=1",
            "https://graph.microsoft.com:443/v1.0/x",
            "https://GRAPH.microsoft.com/v1.0/x",
        ] {
            next(sound, &first).expect(sound);
        }
        for foreign in [
            "https://graph.microsoft.com.example.com/v1.0/devices",
            "https://graph.microsoft.com@example.com/v1.0/devices",
            "https://anna@graph.microsoft.com/v1.0/devices",
            "http://graph.microsoft.com/v1.0/devices",
            "https://graph.microsoft.com:8443/v1.0/devices",
            "/v1.0/devices",
            "//example.com/v1.0/devices",
            "blob:https://graph.microsoft.com/v1.0/devices",
            "data:,x",
            "",
        ] {
            let trouble = next(foreign, &first).expect_err(foreign);
            assert!(matches!(trouble, Trouble::Nonsense(_)));
        }
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    #[test]
    fn whatever_names_the_next_page_the_token_goes_to_the_same_server() {
        let sound = "https://graph.microsoft.com/v1.0/devices?$skiptoken=1";
        let pieces = [
            "https:",
            "http:",
            "//",
            "/",
            "\\",
            "@",
            ":",
            ".",
            "example.com",
            "graph.microsoft.com",
            "443",
            "%2e",
            "\t",
            "\u{3002}",
            "\u{ff0f}",
            "blob:",
            "?",
            "#",
            "[::1]",
            "anna",
            "",
        ];
        let first = Url::parse("https://graph.microsoft.com/v1.0/devices").unwrap();
        check!().for_each(|bytes: &[u8]| {
            let link = altered(sound, bytes, &pieces);
            match next(&link, &first) {
                Ok(url) => {
                    assert_eq!(url.host_str(), Some("graph.microsoft.com"), "{link}");
                    assert_eq!(url.port_or_known_default(), Some(443), "{link}");
                    assert_eq!((url.scheme(), url.username()), ("https", ""), "{link}");
                    assert!(url.as_str().starts_with("https://graph.microsoft.com/"));
                }
                Err(trouble) => assert!(!trouble.to_string().contains("example.com")),
            }
        });
    }
}
