//! Which texts of a row, or of anything else that is kept, are somebody's own.
//!
//! A judgement over texts and their places, for whoever has to erase a person: theirs is what names
//! them, what stands beside it, what they have written, and their devices. Texts that only repeat
//! their name in passing are theirs as well.

use std::collections::BTreeSet;

use crate::search::fold;

/// A text, and the keys and numbers that lead to it.
pub type Text = (Vec<String>, String);

/// By what somebody is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whose {
    /// Their IDs.
    pub ids: BTreeSet<String>,
    /// Their mail addresses, in lower case.
    pub mails: BTreeSet<String>,
    /// Their names, in lower case.
    pub names: BTreeSet<String>,
}

/// Keys of what stands beside an ID and is the same person's.
const BESIDE: [&str; 4] = ["id", "mail", "name", "called"];
/// Keys of what somebody has written, of what somebody else has written about them, and of where
/// their link was opened.
const WRITTEN: [&str; 11] = [
    "raised_by",
    "reason",
    "comment",
    "asset",
    "text",
    "named",
    "person",
    "device",
    "rule",
    "shown_to",
    "opened_from",
];
/// Keys of whoever has written what stands beside them.
const WRITERS: [&str; 4] = ["by", "who", "requester", "beneficiary"];
/// A shorter name than this is found in too much, also where it is a word.
const SHORTEST: usize = 3;

impl Whose {
    /// Whether this one of the texts is an address of theirs, or stands as the ID of a person and is
    /// one of theirs. Elsewhere, what reads like an ID is a tag or the name of something.
    fn is(&self, texts: &[Text], (path, text): &Text) -> bool {
        self.mails.contains(&text.to_lowercase())
            || (self.ids.contains(text) && is_id_of_person(texts, path))
    }

    /// Whether one of the texts stands as the ID of a person and is one of theirs.
    pub fn has_id_in(&self, texts: &[Text]) -> bool {
        let is_theirs =
            |(path, text): &Text| self.ids.contains(text) && is_id_of_person(texts, path);
        texts.iter().any(is_theirs)
    }

    /// Whether this text has an ID, an address or a name of theirs in it, as words of their own.
    fn is_named_in(&self, text: &str) -> bool {
        let text = fold(text);
        let names = self
            .names
            .iter()
            .filter(|it| it.chars().count() >= SHORTEST);
        let ids = self.ids.iter().map(|id| fold(id));
        let mut all = self.mails.iter().chain(names).cloned().chain(ids);
        all.any(|it| has_word(&text, &it))
    }

    /// Learns the names and addresses that stand beside an ID of theirs.
    pub fn learn(&mut self, texts: &[Text]) {
        for (path, text) in texts {
            if key(path) == "id" && self.ids.contains(text) {
                let mails = beside(texts, path, "mail").map(|mail| mail.to_lowercase());
                self.mails.extend(mails);
                self.names
                    .extend(beside(texts, path, "name").map(|name| fold(name)));
            }
        }
    }

    /// The IDs that stand beside one of these addresses.
    pub fn ids_beside(&self, texts: &[Text]) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for (path, text) in texts {
            if key(path) == "mail" && self.mails.contains(&text.to_lowercase()) {
                ids.extend(beside(texts, path, "id").cloned());
            }
        }
        ids
    }
}

/// Which of these texts are somebody's, by their numbers. `device` says that the device is theirs, and
/// whoever raised the ticket of the request named for them, whoever else is named.
pub fn theirs(texts: &[Text], whose: &Whose, device: bool) -> BTreeSet<usize> {
    let is_anothers = |path: &[String]| {
        let mut ids = beside(texts, path, "id");
        ids.any(|id| !whose.ids.is_empty() && !whose.ids.contains(id))
    };
    let is_named = |(_, text): &(usize, &Text)| whose.is(texts, text) && !is_anothers(&text.0);
    let named: Vec<_> = texts.iter().enumerate().filter(is_named).collect();
    // What a text of theirs stands in is theirs as far as it is of one person.
    let groups: BTreeSet<&[String]> = named.iter().map(|(_, (path, _))| parent(path)).collect();
    let has_written = |writer: &str, group: &[String]| {
        let place: Vec<_> = group.iter().cloned().chain([writer.to_owned()]).collect();
        // A party, or the ID of one.
        groups.contains(&place[..]) || named.iter().any(|(_, (path, _))| *path == place)
    };
    let is_actor = has_written("actor", &[]) || has_written("person", &["actor".to_owned()]);
    // Whoever wants to sign in with an address of theirs is them, for all that is known.
    let is_sign_in = named
        .iter()
        .any(|(_, (path, _))| path == &["event", "mail"]);
    let owns = |(path, _): &Text| path.len() > 1 && path[0] == "device" && path[1] == "owners";
    let device = device || named.iter().any(|(_, text)| owns(text));

    let is_theirs = |path: &[String], text: &str| {
        let (group, key) = (parent(path), key(path));
        let first = path[0].as_str();
        let is_of_party = BESIDE.contains(&key) && groups.contains(group);
        let is_written = WRITTEN.contains(&key);
        let is_by_them = is_written && WRITERS.iter().any(|writer| has_written(writer, group));
        let is_of_actor = is_actor
            && match first {
                "source" => true,
                // Of others whom the event names, nothing is theirs.
                "event" => beside(texts, path, "id").next().is_none(),
                _ => false,
            };
        let is_of_sign_in = is_sign_in && first == "source";
        let is_of_device = device && first == "device" && key != "backend";
        // Of whom nothing is known but the name, nobody can ask that it be erased: it goes with whom
        // they raised the ticket for.
        let is_raiser = device && key == "raised_by";
        let may_mention = is_written || (key == "by" && !is_tag(path));
        let is_mention = may_mention && whose.is_named_in(text);
        is_of_party
            || is_by_them
            || is_of_actor
            || is_of_sign_in
            || is_of_device
            || is_raiser
            || is_mention
    };
    let more = texts.iter().enumerate();
    let more = more.filter(|(_, (path, text))| !path.is_empty() && is_theirs(path, text));
    named
        .iter()
        .map(|(at, _)| *at)
        .chain(more.map(|(at, _)| at))
        .collect()
}

