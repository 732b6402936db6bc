//! Letters about no request of the reader's: a code for a sign-in, and who stands in for whom.

use clavis_broker::people::Party;
use clavis_broker::policy::StandIn;
use clavis_broker::ports::KeptCheckpoint;
use clavis_broker::tokens::OneTimeCode;
use jiff::Timestamp;

use super::wording::{Address, Wording, one_line};
use crate::site::Site;

pub(super) fn of_sign_in(code: &OneTimeCode, expires_at: Timestamp, site: &Site) -> Wording {
    let title = "Your Sign-In Code";
    Wording {
        subject: title.to_owned(),
        title,
        before: vec!["Type this code on the page that asked for it:".to_owned()],
        code: Some(code.expose()),
        after: vec![
            format!(
                "The code is valid until {} and works once.",
                site.moment(expires_at)
            ),
            "Nobody from support will ever ask you for it.".to_owned(),
        ],
        facts: vec![("Page", site.url("/"))],
        why: format!(
            "You get this mail because somebody typed your address to sign in to Clavis. If that was not you, nothing has happened yet: do not pass the code on, and call support at {}.",
            site.support.phone
        ),
        ..Wording::default()
    }
}

/// To who is away, or to who stands in.
pub(super) fn of_stand_in(to: &Party, stand_in: &StandIn, site: &Site) -> Wording {
    let (of, by) = (one_line(&stand_in.of.name), one_line(&stand_in.by.name));
    let until = site.moment(stand_in.until);
    let phone = &site.support.phone;
    let facts = vec![
        ("Away", of.clone()),
        ("Stands in", by.clone()),
        ("Until", until.clone()),
    ];
    if to.id == stand_in.of.id {
        let title = "Your Stand-In";
        return Wording {
            subject: format!("{title}: {by}"),
            title,
            before: vec![
                format!("You said that {by} decides in your place until {until}."),
                "Whoever asks for a recovery key until then, and would have asked you, asks both of you. One of you is enough, and counts once.".to_owned(),
            ],
            address: Some(Address {
                lead: "You are back earlier? Say so here, and it ends:",
                url: site.url("/away"),
            }),
            facts,
            why: format!(
                "You get this mail because somebody who was signed in as you said this. If that was not you, end it on the page above, and call support at {phone}."
            ),
            ..Wording::default()
        };
    }
    let title = "You Are Standing In";
    Wording {
        subject: format!("{title} for {of}"),
        title,
        before: vec![
            format!("{of} is away, and says that you decide in their place until {until}."),
            format!(
                "Whoever asks for a recovery key until then, and would have asked {of}, asks you as well. You get a mail for each request."
            ),
            format!(
                "You cannot do this? Tell {of}, who can end it on the page {}, or call support.",
                site.url("/away")
            ),
        ],
        facts,
        why: format!(
            "You get this mail because {of} has named you. If it looks odd, call support at {phone}."
        ),
        ..Wording::default()
    }
}

/// To an auditor, who keeps it where nobody who can change the log can change it as well.
pub(super) fn of_checkpoint(kept: &KeptCheckpoint, site: &Site) -> Wording {
    let title = "Checkpoint of the Log";
    Wording {
        subject: format!("{title}: {} rows", kept.size),
        title,
        before: vec![
            "These lines say what the log of Clavis was like. Keep them: with them, `clavis audit verify --checkpoint FILE` tells whether a row that was there has been changed or taken away since.".to_owned(),
            "The file is to have the lines as they are, from the first to the one that begins with a dash, and a newline at its end.".to_owned(),
        ],
        verbatim: Some(kept.note.clone()),
        facts: vec![
            ("Rows", kept.size.to_string()),
            ("Made", site.moment(kept.made_at)),
            ("Page", site.url("/audit")),
        ],
        why: "You get this mail because the configuration of Clavis names this address for checkpoints of the log.".to_owned(),
        ..Wording::default()
    }
}
