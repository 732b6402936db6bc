//! Whom a trusted reverse proxy names in a header. The header counts from the proxy's own addresses
//! alone, by the connection itself: whatever the request says of where it comes from is its own word.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use clavis_broker::people::MailAddress;
use clavis_broker::ports::PersonQuery;

use crate::app::App;

/// A reverse proxy that says in a header who people are.
#[derive(Debug, Clone)]
pub struct TrustedHeader {
    /// The header's name.
    pub header: String,
    /// The addresses that the proxy connects from.
    pub from: Vec<IpAddr>,
    /// What is in it.
    pub names: Names,
    /// What people are known by, on the button.
    pub account: String,
}

/// What a proxy names people by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// The name to sign in with.
    Login,
    /// The mail address.
    Mail,
}

/// Whom the proxy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// What to ask the directory.
    pub(crate) query: PersonQuery,
    /// What the proxy said, to the letter.
    pub(crate) value: String,
}

/// As an argument of a handler: whom a trusted proxy names in this request, if there is one and it
/// does.
pub(crate) struct ByProxy(pub(crate) Option<Named>);

impl FromRequestParts<App> for ByProxy {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts, app))
    }
}

impl ByProxy {
    /// Whom the proxy names in this request.
    pub(crate) fn of(parts: &Parts, app: &App) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| peer.ip());
        let trusted = app.site.trusted_header.as_ref();
        let both = peer.zip(trusted);
        Self(both.and_then(|(peer, trusted)| named(peer, &parts.headers, trusted)))
    }
}

/// The longest name that is looked up.
const LONGEST: usize = 254;