/// Whether what stands at this place of the texts is the ID of a person: that of a party, which has
/// an address beside it, or one where only the IDs of people stand.
fn is_id_of_person(texts: &[Text], path: &[String]) -> bool {
    let is_in = |wanted: &str| path.iter().any(|step| step == wanted);
    match key(path) {
        "id" => beside(texts, path, "mail").next().is_some(),
        // What somebody has searched for may be anything.
        "person" => !is_in("filters"),
        "who" | "owners_manager" | "beneficiary" | "requester" => true,
        _ => is_in("owners") || is_in("lapsed"),
    }
}

/// Whether the text at this place tells which sort of thing it stands in, and not who.
fn is_tag(path: &[String]) -> bool {
    key(path) == "by" && key(parent(path)) == "approval"
}

/// Whether a text has another in it with no letter and no digit of any script on either side.
fn has_word(text: &str, word: &str) -> bool {
    let is_apart = |beside: Option<char>| !beside.is_some_and(char::is_alphanumeric);
    !word.is_empty()
        && text.char_indices().any(|(at, _)| {
            text[at..].strip_prefix(word).is_some_and(|after| {
                is_apart(text[..at].chars().next_back()) && is_apart(after.chars().next())
            })
        })
}

fn key(path: &[String]) -> &str {
    path.last().map_or("", String::as_str)
}

/// The place of what a text stands in.
fn parent(path: &[String]) -> &[String] {
    path.split_last().map_or(&[], |(_, parent)| parent)
}

