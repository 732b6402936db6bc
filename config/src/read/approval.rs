//! `[approval]` and `[[approval.rule]]`: who approves, and what happens while nobody does.

use std::num::NonZeroU8;

use clavis_broker::devices::{BackendName, Serves};
use clavis_broker::lifecycle::Terms;
use clavis_broker::people::{GroupName, PersonQuery};
use clavis_broker::policy::{EVERYTHING_ELSE, Escalation, Matches, Named, Policy, Rule};
use jiff::SignedDuration;
use toml::de::DeValue;

use super::escrow::Entry;
use super::roles::by_id;
use super::terms::{DAY, MINUTE};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::Directory;
use crate::values::{duration, mail, number, text, unit};

/// Reads `[approval]`, which may be missing.
pub(super) fn policy<P>(
    section: Option<&Section<'_>>,
    escrow: &[Entry<P>],
    directory: Option<&Directory>,
    terms: &Terms,
) -> Policy {
    let Some(section) = section else {
        return Policy::manager_else(Vec::new());
    };
    let nominated = section.list("nominated", person);
    let otherwise = Rule::manager_else(nominated.clone());
    let mut otherwise = Rule {
        ask: asked(section, &nominated).unwrap_or(otherwise.ask),
        needed: needed(section),
        escalation: escalation(section, &Escalation::default(), &nominated, terms),
        ..otherwise
    };
    check_groups(section, &otherwise, directory);
    if section.has("needed") || section.has("ask") {
        check_needed(section, &otherwise, &nominated);
    }
    let rules = section.tables("rule");
    let mut names = vec![EVERYTHING_ELSE.to_owned()];
    let rules = rules.iter().filter_map(|section| {
        let rule = rule(section, &otherwise.escalation, &nominated, escrow, terms)?;
        check_groups(section, &rule, directory);
        if names.contains(&rule.name) {
            section.problem(
                "name",
                "`name` is that of an earlier rule, or of [approval] itself",
                "Give each rule a name of its own: it stands in the log.",
            );
        }
        names.push(rule.name.clone());
        Some(rule)
    });
    let rules: Vec<_> = rules.collect();
    EVERYTHING_ELSE.clone_into(&mut otherwise.name);
    Policy::new(rules, otherwise)
}

fn rule<P>(
    section: &Section<'_>,
    inherited: &Escalation,
    nominated: &[PersonQuery],
    escrow: &[Entry<P>],
    terms: &Terms,
) -> Option<Rule> {
    let name = section.required("name", text);
    let matches = Matches {
        units: section.list("units", unit),
        groups: section.list("groups", |value| text(value).map(GroupName)),
        devices: Serves(section.list("devices", super::escrow::pattern)),
        backends: section.list("backends", |value| backend(value, escrow)),
    };
    let conditions = ["units", "groups", "devices", "backends"];
    if !conditions.iter().any(|key| section.has(key)) {
        section.problem(
            "name",
            "the rule fits every request, so that none below it ever holds",
            "Say what it is for: `units`, `groups`, `devices` or `backends`. What holds for \
             everything else stands in [approval] itself.",
        );
    }
    for key in conditions.iter().filter(|key| section.has(key)) {
        let is_empty = match *key {
            "units" => matches.units.is_empty(),
            "groups" => matches.groups.is_empty(),
            "devices" => matches.devices.0.is_empty(),
            _ => matches.backends.is_empty(),
        };
        if is_empty {
            section.problem(
                key,
                format!("`{key}` names nothing that the rule could be for"),
                "Name at least one, or remove the line.",
            );
        }
    }
    let ask = asked(section, nominated);
    if !section.has("ask") {
        section.problem(
            "name",
            "the rule does not say who is asked",
            "Add `ask = [\"manager\"]`, or name a group as \"group:NAME\", or people.",
        );
    }
    let rule = Rule {
        name: name?,
        matches,
        ask: ask?,
        needed: needed(section),
        escalation: escalation(section, inherited, nominated, terms),
    };
    check_needed(section, &rule, nominated);
    Some(rule)
}

/// Reports groups that somebody else could make, where the section itself names them.
fn check_groups(section: &Section<'_>, rule: &Rule, directory: Option<&Directory>) {
    let in_steps = rule.ask.iter().flatten();
    let alternates = rule
        .escalation
        .alternates
        .iter()
        .flat_map(|(_, named)| named);
    let last_resort = rule.escalation.last_resort.iter().map(|(_, group)| group);
    let groups_of = |named: &'_ Named| match named {
        Named::Group(group) => Some(group.clone()),
        Named::Manager | Named::OwnersManager | Named::Person(_) => None,
    };
    for (key, groups) in [
        ("groups", rule.matches.groups.clone()),
        ("ask", in_steps.filter_map(groups_of).collect()),
        ("alternates", alternates.filter_map(groups_of).collect()),
        ("last_resort", last_resort.cloned().collect()),
    ] {
        if section.has(key) {
            by_id(section, key, &groups, directory);
        }
    }
}

