//! A notice for Slack, as its incoming webhooks take it: a text for where there is room for no more, and
//! blocks (Slack, "Sending messages using incoming webhooks", "Formatting message text").

use serde_json::{Value, json};

use super::Worded;

/// The message.
pub(super) fn message(notice: &Worded<'_>) -> Value {
    let organisation = escaped(notice.organisation);
    let reference = escaped(&notice.reference);
    let decide_by = escaped(&notice.decide_by);
    let link = escaped(&notice.link);
    let section =
        |text: String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    json!({
        "text": format!(
            "A recovery key waits for a review: {organisation}, request {reference}, until {decide_by}"
        ),
        "blocks": [
            section("*A recovery key waits for a review*".to_owned()),
            section(format!("{organisation}, request {reference}\nDecide by {decide_by}")),
            section(format!(
                "<{link}|Open the review>\nOnly those who were asked can open it, once they have signed in."
            )),
        ],
    })
}

/// A text in which Slack sees no link, no mention and no channel.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
