//! From which address a request comes.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::app::App;

/// The client's address: the peer's, or what a trusted proxy says about it. `None` only where the
/// server does not tell us the peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source(pub(crate) Option<IpAddr>);

impl FromRequestParts<App> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let source = peer
            .map(|ConnectInfo(peer)| source(peer.ip(), &parts.headers, &app.site.trusted_proxies));
        Ok(Self(source))
    }
}

/// The right-most entry of `X-Forwarded-For` that no trusted proxy of ours made about another:
/// everything to its left was written by the client.
pub(crate) fn source(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|proxy| proxy.to_canonical() == ip);
    let mut nearest = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    for entry in entries {
        if !is_trusted(nearest) {
            break;
        }
        match address(entry.trim()) {
            Some(ip) => nearest = ip,
            None => break,
        }
    }
    nearest
}

/// Some proxies add a port.
fn address(text: &str) -> Option<IpAddr> {
    let ip = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    ip.ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        source(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(told("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(told("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(told("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(told("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_itself_does_not_count() {
        let forged = ["127.0.0.1, 192.0.2.7", "198.51.100.1, ::1"];
        assert_eq!(told("10.0.0.1", &forged), "198.51.100.1");
        assert_eq!(told("10.0.0.1", &["192.0.2.7, nonsense"]), "10.0.0.1");
        assert_eq!(told("10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
    }
}

#[cfg(test)]
mod fuzz {
    use axum::http::HeaderValue;
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn whatever_a_client_writes_before_it_the_word_of_a_trusted_proxy_counts() {
        let pieces = [
            ", ",
            "10.0.0.1",
            "::1",
            "::ffff:10.0.0.1",
            "192.0.2.7",
            "[2001:db8::1]:443",
            ":80",
            "\u{a0}",
            "unknown",
            "\t",
        ];
        let trusted: Vec<IpAddr> = ["10.0.0.1", "::1"].map(|ip| ip.parse().unwrap()).into();
        let client: IpAddr = "203.0.113.9".parse().unwrap();
        check!().for_each(|bytes: &[u8]| {
            let written = spelled(bytes, &pieces);
            let mut headers = HeaderMap::new();
            for line in written.split('\n') {
                if let Ok(line) = HeaderValue::from_bytes(line.as_bytes()) {
                    headers.append("x-forwarded-for", line);
                }
            }
            // A stranger is who connects, whatever they write.
            assert_eq!(source(client, &headers, &trusted), client);
            // Whoever is named is named in the header, or is the proxy itself.
            let named = source(trusted[0], &headers, &trusted);
            let lines = headers.get_all("x-forwarded-for").iter();
            let mut entries = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
            let is_there = entries.any(|entry| address(entry.trim()) == Some(named));
            assert!(named == trusted[0] || is_there, "{named} {written:?}");
            // The proxy adds its own line at the end.
            headers.append("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
            assert_eq!(source(trusted[0], &headers, &trusted), client);
        });
    }
}
