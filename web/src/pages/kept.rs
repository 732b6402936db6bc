//! A link from a mail that somebody is to come back to after a sign-in at a provider.
//!
//! Where to go on to is kept in the store while they are away, and no token may lie there. So the
//! token of the link stays in a cookie of the browser that has opened it, and the store has a blank
//! in its place.

use clavis_broker::tokens::PlainToken;

/// Pages whose path ends with a token.
const WITH_TOKEN: [&str; 2] = ["/review/", "/key/"];
/// What stands for it in the store.
const BLANK: &str = "-";

/// The path as the store may have it, and the token for the browser. A path that has a token
/// anywhere else is given up for home.
pub(super) fn apart(path: &str) -> (String, Option<PlainToken>) {
    if let Some((place, token, query)) = parts(path)
        && let Some(token) = PlainToken::parse(token)
        && !has_token(query)
    {
        return (format!("{place}{BLANK}{query}"), Some(token));
    }
    let kept = if has_token(path) { "/" } else { path };
    (kept.to_owned(), None)
}

/// The path with the token that the browser has kept; home where it has kept none.
pub(super) fn together(path: &str, token: Option<&PlainToken>) -> String {
    match (parts(path), token) {
        (Some((place, BLANK, query)), Some(token)) => {
            format!("{place}{}{query}", token.expose())
        }
        (Some((_, BLANK, _)), None) => "/".to_owned(),
        _ => path.to_owned(),
    }
}

/// Of the path of a link: what stands before its token, where that stands, and the query.
fn parts(path: &str) -> Option<(&'static str, &str, &str)> {
    let found = |place: &'static str| Some((place, path.strip_prefix(place)?));
    let (place, rest) = WITH_TOKEN.into_iter().find_map(found)?;
    let (token, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    Some((place, token, query))
}

fn has_token(path: &str) -> bool {
    let mut parts = path.split(['/', '?', '&', '=', '#']);
    parts.any(|part| PlainToken::parse(part).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_comes_apart_and_together_again() {
        let token = "0a".repeat(32);
        for (path, kept) in [
            (format!("/review/{token}"), "/review/-"),
            (
                format!("/review/{token}?choice=approve"),
                "/review/-?choice=approve",
            ),
            (format!("/key/{token}"), "/key/-"),
        ] {
            let (stored, cookie) = apart(&path);
            assert_eq!(stored, kept);
            assert_eq!(together(&stored, cookie.as_ref()), path);
            assert_eq!(together(&stored, None), "/");
        }
    }

    #[test]
    fn no_token_is_left_for_the_store() {
        let token = "0a".repeat(32);
        for path in [
            format!("/requests/new?asset={token}"),
            format!("/review/{token}?choice={token}"),
            format!("/review/{token}/{token}"),
            format!("/{token}"),
        ] {
            let (stored, cookie) = apart(&path);
            assert_eq!((&*stored, cookie), ("/", None), "{path}");
        }
        for path in [
            "/",
            "/requests/K7Q-4MX2",
            "/requests/new?asset=LT-1",
            "/review/x",
        ] {
            let (stored, cookie) = apart(path);
            assert_eq!((&*stored, &cookie), (path, &None));
            assert_eq!(together(&stored, None), path);
        }
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn no_path_leaves_a_token_for_the_store_and_each_comes_together_again() {
        let token = "0123456789abcdef".repeat(4);
        let pieces = [
            token.as_str(),
            "/review/",
            "/key/",
            "-",
            "?",
            "&",
            "=",
            "#",
            "/",
            "%2F",
            "é",
        ];
        check!().for_each(|bytes: &[u8]| {
            let path = spelled(bytes, &pieces);
            let (stored, kept) = apart(&path);
            let mut parts = stored.split(['/', '?', '&', '=', '#']);
            assert!(
                parts.all(|part| PlainToken::parse(part).is_none()),
                "{stored}"
            );
            match &kept {
                Some(kept) => assert_eq!(together(&stored, Some(kept)), path),
                None => assert!(stored == path || stored == "/"),
            }
            assert!(!together(&stored, None).starts_with("/review/-?"));
        });
    }
}