/// Whom a request names that comes from `peer`: nobody unless that is the proxy, and there is one
/// header with one name. Two are a sign that somebody else has written one of them.
fn named(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedHeader) -> Option<Named> {
    let peer = peer.to_canonical();
    if !trusted.from.iter().any(|from| from.to_canonical() == peer) {
        return None;
    }
    let mut lines = headers.get_all(trusted.header.as_str()).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    let value = std::str::from_utf8(line.as_bytes()).ok()?;
    // In ASCII, without white space. Directories compare without regard to accents and width, so that
    // a name in other letters could find whom it only looks like. A comma is how lines are joined.
    let is_sound = |byte: u8| byte.is_ascii_graphic() && byte != b',';
    if !(1..=LONGEST).contains(&value.len()) || !value.bytes().all(is_sound) {
        return None;
    }
    let query = match trusted.names {
        Names::Login => PersonQuery::Login(value.to_owned()),
        Names::Mail => PersonQuery::Mail(MailAddress::parse(value).ok()?),
    };
    let value = value.to_owned();
    Some(Named { query, value })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PROXY: &str = "10.0.0.5";

    fn trusted(names: Names) -> TrustedHeader {
        TrustedHeader {
            header: "x-remote-user".to_owned(),
            from: vec![PROXY.parse().unwrap(), "2001:db8::5".parse().unwrap()],
            names,
            account: "your work account".to_owned(),
        }
    }

    fn told(peer: &str, names: Names, lines: &[(&'static str, &[u8])]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            // Of what no header can hold there is nothing to tell: the server refuses the request.
            headers.append(*name, HeaderValue::from_bytes(line).unwrap());
        }
        let found = named(peer.parse().unwrap(), &headers, &trusted(names))?;
        match (&found.query, names) {
            (PersonQuery::Login(login), Names::Login) => assert_eq!(*login, found.value),
            (PersonQuery::Mail(mail), Names::Mail) => assert_eq!(mail.as_str(), found.value),
            other => panic!("{other:?}"),
        }
        Some(found.value)
    }

    fn login(peer: &str, lines: &[(&'static str, &[u8])]) -> Option<String> {
        told(peer, Names::Login, lines)
    }

    #[test]
    fn the_proxy_alone_is_believed_and_by_its_connection_alone() {
        let anna = ("x-remote-user", b"anna".as_slice());
        for proxy in [PROXY, "::ffff:10.0.0.5", "2001:db8::5"] {
            assert_eq!(login(proxy, &[anna]).as_deref(), Some("anna"), "{proxy}");
        }
        for other in ["10.0.0.6", "127.0.0.1", "::1", "::ffff:10.0.0.6"] {
            let lies: [(&str, &[u8]); 5] = [
                anna,
                ("x-forwarded-for", PROXY.as_bytes()),
                ("x-real-ip", PROXY.as_bytes()),
                ("forwarded", b"for=10.0.0.5"),
                ("x-forwarded-host", PROXY.as_bytes()),
            ];
            assert_eq!(login(other, &lies), None, "{other}");
        }
        // And what it says of whom it speaks for changes nothing.
        let forwarded = ("x-forwarded-for", b"203.0.113.9".as_slice());
        assert_eq!(login(PROXY, &[anna, forwarded]).as_deref(), Some("anna"));
    }

    #[test]
    fn one_header_with_one_name_is_wanted() {
        let header = "x-remote-user";
        assert_eq!(login(PROXY, &[]), None);
        assert_eq!(login(PROXY, &[("remote-user", b"anna")]), None);
        assert_eq!(login(PROXY, &[("x_remote_user", b"anna")]), None);
        for two in [[b"anna".as_slice(), b"anna"], [b"", b"anna"]] {
            assert_eq!(login(PROXY, &[(header, two[0]), (header, two[1])]), None);
        }
        let long = "a".repeat(255);
        for wrong in [
            b"".as_slice(),
            b" ",
            b"anna boss",
            b"anna, boss",
            b"anna,boss",
            b"anna\tboss",
            b"\xff\xfe",
            b"\xc3\xa4nna",
            "\u{212a}eller".as_bytes(),
            long.as_bytes(),
        ] {
            assert_eq!(login(PROXY, &[(header, wrong)]), None, "{wrong:?}");
        }
        for right in ["anna", "anna@CORP.EXAMPLE.COM", r"CORP\anna", &long[1..]] {
            let found = login(PROXY, &[(header, right.as_bytes())]);
            assert_eq!(found.as_deref(), Some(right));
        }
    }

    #[test]
    fn where_it_names_addresses_nothing_else_counts() {
        let mail = |line: &'static [u8]| told(PROXY, Names::Mail, &[("x-remote-user", line)]);
        let anna = "anna@example.com";
        assert_eq!(mail(anna.as_bytes()).as_deref(), Some(anna));
        for wrong in [b"anna".as_slice(), b"@", b"a@b@c", b"<a@b>", b"a@b;c@d"] {
            assert_eq!(mail(wrong), None);
        }
    }
}

#[cfg(test)]
mod fuzz {
    use axum::http::HeaderValue;
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn a_proxy_names_one_person_in_plain_letters_or_nobody() {
        let pieces = [
            "anna",
            "@",
            "example.com",
            ",",
            " ",
            "\t",
            "é",
            "\u{212a}",
            ";",
            "\"",
            "\n",
        ];
        let proxy: IpAddr = "10.0.0.5".parse().unwrap();
        check!().for_each(|bytes: &[u8]| {
            let written = spelled(bytes, &pieces);
            let mut headers = HeaderMap::new();
            for line in written.split('\n') {
                if let Ok(line) = HeaderValue::from_bytes(line.as_bytes()) {
                    headers.append("x-remote-user", line);
                }
            }
            for names in [Names::Login, Names::Mail] {
                let trusted = TrustedHeader {
                    header: "x-remote-user".to_owned(),
                    from: vec![proxy],
                    names,
                    account: String::new(),
                };
                let stranger = "10.0.0.6".parse().unwrap();
                assert_eq!(named(stranger, &headers, &trusted), None);
                if let Some(Named { value, .. }) = named(proxy, &headers, &trusted) {
                    assert_eq!(headers.len(), 1);
                    assert_eq!(headers["x-remote-user"], value);
                    assert!(
                        value
                            .bytes()
                            .all(|byte| byte.is_ascii_graphic() && byte != b',')
                    );
                }
            }
        });
    }
}
