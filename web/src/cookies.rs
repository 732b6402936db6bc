//! The cookies: a browser's session, its sign-in under way, by mail or at a provider, and the link
//! that it comes back to from there. Each holds a token and nothing else, and no script can read
//! them.

use axum::http::header::{COOKIE, InvalidHeaderValue};
use axum::http::{HeaderMap, HeaderValue};
use clavis_broker::tokens::PlainToken;

use crate::site::Site;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Sent along when somebody follows a link from a mail (`Lax`): otherwise they would seem to
    /// be signed out. That is safe because nothing changes on GET.
    Session,
    /// Only ever needed between two pages of ours (`Strict`).
    SignIn,
    /// Comes back with the answer of a provider, which is another site (`Lax`), and is gone soon.
    ProviderSignIn,
    /// The token of the link that somebody wanted to open, for when they come back from a provider
    /// (`Lax`).
    Link,
}

/// How long browsers keep the cookies of a sign-in at a provider, in seconds: as long as that is
/// valid.
const AT_A_PROVIDER: u32 = 600;

impl Cookie {
    /// The token in the cookie, if the browser has sent one that can be one.
    pub(crate) fn read(self, headers: &HeaderMap, site: &Site) -> Option<PlainToken> {
        let name = self.name(site);
        let lines = headers.get_all(COOKIE).iter();
        lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(found, _)| *found == name)
            .and_then(|(_, value)| PlainToken::parse(value))
    }

    /// The header that gives the browser a token, until it is closed or the time is up.
    pub(crate) fn set(
        self,
        token: &PlainToken,
        site: &Site,
    ) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut line = self.line(token.expose(), site);
        if matches!(self, Self::ProviderSignIn | Self::Link) {
            line = format!("{line}; Max-Age={AT_A_PROVIDER}");
        }
        let mut header = HeaderValue::from_str(&line)?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// The header that takes it away again.
    pub(crate) fn clear(self, site: &Site) -> Result<HeaderValue, InvalidHeaderValue> {
        HeaderValue::from_str(&format!("{}; Max-Age=0", self.line("", site)))
    }

    /// The prefix `__Host-` makes browsers refuse the cookie from anybody but this very host, and
    /// needs `Secure`, which a browser may not keep for plain HTTP.
    fn name(self, site: &Site) -> &'static str {
        match (self, site.is_https()) {
            (Self::Session, true) => "__Host-clavis",
            (Self::Session, false) => "clavis",
            (Self::SignIn, true) => "__Host-clavis-sign-in",
            (Self::SignIn, false) => "clavis-sign-in",
            (Self::ProviderSignIn, true) => "__Host-clavis-provider",
            (Self::ProviderSignIn, false) => "clavis-provider",
            (Self::Link, true) => "__Host-clavis-link",
            (Self::Link, false) => "clavis-link",
        }
    }

    fn line(self, value: &str, site: &Site) -> String {
        let name = self.name(site);
        let same_site = match self {
            Self::Session | Self::ProviderSignIn | Self::Link => "Lax",
            Self::SignIn => "Strict",
        };
        let secure = if site.is_https() { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}")
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;
    use crate::testing::site;

    #[test]
    fn a_cookie_is_a_token_under_its_very_name_or_none() {
        let token = "0123456789abcdef".repeat(4);
        let pieces = [
            token.as_str(),
            "__Host-clavis",
            "clavis",
            "-sign-in",
            "-provider",
            "-link",
            "=",
            ";",
            "; ",
            "\"",
            "é",
            "__host-clavis=",
            "\t",
        ];
        let sites = [site("https://clavis.example.com"), site("http://127.0.0.1")];
        let all = [
            Cookie::Session,
            Cookie::SignIn,
            Cookie::ProviderSignIn,
            Cookie::Link,
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let mut headers = HeaderMap::new();
            for line in text.split('\n') {
                if let Ok(line) = HeaderValue::from_bytes(line.as_bytes()) {
                    headers.append(COOKIE, line);
                }
            }
            for site in &sites {
                for cookie in all {
                    let Some(found) = cookie.read(&headers, site) else {
                        continue;
                    };
                    let pair = format!("{}={}", cookie.name(site), found.expose());
                    assert!(text.contains(&pair), "{text:?}");
                    let set = cookie.set(&found, site).unwrap();
                    assert!(set.as_bytes().starts_with(pair.as_bytes()));
                }
            }
        });
    }
}
