//! The address of a server alone: `https://host` or `https://host:port`.

use std::net::{IpAddr, Ipv6Addr};

use toml::de::DeValue;

use crate::problems::Wrong;
use crate::values::{is_host, text};

/// The address, in the form in which browsers write an origin: lower case, and no port where it is
/// the usual one. `http://` is for this machine alone: `unprotected` says what it would do
/// elsewhere. `example` shows an address that is meant.
pub(super) fn address(
    value: &DeValue<'_>,
    example: &str,
    unprotected: &str,
) -> Result<String, Wrong> {
    let url = text(value)?.to_ascii_lowercase();
    let (scheme, place) = url.split_once("://").unwrap_or(("", &url));
    let usual_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => {
            return Err(Wrong::new(
                "does not begin with https://",
                format!("Write it as \"{example}\"."),
            ));
        }
    };
    let place = place.strip_suffix(usual_port).unwrap_or(place);
    let host = host_of(place).ok_or_else(|| {
        Wrong::new(
            "is not the address of a server alone",
            format!(
                "Write it as \"{example}\" or \"{example}:8443\": no path, no slash at the end, \
                 and a name with other letters than a to z as \"xn--…\"."
            ),
        )
    })?;
    if scheme == "http" && !is_loopback(host) {
        return Err(Wrong::new(
            unprotected,
            "Write \"https://…\"; http:// is for localhost alone.",
        ));
    }
    Ok(format!("{scheme}://{place}"))
}

/// The host of `host`, `host:port`, `[address]` or `[address]:port`; `None` for anything else.
pub(super) fn host_of(place: &str) -> Option<&str> {
    let is_port = |port: &str| {
        port.bytes().all(|digit| digit.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if let Some(rest) = place.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        let sound = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        return sound.then_some(address);
    }
    let (host, port) = match place.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    };
    (is_host(host) && port.is_none_or(is_port)).then_some(host)
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<String, Wrong> {
        let quoted = format!("\"{url}\"");
        let value = DeValue::parse(&quoted).expect("a value");
        address(value.get_ref(), "https://keys.example.com", "is open")
    }

    #[test]
    fn an_address_is_written_as_browsers_write_an_origin() {
        for (given, taken) in [
            ("https://keys.example.com", "https://keys.example.com"),
            ("HTTPS://Keys.Example.com:443", "https://keys.example.com"),
            (
                "https://keys.example.com:8443",
                "https://keys.example.com:8443",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:80", "http://localhost"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(read(given).as_deref(), Ok(taken));
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for wrong in [
            "keys.example.com",
            "ftp://keys.example.com",
            "https://",
            "https://keys.example.com/",
            "https://keys.example.com/clavis",
            "https://keys.example.com?x",
            "https://anna@keys.example.com",
            "https://keys.example.com:",
            "https://keys.example.com:0",
            "https://keys.example.com:99999",
            "https://keys example.com",
            "https://schlüssel.example.com",
            "https://[::1",
            "http://keys.example.com",
            "http://10.0.0.1:8080",
            "http://127.0.0.1.example.com",
        ] {
            read(wrong).unwrap_err();
        }
    }
}