/// The texts with this key that stand beside one.
fn beside<'t>(
    texts: &'t [Text],
    path: &'t [String],
    wanted: &'static str,
) -> impl Iterator<Item = &'t String> {
    let is_beside = move |(other, _): &&Text| key(other) == wanted && parent(other) == parent(path);
    texts.iter().filter(is_beside).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::proof::leaf::texts_of;

    fn anna() -> Whose {
        Whose {
            ids: ["id-anna".to_owned()].into(),
            mails: ["anna@example.com".to_owned()].into(),
            names: ["anna berg".to_owned()].into(),
        }
    }

    /// What is theirs of a value, as it reads.
    fn found(mut value: serde_json::Value, device: bool) -> Vec<String> {
        let texts = texts_of(&mut value);
        let found = theirs(&texts, &anna(), device);
        found.into_iter().map(|at| texts[at].1.clone()).collect()
    }

    fn party(name: &str) -> serde_json::Value {
        json!({"id": format!("id-{name}"), "mail": format!("{name}@example.com"), "name": name})
    }

    #[test]
    fn what_they_did_is_theirs_and_others_in_it_are_not() {
        let row = json!({
            "actor": party("anna"),
            "event": {"asset": "LT-1", "asked": [party("boss")]},
            "device": {"name": "LT-1", "id": {"backend": "ad", "native": "x"}},
            "source": "192.0.2.7",
        });
        let expected = ["id-anna", "anna@example.com", "anna", "LT-1", "192.0.2.7"];
        assert_eq!(found(row.clone(), false), expected);
        let all = found(row, true);
        assert!(
            all.contains(&"x".to_owned()) && !all.contains(&"ad".to_owned()),
            "{all:?}"
        );
    }

    #[test]
    fn where_a_sign_in_with_their_address_came_from_is_theirs() {
        let row = |mail: &str| {
            json!({
                "actor": {"kind": "stranger"},
                "event": {"event": "sign_in_requested", "mail": mail},
                "source": "192.0.2.7",
            })
        };
        let all = found(row("Anna@Example.com"), false);
        assert_eq!(all, ["Anna@Example.com", "192.0.2.7"]);
        assert!(found(row("eve@example.com"), false).is_empty());
    }

    #[test]
    fn what_was_done_to_them_is_theirs_and_who_did_it_is_not() {
        let row = json!({
            "actor": party("boss"),
            "event": {"to": "Anna@Example.com", "person": "id-anna", "called": "Anna Berg"},
            "source": "192.0.2.7",
        });
        assert_eq!(
            found(row, false),
            ["Anna Berg", "id-anna", "Anna@Example.com"]
        );
        let search = json!({"event": {"filters": {"person": "berg, ANNA BERG", "device": "LT"}}});
        assert_eq!(found(search, false), ["berg, ANNA BERG"]);
    }

    #[test]
    fn a_device_of_theirs_is_theirs() {
        let row = json!({"device": {"name": "LT-1", "owners": [["id-anna", "other"]]}});
        assert_eq!(found(row, false).len(), 3);
    }

    #[test]
    fn what_was_asked_for_in_vain_is_theirs_whoever_asked() {
        let row = |beneficiary: &str, requester: &str| {
            json!({
                "actor": {"kind": "program", "name": "desk"},
                "event": {
                    "event": "request_refused", "asset": "LT-1",
                    "beneficiary": beneficiary, "requester": requester,
                },
            })
        };
        assert_eq!(found(row("id-anna", "id-boss"), false), ["LT-1", "id-anna"]);
        assert_eq!(found(row("id-boss", "id-anna"), false), ["LT-1", "id-anna"]);
        assert!(found(row("id-boss", "id-boss"), false).is_empty());
    }

    #[test]
    fn who_raised_a_ticket_for_them_is_erased_with_them() {
        let request = json!({
            "beneficiary": party("anna"),
            "ticket": {"ticket": {"desk": "halo", "id": "7"}, "raised_by": "Zoe Quinn"},
        });
        assert!(found(request.clone(), true).contains(&"Zoe Quinn".to_owned()));
        assert!(!found(request, false).contains(&"Zoe Quinn".to_owned()));
    }

    #[test]
    fn what_they_wrote_beside_their_name_is_theirs() {
        let request = json!({
            "requester": party("anna"),
            "reason": "It asks.",
            "state": {"votes": [
                {"by": party("boss"), "comment": "Fine."},
                {"by": party("anna"), "comment": "Mine."},
            ], "outcome": {"by": "operator of Anna Berg"}},
        });
        let all = found(request, false);
        assert!(all.contains(&"It asks.".to_owned()), "{all:?}");
        assert!(all.contains(&"Mine.".to_owned()), "{all:?}");
        assert!(all.contains(&"operator of Anna Berg".to_owned()), "{all:?}");
        assert!(!all.contains(&"Fine.".to_owned()), "{all:?}");
    }

    #[test]
    fn a_name_is_found_as_a_word_and_not_within_another() {
        for (text, word, is_in) in [
            ("the box of lee is asleep", "lee", true),
            ("it is asleep", "lee", false),
            ("leeward, then lee", "lee", true),
            ("lee", "lee", true),
            ("lee2 and 2lee", "lee", false),
            ("lee\u{e9}, \u{42f}lee", "lee", false),
            ("(lee)", "lee", true),
            ("id-annabel", "id-anna", false),
            ("", "lee", false),
            ("lee", "", false),
        ] {
            assert_eq!(has_word(text, word), is_in, "{word} in {text}");
        }
    }

    #[test]
    fn an_id_is_one_only_where_a_person_has_it() {
        let texts = |mut value| texts_of(&mut value);
        let whose = anna();
        for row in [
            json!({"actor": party("anna")}),
            json!({"event": {"person": "id-anna"}}),
            json!({"device": {"owners": [["other", "id-anna"]]}}),
        ] {
            assert!(whose.has_id_in(&texts(row.clone())), "{row}");
        }
        for row in [
            json!({"id": "id-anna", "device": {"id": {"backend": "id-anna"}}}),
            json!({"promised": [{"id": "id-anna", "volume": "x"}]}),
            json!({"state": {"outcome": {"approval": {"by": "id-anna"}, "outcome": "id-anna"}}}),
            json!({"panel": {"rule": "whatever", "unanswered": ["id-anna"]}}),
        ] {
            assert!(!whose.has_id_in(&texts(row.clone())), "{row}");
            assert!(found(row.clone(), false).is_empty(), "{row}");
        }
        let searched = json!({"event": {"filters": {"person": "id-anna"}}});
        assert!(!whose.has_id_in(&texts(searched)));
    }

    #[test]
    fn an_address_that_has_become_somebody_elses_is_theirs() {
        let other = json!({"actor": {"id": "id-eve", "mail": "anna@example.com", "name": "Eve"}});
        assert!(found(other, false).is_empty());
    }

    #[test]
    fn names_and_ids_are_learned_from_what_stands_beside_them() {
        let mut value = json!({"a": party("anna"), "b": party("boss")});
        let texts = texts_of(&mut value);
        let mut whose = Whose {
            mails: ["anna@example.com".to_owned()].into(),
            ..Whose::default()
        };
        whose.ids = whose.ids_beside(&texts);
        whose.learn(&texts);
        assert_eq!(whose.ids, ["id-anna".to_owned()].into());
        assert_eq!(whose.names, ["anna".to_owned()].into());
    }
}
