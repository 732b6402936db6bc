//! Programs and channels elsewhere, as the configuration names them.

use clavis_broker::news::EVENTS;
use clavis_broker::programs::Scope;
use clavis_config::settings::ChannelKind;
use secrecy::ExposeSecret;

use super::{EXAMPLE, parse};

fn said(section: &str) -> Vec<String> {
    match parse(&format!("{EXAMPLE}\n{section}")) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|it| it.what.clone()).collect(),
    }
}

fn webhook(lines: &str) -> String {
    format!("[[webhooks]]\nname = \"one\"\nsecret_file = \"alarms.secret\"\n{lines}\n")
}

fn notice(lines: &str) -> String {
    format!("[[notices]]\nname = \"two\"\nkind = \"slack\"\n{lines}\n")
}

#[test]
fn programs_are_told_of_all_or_of_what_they_name() {
    let url = "url = \"https://hooks.example.com/clavis\"\n";
    let more = "previous_secret_file = \"monitoring.before.secret\"\nevents = [\"link.redeemed\"]";
    let named = webhook(&format!("{url}{more}")).replace("one", "other");
    let text = format!("{EXAMPLE}\n{}{named}", webhook(url));
    let settings = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let [all, some] = &settings.webhooks[..] else {
        panic!("two");
    };
    assert_eq!(all.events, EVENTS);
    assert!(all.webhook.previous_secret.is_none() && !all.webhook.allow_private);
    assert_eq!(some.events, ["link.redeemed"]);
    assert!(some.webhook.previous_secret.is_some());
}

#[test]
fn what_is_wrong_with_a_webhook_is_told() {
    let url = "url = \"https://hooks.example.com\"";
    let one = webhook(url);
    let double = "`name` is that of an earlier [[webhooks]] or [[notices]] section";
    assert_eq!(said(&format!("{one}{one}")), [double]);
    let alarms = "`name` is what the webhook of [alarms] goes by";
    assert_eq!(said(&one.replace("one", "alarms")), [alarms]);
    let unknown = webhook(&format!("{url}\nevents = [\"key.shown\"]"));
    assert!(said(&unknown)[0].starts_with("`events` has something that nobody is told of"));
    assert_eq!(
        said(&webhook(&format!("{url}\nevents = []"))),
        ["`events` names nothing"]
    );
    assert_eq!(said("[[webhooks]]\n").len(), 3);
}

#[test]
fn addresses_that_are_none_of_the_internet_have_to_be_allowed() {
    for place in [
        "https://127.0.0.1",
        "https://10.1.2.3:8443/x",
        "https://169.254.169.254/latest",
        "https://192.168.0.1/?x=/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::7]:8443",
        "https://localhost/x",
        "https://api.localhost/x",
        "http://127.0.0.1:8080/x",
    ] {
        let private = "`url` leads to this machine or into a private network";
        assert_eq!(
            said(&webhook(&format!("url = \"{place}\""))),
            [private],
            "{place}"
        );
        let allowed = webhook(&format!("url = \"{place}\"\nallow_private = true"));
        assert_eq!(said(&allowed), [""; 0], "{place}");
    }
    for number in [
        "https://127.1/",
        "https://2130706433",
        "https://0x7f000001/x",
    ] {
        let allowed = webhook(&format!("url = \"{number}\"\nallow_private = true"));
        let neither = "`url` is neither a name nor an address as it is usually written";
        assert_eq!(said(&allowed), [neither], "{number}");
    }
    let alarms = |lines: &str| {
        let section = "webhook = \"https://10.0.0.7\"\nwebhook_secret_file = \"alarms.secret\"\n";
        let text = EXAMPLE.replace("[alarms]\n", &format!("[alarms]\n{section}{lines}\n"));
        parse(&text)
            .map(drop)
            .map_err(|problems| problems.to_string())
    };
    let refused = alarms("").unwrap_err();
    assert!(
        refused.contains("write `webhook_allow_private = true`"),
        "{refused}"
    );
    alarms("webhook_allow_private = true").unwrap();
}

#[test]
fn a_channel_has_its_address_in_a_file_and_nobody_reads_it_elsewhere() {
    let text = format!("{EXAMPLE}\n{}", notice("url_file = \"teams.url\""));
    let settings = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let channel = &settings.notices[0];
    assert_eq!(channel.kind, ChannelKind::Slack);
    assert!(channel.url.expose_secret().ends_with("?sig=geheim"));
    assert!(!format!("{settings:?}").contains("geheim"));

    let private = "`url_file` leads to this machine or into a private network";
    assert_eq!(said(&notice("url_file = \"private.url\"")), [private]);
    let problems = said(&notice("url_file = \"geheim\""));
    assert_eq!(problems, ["`url_file` names a file that holds no address"]);
    let both = format!(
        "{}{}",
        webhook("url = \"https://hooks.example.com\""),
        notice("url_file = \"teams.url\"").replace("two", "one")
    );
    assert_eq!(said(&both).len(), 1);
    assert_eq!(
        said(&notice("url_file = \"teams.url\"").replace("slack", "irc")).len(),
        1
    );
}

#[test]
fn programs_that_send_have_a_name_a_secret_and_something_to_do() {
    let sender = |lines: &str| format!("[[webhooks_in]]\n{lines}\n");
    let sound = sender("name = \"desk\"\nsecret_file = \"alarms.secret\"");
    let settings = parse(&format!("{EXAMPLE}\n{sound}"));
    let settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
    let [desk] = &settings.senders[..] else {
        panic!("one");
    };
    assert_eq!(desk.name.as_str(), "desk");
    assert_eq!(desk.scopes, [Scope::Create, Scope::Withdraw]);
    assert_eq!(desk.secrets.len(), 1);

    let double = "`name` is that of an earlier [[webhooks_in]] or [[desks]] section";
    assert_eq!(said(&format!("{sound}{sound}")), [double]);
    let odd = "name = \"a b\"\nsecret_file = \"other\"\nmay = [\"decide\"]";
    assert_eq!(said(&sender(odd)).len(), 4);
    let nothing = "name = \"desk\"\nsecret_file = \"alarms.secret\"\nmay = []";
    assert_eq!(said(&sender(nothing)), ["`may` names nothing"]);
}
