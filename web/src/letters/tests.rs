//! Every letter, to each of its readers.

use clavis_broker::letters::{Alarm, Letter, LetterKind, Mail};
use clavis_broker::lifecycle::{Approval, Closing, Outcome, Request, State, Vote};
use clavis_broker::people::{GroupName, MailAddress, Party};
use clavis_broker::policy::{Away, Panel, PolicyFault, Rule, StandIn, WhichFault, seats};
use clavis_broker::ports::MailRenderer;
use clavis_broker::testing::CountingRandom;
use clavis_broker::testing::sample::{candidates, monday, panel_in_stages, person, request};
use clavis_broker::text::{Comment, Reason};
use clavis_broker::tokens::{OneTimeCode, PlainToken};

use super::Letters;
use crate::testing::{ANNA, LAPTOP, PHONE, site};

const KINDS: [LetterKind; 13] = [
    LetterKind::RequestConfirmation,
    LetterKind::ApprovalNeeded,
    LetterKind::ApprovalReminder,
    LetterKind::RequestApproved,
    LetterKind::KeyLink,
    LetterKind::KeyRetrieved,
    LetterKind::LinkExpired,
    LetterKind::RequestDeclined,
    LetterKind::RequestWithdrawn,
    LetterKind::RequestLapsed,
    LetterKind::RequestRevoked,
    LetterKind::GlassBroken,
    LetterKind::KeyRotated,
];

fn hostile() -> Request {
    let mut request = request();
    request.device.name = format!("{LAPTOP}\r\nBcc: eve@example.com");
    request.requester.name = format!("{ANNA}\r\nX: y\u{202e}");
    request.beneficiary.name.clone_from(&request.requester.name);
    let askers = [&request.requester, &request.beneficiary];
    let mut candidates = candidates(&["boss", "ben"]);
    candidates[0].people[0].name = "Boss <img src=x>\n".to_owned();
    let away = [Away {
        who: candidates[0].people[0].id.clone(),
        stand_in: person("cleo"),
        until: monday() + request.terms.decide_within,
    }];
    let seats = seats(&candidates, askers, &away, &[], monday());
    let rule = Rule::manager_else(Vec::new());
    request.panel = Panel::new(&rule, seats, Vec::new()).unwrap();
    request
}

/// The same, as an agent asks for it.
fn by_an_agent() -> Request {
    Request {
        requester: Party {
            name: "Agent\r\nX: y".to_owned(),
            ..person("agent").party().unwrap()
        },
        ..hostile()
    }
}

fn approver(request: &Request) -> &Party {
    &request.asked().next().unwrap().party
}

/// A request in every state that a letter may find it in: a letter can be late.
fn states(request: &Request) -> Vec<State> {
    let by = approver(request).clone();
    let comment = Comment::parse("mind the dog").ok();
    let vote = Vote {
        by: by.clone(),
        in_place_of: None,
        at: monday(),
        comment: comment.clone(),
    };
    let approval = Approval::Votes { votes: vec![vote] };
    let broken = Approval::BrokenGlass {
        who: person("breaker").party().unwrap(),
        at: monday(),
        reason: Reason::parse("the plane leaves").unwrap(),
    };
    let closed = |outcome| {
        State::Closed(Closing {
            at: monday(),
            outcome,
        })
    };
    vec![
        request.state.clone(),
        State::Approved {
            approval: approval.clone(),
            deliver_by: monday(),
        },
        State::LinkSent {
            approval: approval.clone(),
            deliver_by: monday(),
            link: PlainToken::new(&CountingRandom::default()).hash(),
            expires_at: monday() + request.terms.link_valid_for,
        },
        closed(Outcome::Redeemed {
            approval: approval.clone(),
            keys: vec![request.promised[0].key_id],
        }),
        closed(Outcome::Declined { by, comment }),
        closed(Outcome::Withdrawn {
            by: request.requester.clone(),
        }),
        closed(Outcome::Expired {
            approval: approval.clone(),
        }),
        closed(Outcome::Lapsed { approval: None }),
        closed(Outcome::Lapsed {
            approval: Some(approval),
        }),
        closed(Outcome::Revoked { by: "root".into() }),
        State::Approved {
            approval: broken.clone(),
            deliver_by: monday(),
        },
        closed(Outcome::Expired { approval: broken }),
    ]
}

