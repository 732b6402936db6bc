//! Every letter, to each of its readers.

use clavis_broker::letters::{Letter, LetterKind, Mail};
use clavis_broker::lifecycle::{Approval, Closing, Outcome, Request, State};
use clavis_broker::people::Party;
use clavis_broker::ports::MailRenderer;
use clavis_broker::testing::CountingRandom;
use clavis_broker::testing::sample::{monday, request};
use clavis_broker::text::Comment;
use clavis_broker::tokens::{PlainToken, SignInCode};

use super::Letters;
use crate::testing::{ANNA, LAPTOP, PHONE, site};

const KINDS: [LetterKind; 10] = [
    LetterKind::RequestConfirmation,
    LetterKind::ApprovalNeeded,
    LetterKind::RequestApproved,
    LetterKind::KeyLink,
    LetterKind::KeyRetrieved,
    LetterKind::LinkExpired,
    LetterKind::RequestDeclined,
    LetterKind::RequestWithdrawn,
    LetterKind::RequestLapsed,
    LetterKind::RequestRevoked,
];

fn hostile() -> Request {
    let mut request = request();
    request.device.name = format!("{LAPTOP}\r\nBcc: eve@example.com");
    request.requester.name = format!("{ANNA}\r\nX: y\u{202e}");
    request.beneficiary.name.clone_from(&request.requester.name);
    request.asked[0].name = "Boss <img src=x>\n".to_owned();
    request
}

/// A request in every state that a letter may find it in: a letter can be late.
fn states(request: &Request) -> Vec<State> {
    let by = request.asked[0].clone();
    let comment = Comment::parse("mind the dog").ok();
    let approval = Approval {
        by: by.clone(),
        at: monday(),
        comment: comment.clone(),
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
    ]
}

fn letter(kind: LetterKind, request: &Request, to: &Party) -> Mail {
    let link = PlainToken::new(&CountingRandom::default());
    let has_link = matches!(kind, LetterKind::ApprovalNeeded | LetterKind::KeyLink);
    let letter = Letter::OfRequest {
        kind,
        request,
        to,
        link: has_link.then_some(&link),
    };
    Letters::new(site("https://keys.example.com")).render(&letter, "1".to_owned())
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
        for secret in ["since the update", "mind the dog"] {
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
    let sample = hostile();
    for state in states(&sample) {
        let request = Request {
            state,
            ..sample.clone()
        };
        for kind in KINDS {
            for to in [&request.beneficiary, &request.asked[0]] {
                let mail = letter(kind, &request, to);
                check(&mail);
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
    let mail = letter(LetterKind::ApprovalNeeded, &request, &request.asked[0]);
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
        let approver = letter(kind, &request, &request.asked[0]);
        assert!(asker.text.contains("asked for in your name"));
        assert!(
            approver.text.contains("nothing left for you to do"),
            "{}",
            approver.text
        );
        assert!(
            !approver.text.contains("/requests/"),
            "an approver cannot open it"
        );
    }
}

#[test]
fn the_sign_in_letter_holds_the_code_in_the_mail_and_not_in_the_subject() {
    let code = SignInCode::parse("7KQ2MX9C4T").unwrap();
    let to = hostile().beneficiary;
    let letter = Letter::SignIn {
        to: &to,
        code: &code,
        expires_at: monday(),
    };
    let mail = Letters::new(site("https://keys.example.com")).render(&letter, "1".to_owned());
    check(&mail);
    assert_eq!(mail.subject, "Your Sign-In Code");
    assert!(mail.text.contains("\n    7KQ2M-X9C4T\n") && mail.html.contains("7KQ2M-X9C4T"));
    assert!(
        mail.text
            .contains("until Monday, 23 November 2026, 10:00 CET")
    );
}
