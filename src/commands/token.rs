//! `clavis token`: what programs show to do things by the API.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::people::MailAddress;
use clavis_broker::programs::{ProgramName, ProgramToken, Scope};
use clavis_broker::service::NewToken;
use jiff::SignedDuration;
use jiff::tz::Offset;

use super::shown;
use crate::Outcome;
use crate::output::say;

/// What a new token is to be.
#[derive(clap::Args)]
pub(crate) struct Wanted {
    /// What the program is called: letters, digits and -_.
    name: ProgramName,
    /// What it may do: requests:create, requests:read, requests:withdraw, requests:decide or
    /// events:read. Several are separated by commas, or named one by one
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        value_delimiter = ',',
        required = true
    )]
    scopes: Vec<Scope>,
    /// The mail address of the person in whose name it acts; needed to decide requests
    #[arg(long, value_name = "MAIL")]
    person: Option<String>,
    /// How long the token holds: days like 90d, or hours like 12h; two years at the most
    #[arg(long, value_name = "TIME", default_value = "365d", value_parser = time)]
    valid_for: SignedDuration,
}

/// A time in days, or as it is written in the configuration.
fn time(text: &str) -> Result<SignedDuration, String> {
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<i64>().ok());
    let hours = days.and_then(|days| days.checked_mul(24));
    let length = hours.and_then(SignedDuration::try_from_hours);
    length
        .or_else(|| text.parse().ok())
        .filter(|length| (SignedDuration::ZERO..=ProgramToken::LONGEST).contains(length))
        .ok_or_else(|| "write days like 90d, or hours like 12h, 730d at the most".to_owned())
}

/// Makes a token and prints it, once; what else is to be said goes beside it.
pub(crate) async fn make(config: &Path, wanted: Wanted) -> Outcome {
    let person = match &wanted.person {
        None => None,
        Some(mail) => {
            let read = MailAddress::parse(mail);
            Some(read.map_err(|_| format!("{mail} is not a mail address"))?)
        }
    };
    let broker = super::broker(config)?;
    let new = NewToken {
        name: wanted.name,
        scopes: wanted.scopes,
        person,
        valid_for: wanted.valid_for,
    };
    let (token, made) = broker.make_token(new, &super::operator()).await?;
    say!("{}", token.expose_of_program());
    super::remark(&format!(
        "This is the token of {}, until {}. It is shown this once: give it to the program, and nobody \
         else.",
        made.name,
        day(made.ends_at)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Lists all tokens: what they are good for, not what they are.
pub(crate) async fn list(config: &Path) -> Outcome {
    let broker = super::broker(config)?;
    let (tokens, now) = (broker.tokens().await?, broker.now());
    if tokens.is_empty() {
        say!("No program has a token.");
    }
    for token in tokens {
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let person = token.person.as_ref().map_or_else(String::new, |person| {
            format!(", for {} <{}>", person.name, person.mail)
        });
        let end = if now >= token.ends_at {
            "ended"
        } else {
            "until"
        };
        let used = token.used_on.map_or_else(
            || "never used".to_owned(),
            |at| format!("last used {}", day(at)),
        );
        let line = format!(
            "{}  {}{person}  made {}, {end} {}, {used}",
            token.name,
            scopes.join(","),
            day(token.made_at),
            day(token.ends_at)
        );
        say!("{}", shown(&line));
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends the token of a program.
pub(crate) async fn revoke(config: &Path, name: &ProgramName) -> Outcome {
    let broker = super::broker(config)?;
    if broker.revoke_token(name, &super::operator()).await? {
        say!("The token of {name} is ended.");
        Ok(ExitCode::SUCCESS)
    } else {
        Err(format!("no program has a token of the name {name}; see `clavis token list`").into())
    }
}

fn day(at: jiff::Timestamp) -> String {
    Offset::UTC.to_datetime(at).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_or_hours_and_bounded() {
        for (text, hours) in [("1d", 24), ("365d", 8760), ("730d", 17520), ("12h", 12)] {
            assert_eq!(time(text), Ok(SignedDuration::from_hours(hours)), "{text}");
        }
        for text in [
            "",
            "d",
            "731d",
            "-1d",
            "99999999999999999999d",
            "9223372036854775807d",
            "1",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