/// The steps of `ask`; `None` where it is not there, or names nobody.
fn asked(section: &Section<'_>, nominated: &[PersonQuery]) -> Option<Vec<Vec<Named>>> {
    let steps = section.list("ask", |value| step(value, nominated));
    let steps: Vec<_> = steps.into_iter().filter(|step| !step.is_empty()).collect();
    if section.has("ask") && steps.is_empty() {
        section.problem(
            "ask",
            "`ask` names nobody",
            "Write `ask = [\"manager\"]`, or name a group as \"group:NAME\", or people.",
        );
    }
    (!steps.is_empty()).then_some(steps)
}

/// Those who are asked together: one, or a list.
fn step(value: &DeValue<'_>, nominated: &[PersonQuery]) -> Result<Vec<Named>, Wrong> {
    let DeValue::Array(together) = value else {
        return named(value, nominated);
    };
    if together.is_empty() {
        return Err(Wrong::new(
            "has an empty list of those who are asked together",
            "Name somebody in it, or remove it.",
        ));
    }
    let together = together.iter().map(|it| named(it.get_ref(), nominated));
    Ok(together.collect::<Result<Vec<_>, _>>()?.concat())
}

fn named(value: &DeValue<'_>, nominated: &[PersonQuery]) -> Result<Vec<Named>, Wrong> {
    Ok(match text(value)?.as_str() {
        "manager" => vec![Named::Manager],
        "owners_manager" => vec![Named::OwnersManager],
        "nominated" if nominated.is_empty() => {
            return Err(Wrong::new(
                "says \"nominated\", and nobody is",
                "Name people in `nominated` of [approval], or leave the word out.",
            ));
        }
        "nominated" => nominated.iter().cloned().map(Named::Person).collect(),
        who => match who.strip_prefix("group:") {
            Some(name) => vec![Named::Group(GroupName(name.trim().to_owned()))],
            None => vec![Named::Person(person(value)?)],
        },
    })
}

fn needed(section: &Section<'_>) -> NonZeroU8 {
    let needed = section.optional("needed", number(1..=10)).unwrap_or(1);
    u8::try_from(needed)
        .ok()
        .and_then(NonZeroU8::new)
        .unwrap_or(NonZeroU8::MIN)
}

/// Reports a rule of which no step could ever have as many people as are needed.
fn check_needed(section: &Section<'_>, rule: &Rule, nominated: &[PersonQuery]) {
    let needed = usize::from(rule.needed.get());
    let may_do = |step: &Vec<Named>| {
        let is_group = |named: &Named| matches!(named, Named::Group(_));
        step.iter().any(is_group) || step.len() >= needed
    };
    let is_default = rule.ask == Rule::manager_else(nominated.to_vec()).ask;
    if needed > 1 && !rule.ask.iter().any(may_do) && !(is_default && nominated.len() >= needed) {
        section.problem(
            "needed",
            format!("`needed` is {needed}, and no step of `ask` names so many"),
            "Ask several together, as in `ask = [[\"manager\", \"owners_manager\"]]`, or a group.",
        );
    }
}

/// When something happens while nobody decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// The section does not say.
    Unsaid,
    Never,
    After(SignedDuration),
}

impl When {
    /// The time that holds above, where the section says other people and no time.
    fn or(self, has_people: bool, above: Option<SignedDuration>) -> Self {
        match (self, above) {
            (Self::Unsaid, Some(after)) if has_people => Self::After(after),
            _ => self,
        }
    }
}

/// What happens while nobody decides: what the section says, and else what holds above it.
fn escalation(
    section: &Section<'_>,
    inherited: &Escalation,
    nominated: &[PersonQuery],
    terms: &Terms,
) -> Escalation {
    let remind = when(section, "remind_after", terms);
    let alternates = section.list("alternates", |value| named(value, nominated));
    let alternates_after = when(section, "alternates_after", terms);
    let last_resort = section.optional("last_resort", group);
    let last_resort_after = when(section, "last_resort_after", terms);
    let above = inherited.alternates.as_ref().map(|(after, _)| *after);
    let alternates_after = alternates_after.or(section.has("alternates"), above);
    let above = inherited.last_resort.as_ref().map(|(after, _)| *after);
    let last_resort_after = last_resort_after.or(section.has("last_resort"), above);
    for (who, after, key) in [
        ("alternates", alternates_after, "alternates_after"),
        ("last_resort", last_resort_after, "last_resort_after"),
    ] {
        if section.has(who) && after == When::Unsaid && !section.has(key) {
            let what = format!("`{who}` is there without `{key}`");
            section.problem(who, what, format!("Add `{key} = \"8h\"`, for example."));
        }
    }
    Escalation {
        remind_after: match remind {
            When::Unsaid => inherited.remind_after,
            When::Never => None,
            When::After(after) => Some(after),
        },
        alternates: match alternates_after {
            When::Unsaid => inherited.alternates.clone(),
            When::Never => None,
            When::After(after) if section.has("alternates") => {
                let alternates: Vec<_> = alternates.into_iter().flatten().collect();
                if alternates.is_empty() {
                    section.problem(
                        "alternates",
                        "`alternates` names nobody",
                        "Name somebody, or write `alternates_after = \"never\"`.",
                    );
                }
                Some((after, alternates))
            }
            // Only the time is another one here.
            When::After(after) => {
                let inherited = inherited.alternates.clone();
                later(section, "alternates", after, inherited)
            }
        },
        last_resort: match last_resort_after {
            When::Unsaid => inherited.last_resort.clone(),
            When::Never => None,
            When::After(after) if section.has("last_resort") => {
                last_resort.map(|group| (after, group))
            }
            When::After(after) => {
                let inherited = inherited.last_resort.clone();
                later(section, "last_resort", after, inherited)
            }
        },
    }
}