fn letter(kind: LetterKind, request: &Request, to: &Party) -> Mail {
    let link = PlainToken::new(&CountingRandom::default());
    let has_link = matches!(
        kind,
        LetterKind::ApprovalNeeded | LetterKind::ApprovalReminder | LetterKind::KeyLink
    );
    render(&Letter::OfRequest {
        kind,
        request,
        to,
        link: has_link.then_some(&link),
    })
}

fn render(letter: &Letter<'_>) -> Mail {
    Letters::new(site("https://keys.example.com")).render(letter, "1".to_owned())
}

fn check(mail: &Mail) {
    let Mail {
        subject,
        text,
        html,
        ..
    } = mail;
    assert!(!subject.chars().any(char::is_control), "{subject:?}");
    for part in [text, html] {
        assert!(part.contains(PHONE), "{subject}: support");
        assert!(part.contains("You get this mail because"), "{subject}: why");
        for secret in ["since the update", "mind the dog", "the plane leaves"] {
            assert!(!part.contains(secret), "{subject}: {secret}");
        }
    }
    for header in ["\nX: y", "\nBcc:", "\u{202e}"] {
        assert!(
            !text.contains(header),
            "{subject}: a name makes a line of its own"
        );
    }
    for broken in [
        "<script", "<img", "<iframe", "url(", "@import", "<link", "\u{202e}",
    ] {
        assert!(!html.contains(broken), "{subject}: {broken}");
    }
    assert!(html.contains("name=\"color-scheme\"") && html.contains("prefers-color-scheme: dark"));
    for visible in html.split("<a class=\"link\" href=\"").skip(1) {
        let (target, rest) = visible.split_once('"').unwrap();
        let shown = rest.split_once('>').unwrap().1.split('<').next().unwrap();
        assert_eq!(
            shown, target,
            "the address that is seen is the one that is opened"
        );
    }
}

#[test]
fn every_letter_is_whole_and_thin_for_every_reader_in_every_state() {
    let mut requests = Vec::new();
    for sample in [hostile(), by_an_agent()] {
        let states = states(&sample).into_iter();
        requests.extend(states.map(|state| Request {
            state,
            ..sample.clone()
        }));
    }
    let breaker = person("breaker").party().unwrap();
    for request in requests {
        let readers = request.askers().chain([&breaker]);
        let readers = readers.chain(request.panel.everybody().map(|seat| &seat.party));
        let readers: Vec<_> = readers.collect();
        for kind in KINDS {
            for to in &readers {
                let mail = letter(kind, &request, to);
                check(&mail);
                if request.askers().count() > 1 {
                    assert!(mail.text.contains("Asked by: Agent X: y\nFor: Anna"));
                }
                let reference = request.reference.to_string();
                assert!(mail.subject.contains(&reference));
                assert!(mail.text.contains(&reference) && mail.html.contains(&reference));
                assert!(mail.text.contains("LT-42") && mail.html.contains("LT-42&#34;&#62;"));
                assert!(!mail.text.contains("\n\n\n"), "{}", mail.text);
                assert_eq!(mail.to, to.mail);
            }
        }
    }
}

#[test]
fn the_approvers_buttons_open_one_page_and_differ_only_in_what_they_suggest() {
    let request = hostile();
    let mail = letter(LetterKind::ApprovalNeeded, &request, approver(&request));
    let token = PlainToken::new(&CountingRandom::default());
    let url = format!("https://keys.example.com/review/{}", token.expose());
    for end in ["?choice=approve\"", "?choice=decline\"", "\""] {
        assert!(mail.html.contains(&format!("href=\"{url}{end}")), "{end}");
    }
    assert!(mail.text.contains(&format!("\n{url}\n")));
    assert!(
        mail.text
            .contains("You can decide until Thursday, 26 November 2026, 10:00 CET.")
    );
}

#[test]
fn the_key_links_letter_says_for_how_long_and_until_when() {
    let sample = hostile();
    let request = Request {
        state: states(&sample)[2].clone(),
        ..sample
    };
    let mail = letter(LetterKind::KeyLink, &request, &request.beneficiary);
    assert!(mail.subject.starts_with("Your Secure Key Link: "));
    assert!(
        mail.text
            .contains("valid for 3 hours, until Monday, 23 November 2026, 13:00 CET."),
        "{}",
        mail.text
    );
    assert!(mail.text.contains("It opens once."));
    assert_eq!(
        mail.html.matches("https://keys.example.com/key/").count(),
        3
    );
}

