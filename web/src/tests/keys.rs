//! The key page with either form of a key, and with both.

use clavis_broker::devices::{BackendName, DeviceId, EscrowRecord, VolumeKind};
use clavis_broker::testing::sample::record;

use crate::testing::{Answer, World};

const PASSPHRASE: &str = " two  <b>words</b> & a 'quoted' \"one\" \\u0041é鍵 ";
const DIGITS_TO_TYPE: &str = "<li>Type the 48 digits into the laptop.";

/// What the page shows with one passphrase more for the laptop, for its system drive.
async fn shown_with(world: &World, text: &str) -> Answer {
    let laptop = DeviceId {
        backend: BackendName("test".to_owned()),
        native: "laptop".to_owned(),
    };
    let record = EscrowRecord {
        kind: VolumeKind::OperatingSystem,
        ..record(0xDDDD_0004 << 96, Some(9), 6)
    };
    world.escrow.hold_passphrase(&laptop, record, text);
    let link = world.approved().await;
    let mut anna = world.browser();
    let token = anna.get(&link).await.form_token();
    anna.post(&link, &[("form_token", token)]).await
}

/// What stands in the one element that shows a passphrase, as a browser reads it.
fn passphrase_in(page: &Answer) -> String {
    let mut pieces = page.body.split("<code class=\"passphrase\"").skip(1);
    let piece = pieces.next().expect("a passphrase");
    assert_eq!(pieces.next(), None);
    let (text, _) = piece.split_once('>').unwrap().1.split_once('<').unwrap();
    [('<', 60), ('>', 62), ('"', 34), ('\'', 39), ('&', 38)]
        .iter()
        .fold(text.to_owned(), |text, (c, number)| {
            text.replace(&format!("&#{number};"), &c.to_string())
        })
}

#[tokio::test]
async fn a_passphrase_is_shown_as_it_is_beside_digits() {
    let page = shown_with(&World::new(), PASSPHRASE).await;
    assert_eq!(passphrase_in(&page), PASSPHRASE);
    assert!(page.says("Start-up drive") && page.says("The drive that the system starts from"));
    assert!(page.says("<span>000011<i>-</i></span>"), "the digits too");
    assert!(!page.says(DIGITS_TO_TYPE) && page.says("Where it has 48 digits"));
    assert!(page.says("locked screen, if it shows any. The row"));
    assert!(page.says("There are spaces at its beginning or its end."));
}

#[tokio::test]
async fn a_page_of_passphrases_alone_has_no_digits_to_type() {
    let world = World::new();
    for id in [0xAAAA_0001_u128, 0xBBBB_0002, 0xCCCC_0003] {
        let id = record(id << 96, None, 1).key_id;
        world.escrow.forget_key(id);
    }
    let page = shown_with(&world, "X7QZ-24KM").await;
    assert_eq!(passphrase_in(&page), "X7QZ-24KM");
    assert!(page.says("Type the key into the laptop exactly as it stands here:"));
    for other in ["48 digits", "Windows", "BitLocker", "There are spaces"] {
        assert!(!page.says(other), "{other}");
    }
}

#[tokio::test]
async fn a_damaged_passphrase_is_not_shown_and_digits_stay_what_is_to_type() {
    let page = shown_with(&World::new(), "two\nlines").await;
    assert!(page.says("does not hold one line of 1 to 512 visible characters"));
    assert!(!page.says("two\nlines") && !page.says("<code class=\"passphrase\""));
    assert!(page.says(DIGITS_TO_TYPE) && !page.says("exactly as it stands here"));
}
