//! A question to Graph: where it goes, and which permission it needs.

use std::fmt::{self, Write as _};

use reqwest::{Method, Url};

/// A question to Graph, put together so that no value can become syntax.
#[must_use]
pub struct Call {
    method: Method,
    segments: Vec<String>,
    query: String,
    needs: &'static str,
    eventual: bool,
    is_order: bool,
}

/// The services behind Graph, each with limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Devices, people and groups.
    Directory,
    /// Whose devices are whose: what can be done without, and so must not hold up the rest of the
    /// directory.
    Owners,
    /// Recovery keys.
    Keys,
    /// Intune.
    Intune,
    /// Exchange Online.
    Mail,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "the directory",
            Self::Owners => "owners of devices",
            Self::Keys => "recovery keys",
            Self::Intune => "Intune",
            Self::Mail => "mail",
        })
    }
}

impl Call {
    /// A question below `/v1.0` or `/beta`.
    pub fn get(version: &'static str) -> Self {
        Self::new(Method::GET, version)
    }

    /// An order below `/v1.0` or `/beta`.
    pub fn post(version: &'static str) -> Self {
        Self {
            is_order: true,
            ..Self::new(Method::POST, version)
        }
    }

    /// A question below `/v1.0` or `/beta` that is put like an order, with something sent along.
    pub fn inquire(version: &'static str) -> Self {
        Self::new(Method::POST, version)
    }

    /// One more segment of the path, whatever is in it.
    pub fn segment(mut self, segment: impl Into<String>) -> Self {
        self.segments.push(segment.into());
        self
    }

    /// A parameter: `$filter`, `$select`, `$top`.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        encode(name, &mut self.query);
        self.query.push('=');
        encode(value, &mut self.query);
        self
    }

    /// The least application permission that the call needs, which is named where it is missing.
    pub fn needs(mut self, permission: &'static str) -> Self {
        self.needs = permission;
        self
    }

    /// Asks for advanced queries, whose answers may be some seconds behind
    /// (`ConsistencyLevel: eventual`).
    pub fn eventual(mut self) -> Self {
        self.eventual = true;
        self
    }

    /// The address below `base`. `None` where a segment would not stay one: nothing has such an
    /// identifier. Addresses are written without control characters, so that one between two dots
    /// would leave the dots alone.
    pub(super) fn url(&self, base: &Url) -> Option<Url> {
        let is_sound = |segment: &String| {
            !matches!(segment.trim(), "" | "." | "..") && !segment.contains(char::is_control)
        };
        if !self.segments.iter().all(is_sound) {
            return None;
        }
        let mut url = base.clone();
        url.path_segments_mut().ok()?.clear().extend(&self.segments);
        url.set_query((!self.query.is_empty()).then_some(&self.query));
        Some(url)
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn permission(&self) -> &'static str {
        self.needs
    }

    /// Whether it changes something, so that it is not to be carried out twice.
    pub(super) fn is_order(&self) -> bool {
        self.is_order
    }

    pub(super) fn is_eventual(&self) -> bool {
        self.eventual
    }

    /// The service behind Graph that answers.
    pub(super) fn service(&self) -> Service {
        match (
            self.segments.get(1).map(String::as_str),
            self.segments.last().map(String::as_str),
        ) {
            (_, Some("sendMail")) => Service::Mail,
            (Some("informationProtection"), _) => Service::Keys,
            (Some("deviceManagement"), _) | (_, Some("managedDevices")) => Service::Intune,
            (_, Some("registeredOwners" | "registeredUsers")) => Service::Owners,
            _ => Service::Directory,
        }
    }

    fn new(method: Method, version: &'static str) -> Self {
        Self {
            method,
            segments: vec![version.to_owned()],
            query: String::new(),
            needs: "",
            eventual: false,
            is_order: false,
        }
    }
}

/// A filter: the property has this value, whatever is in it.
pub fn equals(property: &str, value: &str) -> String {
    format!("{property} eq '{}'", value.replace('\'', "''"))
}

/// A filter: the property begins with this value, whatever is in it.
pub(crate) fn begins(property: &str, value: &str) -> String {
    format!("startswith({property},'{}')", value.replace('\'', "''"))
}

/// Whether a property has the value that was asked for, as Graph compares texts: whatever their
/// case. What the service filters is filtered once more, since what is done with an answer about
/// something else may be past undoing.
pub(crate) fn says(property: Option<&str>, value: &str) -> bool {
    property.is_some_and(|property| property.to_lowercase() == value.to_lowercase())
}

