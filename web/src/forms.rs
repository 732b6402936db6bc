//! Forms: only from our own pages, only as long as they must be, and only with the token that the
//! page was served with.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::fault::Fault;
use crate::site::Site;

/// A form that came from a page of ours. What is in it can only be had by saying whose form it
/// must be.
#[must_use]
pub(crate) struct Posted<T> {
    form_token: String,
    fields: T,
}

impl<T> Posted<T> {
    /// The fields, if the form was served to whoever holds this token.
    pub(crate) fn served_to(self, holder: &PlainToken) -> Result<T, Fault> {
        match PlainToken::parse(&self.form_token) {
            Some(token) if token == holder.form_token() => Ok(self.fields),
            _ => Err(Fault::ForeignForm),
        }
    }

    /// The fields of a form that anybody may send, signed in or not.
    pub(crate) fn served_to_anybody(self) -> T {
        self.fields
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    #[serde(default)]
    form_token: String,
    #[serde(flatten)]
    fields: T,
}

impl<T: DeserializeOwned> FromRequest<App> for Posted<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &App) -> Result<Self, Fault> {
        if !is_own(request.headers(), &app.site) {
            return Err(Fault::ForeignForm);
        }
        let form = Form::<Envelope<T>>::from_request(request, app).await;
        let Form(Envelope { form_token, fields }) = form.map_err(|why| fault_of(&why))?;
        Ok(Self { form_token, fields })
    }
}

/// Whether the browser says that the form comes from a page of ours.
///
/// `Sec-Fetch-Site` is asked first: under the referrer policy `no-referrer` browsers send
/// `Origin: null` with a form, from whichever site. A browser too old for the one header may send
/// that `null` or nothing at all; then the form's token has to do alone, as it could.
fn is_own(headers: &HeaderMap, site: &Site) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    match headers.get("origin").map(HeaderValue::as_bytes) {
        None | Some(b"null") => true,
        Some(origin) => origin.eq_ignore_ascii_case(site.url("").as_bytes()),
    }
}

fn fault_of(rejection: &FormRejection) -> Fault {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Fault::TooLarge
    } else {
        Fault::Malformed
    }
}

/// What an address's query says; whatever cannot be read is passed over.
pub(crate) fn query<T: DeserializeOwned + Default>(uri: &Uri) -> T {
    Query::try_from_uri(uri)
        .map(|Query(query)| query)
        .unwrap_or_default()
}

/// A path with a query.
pub(crate) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()))
        .finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// A page of ours to go to next, as a form or an address says; home for anything else. Browsers
/// take `//host`, `/\host` and `/⇥/host` for other sites.
pub(crate) fn local_path(text: &str) -> &str {
    let is_path = text.starts_with('/') && !text[1..].starts_with(['/', '\\']);
    let is_plain = text.len() <= 2000 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_path && is_plain && !text.starts_with("/sign-") {
        text
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_gone_to() {
        for path in ["/", "/requests/K7Q-4MX2", "/requests/new?asset=LT+1"] {
            assert_eq!(local_path(path), path);
        }
        for other in [
            "",
            "requests",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "/\t/evil.example",
            "/ /evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/sign-out",
            "/é",
            "/a\r\nset-cookie:b",
        ] {
            assert_eq!(local_path(other), "/", "{other:?}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(
            with_query("/a", &[("next", "/b?c=d&e"), ("none", "")]),
            "/a?next=%2Fb%3Fc%3Dd%26e"
        );
        assert_eq!(with_query("/a", &[("next", "")]), "/a");
    }
}

#[cfg(test)]
mod fuzz {
    use std::collections::BTreeMap;

    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn wherever_a_page_leads_to_it_is_ours() {
        let pieces = [
            "/",
            "//",
            "\\",
            "\t",
            "\r\n",
            "evil.example",
            "@",
            ":",
            "http:",
            "javascript:",
            "?",
            "#",
            "%2f",
            "%5c",
            "..",
            "sign-",
            "é",
            "\u{2044}",
            ";",
        ];
        let ours: Uri = "https://clavis.example.com/".parse().unwrap();
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let path = local_path(&text);
            assert!(path == "/" || path == text);
            assert!(path.starts_with('/') && !path.starts_with("//"));
            assert!(HeaderValue::from_str(path).is_ok());
            // As in the head of an answer: a path, and no host of somebody else's.
            if let Ok(uri) = path.parse::<Uri>() {
                assert!(
                    uri.host().is_none_or(|host| Some(host) == ours.host()),
                    "{path}"
                );
            }

            let address = with_query("/a", &[("next", &text), ("b", "1")]);
            let read: BTreeMap<String, String> = query(&address.parse().unwrap());
            assert_eq!(read.get("next").map_or("", String::as_str), text);
            assert_eq!(read["b"], "1");
        });
    }
}
