//! What `clavis check` says of those who approve.

use clavis_broker::causes::with_causes;
use clavis_broker::people::{GroupName, PersonQuery};
use clavis_broker::policy::{MOST_MEMBERS, Named, Policy, Rule};
use clavis_broker::ports::{Directory, Finding};

const REMEDY: &str = "Change [approval], or the entry in the directory.";

const WITHIN_DOMAINS: &str = "Change [approval], the entry in the directory, or, where the address is another's domain, `mail_domains` in [organisation].";

/// Tries everybody and every group that the policy names. `has_domains` says that people of some
/// mail domains alone take part.
pub(super) async fn check(
    directory: &dyn Directory,
    policy: &Policy,
    has_domains: bool,
) -> Vec<Finding> {
    let remedy = if has_domains { WITHIN_DOMAINS } else { REMEDY };
    let mut findings = Vec::new();
    let rules = policy.rules();
    let stands_in = |named: &Named| matches!(named, Named::Person(_) | Named::Group(_));
    for rule in rules {
        if !rule.ask.iter().flatten().any(stands_in) {
            findings.push(Finding::warning(
                format!(
                    "nobody is nominated to approve {}: whoever has no manager in the directory is \
                     refused",
                    rule.name
                ),
                "Name somebody in `nominated` or `ask` of [approval].",
            ));
        }
    }
    let mut people: Vec<&PersonQuery> = Vec::new();
    for named in rules.iter().flat_map(Rule::named) {
        if let Named::Person(query) = named
            && !people.contains(&query)
        {
            people.push(query);
            findings.push(person(directory, query, remedy).await);
        }
    }
    let mut groups: Vec<&GroupName> = Vec::new();
    for name in policy.groups() {
        if !groups.contains(&name) {
            groups.push(name);
            findings.push(group(directory, name, remedy).await);
        }
    }
    findings
}

async fn person(directory: &dyn Directory, query: &PersonQuery, remedy: &str) -> Finding {
    let name = match query {
        PersonQuery::Id(id) => id.to_string(),
        PersonQuery::Mail(mail) => mail.to_string(),
        PersonQuery::Login(login) => login.clone(),
    };
    let not_so = |why: &str| Finding::failure(format!("{name} is to approve, but {why}"), remedy);
    match directory.person(query).await {
        Ok(Some(person)) => match person.party() {
            Ok(party) => Finding::ok(format!("{name} is to approve: {}", party.name)),
            Err(unfit) => not_so(&unfit.to_string()),
        },
        Ok(None) => not_so("the directory knows nobody by that name"),
        Err(error) => not_so(&with_causes(&error)),
    }
}

async fn group(directory: &dyn Directory, name: &GroupName, remedy: &str) -> Finding {
    let name_of = &name.0;
    let failed = |why: &str| {
        let what = format!("[approval] names the group \"{name_of}\", but {why}");
        Finding::failure(what, remedy)
    };
    match directory.members(name).await {
        Ok(Some(members)) => {
            let fit = members.iter().filter(|it| it.party().is_ok()).count();
            if fit == 0 {
                return failed("none of its members can approve");
            }
            let all = members.len();
            if all > MOST_MEMBERS {
                return failed(&format!("it has {all} members, and each would get a mail"));
            }
            Finding::ok(format!(
                "the group \"{name_of}\" has {all} members, {fit} of whom can approve"
            ))
        }
        Ok(None) => failed("there is no such group"),
        Err(error) => failed(&with_causes(&error)),
    }
}
