//! Channels in which approvers are: of Microsoft Teams, of Slack. They are told that a review waits, and
//! where; nothing is decided there.

mod slack;
mod teams;

use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::causes::with_causes;
use clavis_broker::ports::{Clock, Finding, HookError, Notice, Notifier};
use clavis_config::settings::{self, ChannelKind};
use jiff::tz::TimeZone;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::hook::{Answer, Target, Unheard};

/// What a notice says of this installation.
#[derive(Debug, Clone)]
pub struct House {
    /// The name of the organisation.
    pub organisation: String,
    /// The address that people use, without a slash at the end.
    pub public_url: String,
    /// The zone of times.
    pub time_zone: TimeZone,
}

/// A channel that is told by an address of its own.
pub struct Channel {
    name: String,
    kind: ChannelKind,
    target: Target,
    house: House,
    clock: Arc<dyn Clock>,
}

/// A notice in words.
struct Worded<'a> {
    organisation: &'a str,
    reference: String,
    decide_by: String,
    link: String,
}

impl Channel {
    /// Touches nothing.
    pub fn new(settings: settings::Channel, house: House, clock: Arc<dyn Clock>) -> Self {
        let called = match settings.kind {
            ChannelKind::Teams => "Teams",
            ChannelKind::Slack => "Slack",
        };
        let target = Target::new(
            called,
            settings.url,
            settings.ca_file,
            settings.timeout,
            settings.allow_private,
        );
        Self {
            name: settings.name,
            kind: settings.kind,
            target,
            house,
            clock,
        }
    }

    fn message(&self, notice: &Notice) -> Value {
        let worded = Worded::of(notice, &self.house);
        match self.kind {
            ChannelKind::Teams => teams::message(&worded),
            ChannelKind::Slack => slack::message(&worded),
        }
    }
}

impl<'a> Worded<'a> {
    fn of(notice: &Notice, house: &'a House) -> Self {
        let zone = house.time_zone.clone();
        let decide_by = notice.decide_by.to_zoned_datetime(zone);
        Self {
            organisation: &house.organisation,
            reference: notice.reference.to_string(),
            decide_by: decide_by.strftime("%A, %-d %B %Y, %H:%M %Z").to_string(),
            link: format!("{}/reviews/{}", house.public_url, notice.reference),
        }
    }
}

#[async_trait]
impl Notifier for Channel {
    fn name(&self) -> &str {
        &self.name
    }

    async fn post(&self, notice: &Notice) -> Result<(), HookError> {
        let body = self.message(notice).to_string();
        let now = self.clock.now();
        taken(&self.target.post(HeaderMap::new(), body, now).await?)
    }

    async fn check(&self) -> Vec<Finding> {
        let name = &self.name;
        vec![match self.target.reach().await {
            Ok(()) => Finding::ok(format!("The channel {name} can be reached.")),
            Err(refused @ Unheard::NotPublic(_)) => Finding::failure(
                format!("The channel {name} is told nothing: {refused}."),
                "Correct the address in the file of `url_file`, or where that is meant, write \
                 `allow_private = true` in its section [[notices]].",
            ),
            Err(trouble) => Finding::failure(
                format!(
                    "The channel {name} cannot be reached: {}.",
                    with_causes(&trouble)
                ),
                "Correct the address in the file of `url_file`, or open the way there.",
            ),
        }]
    }
}

/// What an answer means: an address that is gone, or that does not take what it is given, is an
/// operator's matter, and anything else is tried again (Slack, "Handling errors" of incoming webhooks;
/// the workflows of Teams answer 401 and 404 where they were switched off or deleted).
fn taken(answer: &Answer) -> Result<(), HookError> {
    match answer.status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(HookError::Permanent(format!(
            "{}: its webhook is gone; make a new one and put its address into the file of `url_file`",
            answer.told()
        ))),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(HookError::Permanent(format!(
                "{}: look whether its webhook is switched on and may post there",
                answer.told()
            )))
        }
        _ => answer.taken(),
    }
}

#[cfg(test)]
mod tests {
    use clavis_broker::testing::{SetClock, sample};
    use jiff::SignedDuration;

    use super::*;

    fn channel(kind: ChannelKind, organisation: &str) -> Channel {
        let settings = settings::Channel {
            name: "approvers".to_owned(),
            kind,
            url: "https://hooks.example.com/secret".to_owned().into(),
            ca_file: None,
            timeout: SignedDuration::from_secs(1),
            allow_private: false,
        };
        let house = House {
            organisation: organisation.to_owned(),
            public_url: "https://keys.example.com".to_owned(),
            time_zone: TimeZone::get("Europe/Berlin").unwrap(),
        };
        Channel::new(settings, house, Arc::new(SetClock::at(sample::monday())))
    }

    fn notice() -> Notice {
        Notice {
            reference: "K7Q-4MX2".parse().unwrap(),
            decide_by: sample::monday(),
        }
    }

    #[test]
    fn a_card_of_teams_is_as_its_workflows_take_it() {
        let message = channel(ChannelKind::Teams, "Example *& Sons*").message(&notice());
        assert_eq!(message["type"], "message");
        let attachment = &message["attachments"][0];
        assert_eq!(
            attachment["contentType"],
            "application/vnd.microsoft.card.adaptive"
        );
        let card = &attachment["content"];
        assert_eq!(
            (&card["type"], &card["version"]),
            (&"AdaptiveCard".into(), &"1.4".into())
        );
        let link = "https://keys.example.com/reviews/K7Q-4MX2";
        assert_eq!(card["actions"][0]["type"], "Action.OpenUrl");
        assert_eq!(card["actions"][0]["url"], link);
        // Runs of text have no markup in them.
        for block in card["body"].as_array().unwrap() {
            assert_eq!(block["type"], "RichTextBlock");
            for run in block["inlines"].as_array().unwrap() {
                assert_eq!(run["type"], "TextRun");
            }
        }
        let text = message.to_string();
        for part in [
            "Example *& Sons*",
            "K7Q-4MX2",
            "Monday, 23 November 2026, 10:00 CET",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_message_of_slack_has_a_text_and_blocks_and_no_markup_of_others() {
        let message = channel(ChannelKind::Slack, "<!channel> & Sons").message(&notice());
        let text = message["text"].as_str().unwrap();
        assert!(text.contains("&lt;!channel&gt; &amp; Sons"), "{text}");
        let blocks = message["blocks"].as_array().unwrap();
        for block in blocks {
            assert_eq!(
                (&block["type"], &block["text"]["type"]),
                (&"section".into(), &"mrkdwn".into())
            );
            assert!(block["text"]["text"].as_str().unwrap().len() < 3000);
        }
        let all = message.to_string();
        assert!(!all.contains("<!channel>"), "{all}");
        assert!(
            all.contains("<https://keys.example.com/reviews/K7Q-4MX2|"),
            "{all}"
        );
    }

    #[test]
    fn an_address_that_is_gone_is_an_operators_matter_and_a_pause_is_kept() {
        let answer = |status: u16, wait: Option<i64>| {
            taken(&Answer {
                status: StatusCode::from_u16(status).unwrap(),
                wait: wait.map(SignedDuration::from_secs),
            })
        };
        assert!(answer(200, None).is_ok() && answer(202, None).is_ok());
        for status in [400, 401, 403, 404, 410] {
            assert!(matches!(answer(status, None), Err(HookError::Permanent(_))));
        }
        for status in [302, 429, 500, 502] {
            assert!(matches!(answer(status, None), Err(HookError::Transient(_))));
        }
        assert!(matches!(answer(429, Some(30)), Err(HookError::Busy { .. })));
    }
}
