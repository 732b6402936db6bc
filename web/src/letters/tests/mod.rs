//! Every letter, to each of its readers.

mod deciding;
mod notices;

use clavis_broker::letters::{Letter, LetterKind, Mail};
use clavis_broker::lifecycle::{Approval, Closing, Outcome, Request, State, Vote};
use clavis_broker::people::Party;
use clavis_broker::policy::{Away, Panel, Rule, seats};
use clavis_broker::ports::MailRenderer;
use clavis_broker::service::{Gates, KeyGate, ReviewGate};
use clavis_broker::testing::CountingRandom;
use clavis_broker::testing::sample::{candidates, monday, person, request};
use clavis_broker::text::{Comment, Reason};
use clavis_broker::tokens::PlainToken;

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
            votes: Vec::new(),
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
    letter_behind(Gates::default(), kind, request, to)
}

fn letter_behind(gates: Gates, kind: LetterKind, request: &Request, to: &Party) -> Mail {
    let link = PlainToken::new(&CountingRandom::default());
    let has_link = matches!(
        kind,
        LetterKind::ApprovalNeeded | LetterKind::ApprovalReminder | LetterKind::KeyLink
    );
    let letter = Letter::OfRequest {
        kind,
        request,
        to,
        link: has_link.then_some(&link),
    };
    render_behind(gates, &letter)
}

fn render(letter: &Letter<'_>) -> Mail {
    render_behind(Gates::default(), letter)
}

fn render_behind(gates: Gates, letter: &Letter<'_>) -> Mail {
    let letters = Letters::new(site("https://keys.example.com"), gates);
    letters.render(letter, "1".to_owned())
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
fn the_letters_with_links_say_what_is_needed_beside_them() {
    let sample = hostile();
    let request = Request {
        state: states(&sample)[2].clone(),
        ..sample.clone()
    };
    let page = format!("https://keys.example.com/requests/{}", request.reference);
    let code = format!("You need the pick-up code from the page of the request: {page}\n");
    let open = "Whoever has this link can open it.";
    for (key, said) in [
        (KeyGate::Link, open),
        (
            KeyGate::SignIn,
            "It opens for you alone, once you are signed in.",
        ),
        (KeyGate::Code, &code),
    ] {
        let gates = Gates {
            key,
            ..Gates::default()
        };
        let to = &request.beneficiary;
        let mail = letter_behind(gates, LetterKind::KeyLink, &request, to);
        check(&mail);
        assert!(mail.text.contains(said), "{key:?}: {}", mail.text);
        assert_eq!(mail.text.contains(open), key == KeyGate::Link);
        assert!(mail.text.contains("Please do not forward"));
    }
    let said = "You sign in before you decide.";
    for (review, expected) in [(ReviewGate::Link, false), (ReviewGate::SignIn, true)] {
        let gates = Gates {
            review,
            ..Gates::default()
        };
        for kind in [LetterKind::ApprovalNeeded, LetterKind::ApprovalReminder] {
            let mail = letter_behind(gates, kind, &sample, approver(&sample));
            assert_eq!(mail.text.contains(said), expected, "{review:?}");
        }
    }
}

#[test]
fn who_can_ask_again_is_led_to_the_page_with_the_button() {
    let sample = by_an_agent();
    for (at, kind) in [
        (5, LetterKind::RequestWithdrawn),
        (6, LetterKind::LinkExpired),
        (7, LetterKind::RequestLapsed),
    ] {
        let request = Request {
            state: states(&sample)[at].clone(),
            ..sample.clone()
        };
        let page = format!("/requests/{}\n", request.reference);
        for (to, lead, path) in [
            (
                &request.beneficiary,
                "Ask for the key again, on the page of the request:",
                page.clone(),
            ),
            (
                &request.requester,
                "Ask for the key again, at the desk:",
                format!("/desk{page}"),
            ),
        ] {
            let mail = letter(kind, &request, to);
            let expected = format!("{lead}\nhttps://keys.example.com{path}");
            assert!(mail.text.contains(&expected), "{}", mail.text);
            assert!(!mail.text.contains("/requests/new"));
        }
    }
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
