//! Letters about no request of the reader's.

use clavis_broker::alarms::Alarm;
use clavis_broker::letters::Letter;
use clavis_broker::people::{GroupName, MailAddress};
use clavis_broker::policy::{PolicyFault, StandIn, WhichFault};
use clavis_broker::testing::sample::{monday, person};
use clavis_broker::tokens::OneTimeCode;

use super::{approver, check, hostile, render};

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
#[expect(clippy::too_many_lines, reason = "one kind of alarm after the other")]
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
        beneficiary: sample.beneficiary.clone(),
        requester: Some(person("agent").party().unwrap()),
    };
    let own = Alarm::GlassBroken {
        reference: sample.reference.clone(),
        by: person("breaker").party().unwrap(),
        device: sample.device.name.clone(),
        beneficiary: sample.beneficiary.clone(),
        requester: None,
    };
    let used = Alarm::UsedLinkOpened {
        reference: sample.reference.clone(),
        device: sample.device.name.clone(),
        beneficiary: sample.beneficiary.clone(),
        used_at: monday(),
        shown_to: None,
        opened_from: "2001:db8::7".parse().ok(),
    };
    let own_yes = Alarm::OwnApproval {
        reference: sample.reference.clone(),
        device: sample.device.name.clone(),
        by: sample.requester.clone(),
    };
    let redemptions = Alarm::ManyRedemptions { count: 31 };
    let devices = Alarm::ManyDevices {
        by: sample.requester.clone(),
        count: 4,
        for_others: false,
    };
    let rights = Alarm::RightsWidened {
        place: "corp\r\nX: y".to_owned(),
        rights: vec!["changing recovery records".to_owned()],
    };
    let unreadable = Alarm::RowUnreadable { row: 4711 };
    let ahead = Alarm::CursorAhead {
        reader: "feed siem\r\nX: y".to_owned(),
        back_to: 17,
    };
    let changed = Alarm::SigningStopped { rows: Some(5) };
    let unbelieved = Alarm::SigningStopped { rows: None };
    for (alarm, said) in [
        (&changed, ["when it had 5 rows", "`clavis audit verify`"]),
        (
            &unbelieved,
            ["cannot be believed", "no checkpoint was made"],
        ),
        (
            &ahead,
            [
                "beyond the end of the log",
                "`clavis audit show --after 17`",
            ],
        ),
        (
            &unreadable,
            ["What is stored at row 4711", "`clavis audit verify`"],
        ),
        (
            &used,
            [
                "Nothing was shown this time.",
                "\nShown to: an unknown address\nOpened from: 2001:db8::7\n",
            ],
        ),
        (&own_yes, ["It was refused.", "clavis audit show --request"]),
        (&redemptions, ["At least 31 key links", "\nKey links: 31\n"]),
        (
            &devices,
            ["of 4 devices within a day", "clavis audit show --person"],
        ),
        (
            &rights,
            [
                "than it needs: changing recovery records.",
                "`clavis check` says how",
            ],
        ),
        (
            &policy,
            ["there is no group \"GG-X\"", "run `clavis check`"],
        ),
        (
            &broken,
            [
                "released the recovery key of LT-42",
                "\nFor: Anna <script>alert(1)</script> O'Hara & Sons X: y\nAsked by: agent\n",
            ],
        ),
        (
            &own,
            ["clavis audit show --request", "\nBy: breaker\nFor: Anna"],
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
    let mail = render(&Letter::Alarm {
        to: &to,
        alarm: &own,
    });
    assert!(!mail.text.contains("Asked by"));
}
