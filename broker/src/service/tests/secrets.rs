//! No secret is where it does not belong.

use super::{DATA_KEY, KEY, OLD_KEY, REASON, World, laptop};
use crate::keys::Form;
use crate::service::Visitor;
use crate::testing::MailTrouble;
use crate::testing::sample::record;

const PASSPHRASE: &str = "X7QZ-24KM-9PLA-00RT-B3VN-HH6C";
const BROKEN: &str = "correct horse\nbattery staple";

#[tokio::test]
async fn neither_log_nor_store_nor_error_holds_a_token_a_code_or_a_key() {
    let world = World::new();
    for (id, text) in [(7, PASSPHRASE), (8, BROKEN)] {
        let record = record(id, Some(id), 3);
        world.escrow.hold_passphrase(&laptop().id, record, text);
    }
    let begun = world.broker.begin_sign_in(super::anna().mail, None).await;
    let begun = begun.unwrap().unwrap();
    world.settle().await;
    let code = world.mailer.sent()[0].text.clone();
    let session = world.broker.end_sign_in(&begun, &code, None, None).await;
    let session = session.unwrap();

    world.mailer.break_down(Some(MailTrouble::Transient));
    world.ask().await;
    world.pass(1, 1).await;
    world.mailer.break_down(Some(MailTrouble::Permanent));
    world.pass(10, 1).await;
    world.mailer.break_down(None);
    for job in crate::ports::Store::dead(&*world.store, 9).await.unwrap() {
        world.broker.revive(job.id, "root").await.unwrap();
    }
    world.settle().await;
    world.approve().await;
    world.settle().await;
    let link = world.token("KeyLink", "anna");
    world
        .broker
        .open_link(&link, Visitor::default())
        .await
        .unwrap();
    let opened = world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    let again = world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap_err();
    world.settle().await;
    let passphrases = opened.keys.iter().filter(|it| it.form == Form::Passphrase);
    let sound: Vec<_> = passphrases.map(|it| it.key.is_ok()).collect();
    assert_eq!(sound, [true, false]);

    let mut secrets: Vec<String> = [KEY, DATA_KEY, OLD_KEY, PASSPHRASE]
        .map(str::to_owned)
        .into();
    secrets.extend(BROKEN.lines().map(str::to_owned));
    secrets.push(begun.expose().to_owned());
    secrets.push(session.expose().to_owned());
    let mails = world
        .mailer
        .sent()
        .into_iter()
        .chain(world.mailer.refused());
    secrets.extend(mails.map(|mail| mail.text).filter(|text| !text.is_empty()));
    assert!(secrets.len() > 8, "several links were mailed");
    let rows = serde_json::to_string(&world.log().await).unwrap();
    let requests = serde_json::to_string(&world.request().await).unwrap();
    let kept = world.store.picture();
    let debugged = format!("{opened:?} {again:?} {again}");
    for secret in secrets {
        for forms in [secret.clone(), secret.replace('-', "")] {
            for place in [&rows, &requests, &kept, &debugged] {
                assert!(!place.contains(&forms), "{forms} in {place}");
            }
        }
    }
}

#[tokio::test]
async fn no_letter_and_no_row_of_the_log_tells_the_reason() {
    let world = World::new();
    let link = world.key_link().await;
    world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    world.settle().await;
    let rows = serde_json::to_string(&world.log().await).unwrap();
    assert!(!rows.contains(REASON));
    for mail in world.mailer.sent() {
        let whole = format!("{} {} {}", mail.subject, mail.text, mail.html);
        assert!(!whole.contains(REASON));
    }
}
