//! Which groups and roles the provider says that somebody has. They only ever give people more rights,
//! so whatever cannot be taken whole is taken as none, and said in the log.

use std::collections::BTreeMap;

use serde_json::Value;

use super::token::Claims;

/// The most values that are taken: as many as Entra ID writes into a token.
const MOST: usize = 200;

/// The longest value, in characters.
const LONGEST: usize = 256;

/// What is taken of a claim.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// The values.
    pub(super) values: Vec<String>,
    /// What an operator should know. No name, no value.
    pub(super) warning: Option<&'static str>,
}

/// The values of the claim of this name: a list of texts, or the one text that AD FS writes where
/// there is one alone.
pub(super) fn taken(claims: &Claims, name: &str) -> Taken {
    let said = &claims.additional_claims().more;
    if is_elsewhere(said, name) {
        return Taken::none(TOO_MANY_FOR_ENTRA);
    }
    let texts: Vec<&str> = match said.get(name) {
        None | Some(Value::Null) => return Taken::default(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => match all.iter().map(Value::as_str).collect() {
            Some(texts) => texts,
            None => return Taken::none(NO_TEXTS),
        },
        Some(_) => return Taken::none(NO_TEXTS),
    };
    if texts.len() > MOST {
        return Taken::none(TOO_MANY);
    }
    let is_sound = |text: &&str| {
        !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control)
    };
    if !texts.iter().all(is_sound) {
        return Taken::none(NO_NAMES);
    }
    Taken {
        values: texts.into_iter().map(str::to_owned).collect(),
        warning: None,
    }
}

const TOO_MANY_FOR_ENTRA: &str = "somebody is in more groups than Entra ID writes into a token, so none of them count: let it \
     write the groups that are assigned to the application alone, or use app roles with \
     `roles_claim = \"roles\"`";
const TOO_MANY: &str = "the claim in `roles_claim` has more than 200 values, so none of them count: \
                        let the provider write those alone that mean something to Clavis";
const NO_TEXTS: &str = "the claim in `roles_claim` is no list of texts, so nothing of it counts: let \
                        the provider write a list of names";
const NO_NAMES: &str = "the claim in `roles_claim` has a value that is empty, longer than 256 \
                        characters or not printable, so none of them count: let the provider write names";

/// Whether Entra ID says that the claim is to be fetched elsewhere: it does so where somebody is in
/// too many groups.
fn is_elsewhere(said: &BTreeMap<String, Value>, name: &str) -> bool {
    let is_named = |names: &Value| names.get(name).is_some();
    let is_flagged = |flag: &Value| flag.as_bool() == Some(true) || flag.as_str() == Some("true");
    said.get("_claim_names").is_some_and(is_named)
        || (name == "groups" && said.get("hasgroups").is_some_and(is_flagged))
}

impl Taken {
    fn none(warning: &'static str) -> Self {
        Self {
            values: Vec::new(),
            warning: Some(warning),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(more: &Value, name: &str) -> Taken {
        let mut claims = json!({
            "iss": "https://sso.example.com", "sub": "1", "aud": "clavis", "exp": 2, "iat": 1,
            "name": "Anna", "oid": "o",
        });
        for (name, value) in more.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        taken(&serde_json::from_value(claims).expect("claims"), name)
    }

    #[test]
    fn the_values_of_the_claim_that_is_named_are_taken_and_no_others() {
        let both = json!({ "roles": ["desk", "Büro 2"], "groups": ["all"] });
        assert_eq!(of(&both, "roles").values, ["desk", "Büro 2"]);
        assert_eq!(of(&both, "groups").values, ["all"]);
        assert_eq!(of(&both, "other"), Taken::default());
        let one = json!({ "roles": "desk" });
        assert_eq!(of(&one, "roles").values, ["desk"]);
        let most = json!({ "roles": vec!["ä".repeat(256); 200] });
        assert_eq!(of(&most, "roles").values.len(), 200);
        // Those that say who somebody is name no role.
        for name in ["name", "sub", "oid"] {
            assert_eq!(of(&both, name), Taken::default(), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_taken_whole_is_none_and_an_operator_is_told() {
        for (claims, warning) in [
            (json!({ "groups": vec!["a"; 201] }), TOO_MANY),
            (json!({ "groups": ["a", "b".repeat(257)] }), NO_NAMES),
            (json!({ "groups": ["a", "b\nc"] }), NO_NAMES),
            (json!({ "groups": ["a", ""] }), NO_NAMES),
            (json!({ "groups": ["a", 1] }), NO_TEXTS),
            (json!({ "groups": { "a": true } }), NO_TEXTS),
            (json!({ "groups": true }), NO_TEXTS),
            (json!({ "hasgroups": true }), TOO_MANY_FOR_ENTRA),
            (
                json!({ "groups": ["a"], "hasgroups": "true" }),
                TOO_MANY_FOR_ENTRA,
            ),
            (
                json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": { "src1": {} } }),
                TOO_MANY_FOR_ENTRA,
            ),
        ] {
            let found = of(&claims, "groups");
            assert_eq!(found, Taken::none(warning), "{claims}");
        }
        // Too many groups are no matter where it is roles that count.
        let roles =
            json!({ "roles": ["desk"], "_claim_names": { "groups": "s" }, "hasgroups": true });
        assert_eq!(of(&roles, "roles").values, ["desk"]);
    }
}
