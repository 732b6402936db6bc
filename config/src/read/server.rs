//! `[server]`, `[organisation]` and `[support]`: the front door, and whose it is.

use std::net::{IpAddr, Ipv6Addr};

use toml::de::DeValue;

use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Organisation, Server, Support};
use crate::values::{ip, is_host, mail, socket, text, time_zone};

/// Reads `[server]`.
pub(super) fn server(section: &Section<'_>) -> Option<Server> {
    let listen = section.required("listen", socket);
    let public_url = section.required("public_url", public_url);
    let trusted_proxies = section.list("trusted_proxies", ip);
    let listen = listen?;
    if !listen.ip().is_loopback() && trusted_proxies.is_empty() {
        section.problem(
            "listen",
            "`listen` is reachable from other machines, in plain HTTP",
            "Listen on 127.0.0.1 behind a reverse proxy on this machine, or name the proxy that \
             connects from another one in `trusted_proxies`.",
        );
    }
    Some(Server {
        listen,
        public_url: public_url?,
        trusted_proxies,
    })
}

/// Reads `[organisation]`.
pub(super) fn organisation(section: &Section<'_>) -> Option<Organisation> {
    let name = section.required("name", text);
    let time_zone = section.required("time_zone", time_zone);
    Some(Organisation {
        name: name?,
        time_zone: time_zone?,
    })
}

/// Reads `[support]`.
pub(super) fn support(section: &Section<'_>) -> Option<Support> {
    let phone = section.required("phone", text);
    let hours = section.required("hours", text);
    let mail = section.optional("mail", mail);
    Some(Support {
        phone: phone?,
        hours: hours?,
        mail,
    })
}

/// The address that people use, in the form in which browsers write an origin: lower case, and no
/// port where it is the usual one.
fn public_url(value: &DeValue<'_>) -> Result<String, Wrong> {
    let url = text(value)?.to_ascii_lowercase();
    let (scheme, place) = url.split_once("://").unwrap_or(("", &url));
    let usual_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => {
            return Err(Wrong::new(
                "does not begin with https://",
                "Write it as \"https://keys.example.com\".",
            ));
        }
    };
    let place = place.strip_suffix(usual_port).unwrap_or(place);
    let host = host_of(place).ok_or_else(|| {
        Wrong::new(
            "is not the address of a server alone",
            "Write it as \"https://keys.example.com\" or \"https://keys.example.com:8443\": no \
             path, no slash at the end, and a name with other letters than a to z as \"xn--…\".",
        )
    })?;
    if scheme == "http" && !is_loopback(host) {
        return Err(Wrong::new(
            "would send recovery keys through the network unprotected",
            "Write \"https://…\"; http:// is for localhost alone.",
        ));
    }
    Ok(format!("{scheme}://{place}"))
}

/// The host of `host`, `host:port`, `[address]` or `[address]:port`; `None` for anything else.
fn host_of(place: &str) -> Option<&str> {
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

fn is_loopback(host: &str) -> bool {
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
        public_url(DeValue::parse(&quoted).expect("a value").get_ref())
    }

    #[test]
    fn the_public_address_is_written_as_browsers_write_an_origin() {
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
