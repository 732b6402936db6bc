//! Who may call: whoever shows one token in the header for it, and not without end.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use clavis_broker::programs::{Program, Scope};
use clavis_broker::service::TokenRefusal;
use clavis_broker::tokens::PlainToken;

use super::problem::{Kind, Problem};
use crate::app::App;
use crate::fault::Fault;
use crate::headers::only;

/// The program that calls for something that needs a scope.
pub(crate) async fn admit(
    app: &App,
    headers: &HeaderMap,
    scope: Scope,
    source: Option<IpAddr>,
) -> Result<Program, Fault> {
    app.limits.count_call_from(source).map_err(Problem::wait)?;
    if !headers.contains_key(AUTHORIZATION) {
        return Err(Problem::of(Kind::NoToken).into());
    }
    let token = bearer(headers);
    if let Some(token) = &token {
        let counted = app.limits.count_call_by(token.hash());
        counted.map_err(Problem::wait)?;
    }
    let known = app.broker.program(token.as_ref(), scope, source).await;
    match known {
        Ok(program) => Ok(program),
        Err(TokenRefusal::WrongScope) => Err(Problem::of(Kind::WrongScope(scope)).into()),
        Err(TokenRefusal::Invalid) => {
            let counted = app.limits.count_wrong_token(source);
            counted.map_err(Problem::wait)?;
            Err(Problem::of(Kind::InvalidToken).into())
        }
        Err(TokenRefusal::Unavailable(error)) => Err(error.into()),
    }
}

/// The token of the one header that there may be (RFC 6750, section 2.1). The name of the scheme is
/// taken in any case (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Option<PlainToken> {
    let (scheme, token) = only(headers, AUTHORIZATION)?.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| PlainToken::parse_of_program(token.trim_matches(' ')))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_in_one_header_alone() {
        let token = format!("clv_{}", "a".repeat(64));
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AUTHORIZATION, line.parse().unwrap());
            }
            bearer(&headers).is_some()
        };
        let right = format!("Bearer {token}");
        assert!(read(&[&right]));
        assert!(read(&[&format!("bearer  {token}")]));
        assert!(!read(&[&right, &right]));
        for wrong in [
            String::new(),
            token.clone(),
            format!("Basic {token}"),
            format!("Bearer{token}"),
            format!("Bearer {}", &token[4..]),
            format!("Bearer {token}, Bearer {token}"),
            format!("Bearer {token}0"),
        ] {
            assert!(!read(&[&wrong]), "{wrong}");
        }
    }
}