/// Percent-encodes all but what never means anything in a query (RFC 3986, section 2.3), the comma
/// between names, and the dollar before them. A space becomes `%20`: Graph is not known to take
/// `+` everywhere.
fn encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' | b'$' => {
                to.push(char::from(byte));
            }
            _ => {
                let _ = write!(to, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(call: &Call) -> String {
        let base = Url::parse("https://graph.microsoft.com").unwrap();
        call.url(&base).expect("an address").into()
    }

    #[test]
    fn values_stay_values() {
        let call = Call::get("v1.0")
            .segment("devices")
            .query("$filter", &equals("displayName", "O'Neil & 100% +1#ä"))
            .query("$select", "id,displayName");
        assert_eq!(
            url(&call),
            "https://graph.microsoft.com/v1.0/devices?$filter=displayName%20eq%20%27O%27%27Neil\
             %20%26%20100%25%20%2B1%23%C3%A4%27&$select=id,displayName"
        );
        let call = Call::get("v1.0")
            .segment("users")
            .segment("a/b?c#EXT#@x")
            .segment("manager");
        assert_eq!(
            url(&call),
            "https://graph.microsoft.com/v1.0/users/a%2Fb%3Fc%23EXT%23@x/manager"
        );
    }

    #[test]
    fn beginnings_stay_values() {
        let filter = begins("mail", "o'neil') or startswith(id,'");
        assert_eq!(filter, "startswith(mail,'o''neil'') or startswith(id,''')");
    }

    #[test]
    fn an_identifier_of_dots_leads_nowhere_else() {
        let base = Url::parse("https://graph.microsoft.com").unwrap();
        for id in [
            "", " ", ".", "..", ".\t.", "\n..", ".\r", "a\tb", "\u{0}", "\u{7f}",
        ] {
            let call = Call::get("v1.0").segment("devices").segment(id);
            assert!(call.url(&base).is_none(), "{id:?}");
        }
        // Encoded by hand it is a name like any other.
        let call = Call::get("v1.0").segment("devices").segment("%2e%2e");
        assert!(url(&call).ends_with("/devices/%252e%252e"));
    }

    #[test]
    fn services_are_told_apart_by_their_paths() {
        let path = |segments: &[&str]| {
            let call = Call::get("v1.0");
            let call = segments.iter().fold(call, |call, s| call.segment(*s));
            call.service()
        };
        assert_eq!(path(&["devices"]), Service::Directory);
        assert_eq!(path(&["devices", "a", "registeredOwners"]), Service::Owners);
        assert_eq!(path(&["devices", "a", "registeredUsers"]), Service::Owners);
        assert_eq!(path(&["users", "a", "managedDevices"]), Service::Intune);
        assert_eq!(path(&["users", "a", "sendMail"]), Service::Mail);
        assert_eq!(path(&["informationProtection", "bitlocker"]), Service::Keys);
        assert_eq!(path(&["deviceManagement"]), Service::Intune);
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn whatever_is_asked_for_it_stays_one_segment_and_one_literal() {
        let pieces = [
            "/",
            "\\",
            "..",
            ".",
            "%2e",
            "%2F",
            "?",
            "#",
            "&",
            "=",
            "'",
            "''",
            "+",
            "%",
            "\t",
            "é",
            "@",
            ":",
            "//",
            "' or 1 eq 1",
            "\u{a0}",
        ];
        let base = Url::parse("https://graph.microsoft.com").unwrap();
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let call = Call::get("v1.0")
                .segment("users")
                .segment(&*text)
                .query("$filter", &equals("mail", &text))
                .query("$top", "1");
            let Some(url) = call.url(&base) else { return };
            assert_eq!(url.origin(), base.origin());
            assert_eq!((url.username(), url.fragment()), ("", None));
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            assert_eq!(segments[..2], ["v1.0", "users"]);
            let [segment] = segments[2..] else {
                panic!("{url}")
            };
            assert_eq!(decoded(segment), text, "{url}");

            let pairs: Vec<_> = url.query_pairs().collect();
            assert_eq!(pairs.len(), 2, "{url}");
            let literal = pairs[0].1.strip_prefix("mail eq '").unwrap();
            let literal = literal.strip_suffix('\'').unwrap();
            // Every quote in a literal is two (OData, URL Conventions, section 5.1.1.6.1).
            let mut parts = literal.split("''");
            assert!(parts.all(|part| !part.contains('\'')), "{literal}");
            assert_eq!(literal.replace("''", "'"), text);
        });
    }

    /// What a part of an address stands for (RFC 3986, section 2.1).
    fn decoded(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(match byte {
                b'%' => u8::try_from(digit().unwrap() * 16 + digit().unwrap()).unwrap(),
                byte => byte,
            });
        }
        String::from_utf8(bytes).unwrap()
    }
}