#[test]
fn those_who_asked_and_those_who_approve_read_different_words() {
    let sample = hostile();
    for (at, kind) in [
        (3, LetterKind::KeyRetrieved),
        (5, LetterKind::RequestWithdrawn),
        (6, LetterKind::LinkExpired),
        (7, LetterKind::RequestLapsed),
        (9, LetterKind::RequestRevoked),
    ] {
        let request = Request {
            state: states(&sample)[at].clone(),
            ..sample.clone()
        };
        let asker = letter(kind, &request, &request.beneficiary);
        let approving = letter(kind, &request, approver(&request));
        assert!(asker.text.contains("asked for in your name"));
        assert!(
            approving.text.contains("nothing left for you to do"),
            "{}",
            approving.text
        );
        assert!(
            !approving.text.contains("/requests/"),
            "an approver cannot open it"
        );
    }
}

#[test]
fn the_sign_in_letter_holds_the_code_in_the_mail_and_not_in_the_subject() {
    let code = OneTimeCode::parse("7KQ2MX9C4T").unwrap();
    let to = hostile().beneficiary;
    let letter = Letter::SignIn {
        to: &to,
        code: &code,
        expires_at: monday(),
    };
    let mail = render(&letter);
    check(&mail);
    assert_eq!(mail.subject, "Your Sign-In Code");
    assert!(mail.text.contains("\n    7KQ2M-X9C4T\n") && mail.html.contains("7KQ2M-X9C4T"));
    assert!(
        mail.text
            .contains("until Monday, 23 November 2026, 10:00 CET")
    );
}

#[test]
fn an_agent_an_approver_and_who_gets_the_key_each_read_who_asked_for_whom() {
    let sample = by_an_agent();
    let states = states(&sample);
    let (agent, anna) = (&sample.requester, &sample.beneficiary);
    for (at, kind) in [
        (0, LetterKind::RequestConfirmation),
        (1, LetterKind::RequestApproved),
        (3, LetterKind::KeyRetrieved),
        (4, LetterKind::RequestDeclined),
        (5, LetterKind::RequestWithdrawn),
        (6, LetterKind::LinkExpired),
        (7, LetterKind::RequestLapsed),
        (9, LetterKind::RequestRevoked),
        (10, LetterKind::GlassBroken),
    ] {
        let request = Request {
            state: states[at].clone(),
            ..sample.clone()
        };
        let mail = letter(kind, &request, agent);
        assert!(
            !mail.text.to_lowercase().contains("your key link"),
            "{}",
            mail.text
        );
        assert!(
            mail.text
                .contains("because you asked for a recovery key for Anna")
        );
        let mail = letter(kind, &request, anna);
        assert!(
            mail.text
                .contains("because Agent X: y asked for a recovery key for you")
        );
        assert!(!mail.text.contains("your request"), "{}", mail.text);
    }
    let mail = letter(LetterKind::ApprovalNeeded, &sample, approver(&sample));
    let asks = "Agent X: y asks for the recovery key of LT-42\"><img src=x> Bcc: eve@example.com, for Anna";
    assert!(mail.text.contains(asks), "{}", mail.text);
}

#[test]
fn a_reminder_is_what_was_asked_and_says_since_when() {
    let request = hostile();
    let asked = letter(LetterKind::ApprovalNeeded, &request, approver(&request));
    let reminder = letter(LetterKind::ApprovalReminder, &request, approver(&request));
    assert!(reminder.subject.starts_with("Reminder: Approval Needed: "));
    let since = "It has been waiting for a decision since Monday, 23 November 2026, 10:00 CET.";
    assert!(reminder.text.contains(since) && !asked.text.contains(since));
    let url = |mail: &Mail| mail.html.matches("/review/").count();
    assert_eq!(url(&reminder), url(&asked));
}