/// What holds above a section, at another time; reports a time of nothing.
fn later<T>(
    section: &Section<'_>,
    who: &'static str,
    after: SignedDuration,
    inherited: Option<(SignedDuration, T)>,
) -> Option<(SignedDuration, T)> {
    if inherited.is_none() {
        section.problem(
            who,
            format!("`{who}_after` is there without `{who}`"),
            format!("Say in `{who}` who is asked then."),
        );
    }
    inherited.map(|(_, people)| (after, people))
}

/// A time after which something happens while nobody decides.
fn when(section: &Section<'_>, key: &'static str, terms: &Terms) -> When {
    let when = section.optional(key, |value| {
        if value.as_str() == Some("never") {
            return Ok(When::Never);
        }
        let range = MINUTE..=DAY * 30;
        duration(range)(value)
            .map(When::After)
            .map_err(|wrong| Wrong {
                remedy: format!("{} Or write \"never\".", wrong.remedy),
                ..wrong
            })
    });
    if let Some(When::After(after)) = when
        && after >= terms.decide_within
    {
        section.problem(
            key,
            format!("`{key}` ({after:#}) is not before a request lapses"),
            format!(
                "Make it shorter than `decide_within` ({:#}) of [approval], or that longer.",
                terms.decide_within
            ),
        );
    }
    when.unwrap_or(When::Unsaid)
}

/// A group, with or without the prefix that it has where people may stand, too.
fn group(value: &DeValue<'_>) -> Result<GroupName, Wrong> {
    let name = text(value)?;
    let name = name.strip_prefix("group:").unwrap_or(&name).trim();
    Ok(GroupName(name.to_owned()))
}

fn backend<P>(value: &DeValue<'_>, escrow: &[Entry<P>]) -> Result<BackendName, Wrong> {
    let name = super::escrow::backend_name(value)?;
    if escrow.iter().any(|it| it.name.as_ref() == Some(&name)) {
        return Ok(name);
    }
    Err(Wrong::new(
        "has an entry that is no [[escrow]] section",
        "Write the `name` of one of them.",
    ))
}

/// Somebody who approves: a mail address, or without an `@` a sign-in name.
fn person(value: &DeValue<'_>) -> Result<PersonQuery, Wrong> {
    let who = text(value)?;
    if who.contains('@') {
        return mail(value).map(PersonQuery::Mail);
    }
    if who.contains(char::is_whitespace) || who.contains(':') {
        return Err(Wrong::new(
            "has an entry that is neither a mail address nor a sign-in name",
            "Write an address such as \"security@example.com\", or a name such as \"mboss\".",
        ));
    }
    Ok(PersonQuery::Login(who))
}

#[cfg(test)]
mod tests {
    use clavis_broker::people::MailAddress;

    use super::*;

    fn value<T>(text: &str, read: impl Fn(&DeValue<'_>) -> T) -> T {
        read(DeValue::parse(text).expect("a value").get_ref())
    }

    fn address(text: &str) -> PersonQuery {
        PersonQuery::Mail(MailAddress::parse(text).unwrap())
    }

    #[test]
    fn a_person_is_looked_up_by_address_or_by_sign_in_name() {
        assert_eq!(
            value("\"security@example.com\"", person),
            Ok(address("security@example.com"))
        );
        let login = PersonQuery::Login("mboss".into());
        assert_eq!(value("\"mboss\"", person), Ok(login));
        for wrong in ["\"Martin Boss\"", "\"a@b@c\"", "\"\"", "7", "\"gruop:x\""] {
            value(wrong, person).unwrap_err();
        }
    }

    #[test]
    fn a_step_is_one_or_several_who_are_asked_together() {
        let nominated = [address("nina@example.com")];
        let read = |text: &str| value(text, |value| step(value, &nominated));
        assert_eq!(read("\"manager\""), Ok(vec![Named::Manager]));
        assert_eq!(
            read("[\"owners_manager\", \"group: GG Approvers \", \"nominated\"]"),
            Ok(vec![
                Named::OwnersManager,
                Named::Group(GroupName("GG Approvers".into())),
                Named::Person(nominated[0].clone()),
            ])
        );
        read("[\"manager\", 7]").unwrap_err();
    }
}
