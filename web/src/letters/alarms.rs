//! Letters to those who keep watch: what happened, what it may mean, and where to look.

use std::net::IpAddr;

use clavis_broker::alarms::Alarm;
use clavis_broker::tokens::Reference;

use super::wording::{Wording, one_line};
use crate::site::Site;

pub(super) fn of_alarm(alarm: &Alarm, site: &Site) -> Wording {
    let Told {
        title,
        what,
        before,
        mut facts,
    } = told(alarm, site);
    facts.push(("Page", site.url("/")));
    Wording {
        subject: format!("{title}: {what}"),
        title,
        before,
        facts,
        why: "You get this mail because the configuration of Clavis names this address for alarms."
            .to_owned(),
        ..Wording::default()
    }
}

/// What differs from one alarm to another.
struct Told {
    title: &'static str,
    /// What it is about, for the subject.
    what: String,
    before: Vec<String>,
    facts: Vec<(&'static str, String)>,
}

#[expect(clippy::too_many_lines, reason = "one alarm after the other")]
fn told(alarm: &Alarm, site: &Site) -> Told {
    match alarm {
        Alarm::Policy(fault) => {
            let (rule, which) = (one_line(&fault.rule), one_line(&fault.which.to_string()));
            Told {
                title: "Alarm: Nobody Can Approve",
                what: rule.clone(),
                before: vec![
                    format!("The rule \"{rule}\", which says who approves, cannot be carried out: {which}."),
                    "Until it is mended, nobody can ask for a key by this rule: their requests are refused, nothing is sent, and they are told to call support.".to_owned(),
                    "Mend the rule or the directory, and run `clavis check` on the server.".to_owned(),
                ],
                facts: vec![("Rule", rule), ("Fault", which)],
            }
        }
        Alarm::GlassBroken {
            reference,
            by,
            device,
            beneficiary,
            requester,
        } => {
            let (by, device) = (one_line(&by.name), one_line(device));
            let mut facts = vec![
                ("Request", reference.to_string()),
                ("Device", device.clone()),
                ("By", by.clone()),
                ("For", one_line(&beneficiary.name)),
            ];
            let asked_by = requester.as_ref().map(|party| one_line(&party.name));
            facts.extend(asked_by.map(|name| ("Asked by", name)));
            Told {
                title: "Alarm: Released Without Approval",
                what: format!("{reference} ({device})"),
                before: vec![
                    format!("{by} released the recovery key of {device} without an approval."),
                    "Everybody who could have approved has been told. Why it was done stands in the log:".to_owned(),
                    show(reference),
                ],
                facts,
            }
        }
        Alarm::UsedLinkOpened {
            reference,
            device,
            beneficiary,
            used_at,
            shown_to,
            opened_from,
        } => {
            let (device, name) = (one_line(device), one_line(&beneficiary.name));
            Told {
                title: "Alarm: Used Key Link Opened Again",
                what: format!("{reference} ({device})"),
                before: vec![
                    format!("The key link of {name} for {device} was opened again after it had shown the recovery key. Nothing was shown this time."),
                    format!("Either {name} opened the mail once more, or one of the two was somebody else. If {name} does not know of the first time, the key is in wrong hands: have it replaced."),
                    show(reference),
                ],
                facts: vec![
                    ("Request", reference.to_string()),
                    ("Device", device),
                    ("For", name),
                    ("Key shown", site.moment(*used_at)),
                    ("Shown to", address(*shown_to)),
                    ("Opened from", address(*opened_from)),
                ],
            }
        }
        Alarm::OwnApproval {
            reference,
            device,
            by,
        } => {
            let (by, device) = (one_line(&by.name), one_line(device));
            Told {
                title: "Alarm: Own Approval Tried",
                what: format!("{reference} ({device})"),
                before: vec![
                    format!("{by} asked for the recovery key of {device}, or gets it, and has tried to have it without somebody else's word: by the link by which another was to decide, or at the desk. It was refused."),
                    "If it was a link, ask how it came to them: whoever was to decide has passed it on, or somebody reads their mails.".to_owned(),
                    show(reference),
                ],
                facts: vec![
                    ("Request", reference.to_string()),
                    ("Device", device),
                    ("By", by),
                ],
            }
        }
        Alarm::ManyRedemptions { count } => Told {
            title: "Alarm: Many Keys Shown",
            what: format!("{count} key links in an hour"),
            before: vec![
                format!("At least {count} key links were opened within an hour, which is more than the configuration calls usual."),
                "After an update that locked many devices this may be right. Otherwise look who asked, who approved, and from where the links were opened:".to_owned(),
                "`clavis audit show --event link.redeemed`".to_owned(),
            ],
            facts: vec![("Key links", count.to_string())],
        },
        Alarm::ManyDevices {
            by,
            count,
            for_others,
        } => {
            let (name, mail) = (one_line(&by.name), by.mail.to_string());
            let (whose, role) = if *for_others {
                ("for others", "As an agent they may have a reason.")
            } else {
                ("for themselves", "Few people have so many.")
            };
            Told {
                title: "Alarm: One Person, Many Devices",
                what: format!("{name}, {count} devices"),
                before: vec![
                    format!("{name} asked for the recovery keys of {count} devices within a day, {whose}, which is more than the configuration calls usual. {role}"),
                    "Look at what they asked for, and who approved it:".to_owned(),
                    format!("`clavis audit show --person {mail}`"),
                ],
                facts: vec![("By", format!("{name} ({mail})")), ("Devices", count.to_string())],
            }
        }
        Alarm::RightsWidened { place, rights } => {
            let (place, rights) = (one_line(place), one_line(&rights.join(", ")));
            Told {
                title: "Alarm: Clavis May Do More",
                what: place.clone(),
                before: vec![
                    format!("What Clavis reads with at {place} may do more than before, and more than it needs: {rights}."),
                    "Somebody has changed its rights. Find out who and why, and take them away again; `clavis check` says how.".to_owned(),
                ],
                facts: vec![("Where", place), ("Rights", rights)],
            }
        }
        Alarm::RowUnreadable { row } => Told {
            title: "Alarm: The Log Is Damaged",
            what: format!("row {row}"),
            before: vec![
                format!("What is stored at row {row} of the audit log cannot be read, so nobody knows what it told, or whether it was an alarm; or a column that it is searched by is not what it says, so that searches pass it over. There may be other rows like it."),
                "Clavis writes no such row: the disk has lost something, or somebody has written in the database. Find out which rows are not what they were:".to_owned(),
                "`clavis audit verify`".to_owned(),
            ],
            facts: vec![("Row", row.to_string())],
        },
        Alarm::CursorAhead { reader, back_to } => {
            let reader = one_line(reader);
            Told {
                title: "Alarm: Rows of the Log Would Be Passed Over",
                what: reader.clone(),
                before: vec![
                    format!("The place up to which the audit log was gone through for \"{reader}\" was said to be beyond the end of the log, so that what came next would have been passed over. It goes on after row {back_to}; what it has had already may come again."),
                    "Clavis writes no such place: somebody has written in the database. Look at what happened since then, and whether anything else was changed:".to_owned(),
                    format!("`clavis audit show --after {back_to}`"),
                    "`clavis audit verify`".to_owned(),
                ],
                facts: vec![("Reader", reader), ("Goes on after row", back_to.to_string())],
            }
        }
        Alarm::SigningStopped { rows } => Told {
            title: "Alarm: The Log Is Not Signed Any More",
            what: "no checkpoints".to_owned(),
            before: vec![
                match rows {
                    Some(rows) => format!("The audit log is not the one that was signed when it had {rows} rows: some of it was changed or taken away, in the database or by putting back a copy of it."),
                    None => "A checkpoint that the audit log is to go on from cannot be believed, or cannot be found among what others have put beside it.".to_owned(),
                },
                "No checkpoint is signed until that is mended, and what happens until then is proved by none. The daemon's journal has the cause with \"no checkpoint was made\". Look at what the log has become:".to_owned(),
                "`clavis audit verify`".to_owned(),
            ],
            facts: rows.map(|rows| ("Rows", rows.to_string())).into_iter().collect(),
        },
    }
}

fn show(reference: &Reference) -> String {
    format!("`clavis audit show --request {reference}`")
}

fn address(source: Option<IpAddr>) -> String {
    source.map_or_else(
        || "an unknown address".to_owned(),
        |source| source.to_string(),
    )
}