#[test]
fn an_approver_reads_how_many_must_and_a_stand_in_in_whose_place() {
    let one_is_enough = hostile();
    let stand_in = one_is_enough
        .panel
        .everybody()
        .last()
        .unwrap()
        .party
        .clone();
    let mail = letter(LetterKind::ApprovalNeeded, &one_is_enough, &stand_in);
    assert!(
        mail.text
            .contains("You are asked in place of Boss <img src=x>, who is away.")
    );
    assert!(
        mail.text
            .contains("you stand in for Boss <img src=x>, who may approve")
    );
    assert!(mail.text.contains("The first decision counts."));
    let mail = letter(
        LetterKind::ApprovalNeeded,
        &one_is_enough,
        approver(&one_is_enough),
    );
    assert!(!mail.text.contains("in place of"));

    let askers = [&one_is_enough.requester, &one_is_enough.beneficiary];
    let two_of_three = Request {
        panel: panel_in_stages(askers, &["boss", "ben", "cleo"], 2, Vec::new()),
        ..one_is_enough.clone()
    };
    let mail = letter(
        LetterKind::ApprovalNeeded,
        &two_of_three,
        approver(&two_of_three),
    );
    assert!(
        mail.text
            .contains("2 people must approve; each counts once.")
    );
    assert!(!mail.text.contains("The first decision counts."));
    let mail = letter(LetterKind::RequestConfirmation, &two_of_three, askers[0]);
    assert!(
        mail.text
            .contains("2 of boss, ben and cleo must approve it.")
    );
}

#[test]
fn a_broken_glass_is_told_to_each_in_their_words_without_its_reason() {
    let sample = by_an_agent();
    let broken = states(&sample)[10].clone();
    let request = Request {
        state: broken,
        ..sample
    };
    let kind = LetterKind::GlassBroken;
    let anna = letter(kind, &request, &request.beneficiary);
    assert!(anna.subject.starts_with("Released Without Approval: "));
    assert!(
        anna.text
            .contains("breaker released the recovery key of LT-42")
    );
    assert!(
        anna.text
            .contains("Your key link comes in a mail of its own")
    );
    assert!(anna.text.contains("/requests/"));
    let agent = letter(kind, &request, &request.requester);
    assert!(agent.text.contains("goes to Anna") && agent.text.contains("/requests/"));
    let skipped = letter(kind, &request, approver(&request));
    assert!(
        skipped
            .text
            .contains("without waiting for you or anybody else")
    );
    assert!(skipped.text.contains("The log marks it.") && !skipped.text.contains("/requests/"));
    let Some(Approval::BrokenGlass { who, .. }) = request.state.approval() else {
        panic!("a broken glass");
    };
    let themselves = letter(LetterKind::KeyRetrieved, &request, who);
    assert!(
        themselves
            .text
            .contains("because you released a recovery key without an approval")
    );
}

#[test]
fn a_stand_in_and_who_is_away_both_read_until_when_and_how_it_ends() {
    let sample = hostile();
    let (of, by) = (approver(&sample).clone(), sample.requester.clone());
    let stand_in = StandIn {
        of,
        by,
        until: monday() + sample.terms.decide_within,
    };
    for (to, subject) in [
        (&stand_in.of, "Your Stand-In: Anna"),
        (&stand_in.by, "You Are Standing In for Boss <img src=x>"),
    ] {
        let mail = render(&Letter::StandIn {
            to,
            stand_in: &stand_in,
        });
        check(&mail);
        assert!(mail.subject.starts_with(subject), "{}", mail.subject);
        assert!(
            mail.text
                .contains("until Thursday, 26 November 2026, 10:00 CET")
        );
        assert!(mail.text.contains("https://keys.example.com/away"));
        assert_eq!(mail.to, to.mail);
    }
}

#[test]
fn an_alarm_says_what_is_wrong_and_what_to_do() {
    let to = MailAddress::parse("operators@example.com").unwrap();
    let policy = Alarm::Policy(PolicyFault {
        rule: "servers\r\nBcc: eve".to_owned(),
        which: WhichFault::UnknownGroup(GroupName("GG-X".to_owned())),
    });
    let sample = hostile();
    let broken = Alarm::GlassBroken {
        reference: sample.reference.clone(),
        by: sample.requester.clone(),
        device: sample.device.name.clone(),
    };
    for (alarm, said) in [
        (
            &policy,
            ["there is no group \"GG-X\"", "run `clavis check`"],
        ),
        (
            &broken,
            [
                "released the recovery key of LT-42",
                "clavis audit show --request",
            ],
        ),
    ] {
        let mail = render(&Letter::Alarm { to: &to, alarm });
        check(&mail);
        assert!(mail.subject.starts_with("Alarm: "));
        for said in said {
            assert!(mail.text.contains(said), "{}", mail.text);
        }
        assert_eq!(mail.to, to);
    }
}
