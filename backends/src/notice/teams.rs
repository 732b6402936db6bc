//! A notice for Microsoft Teams: an Adaptive Card, as the workflow "Post to a channel when a webhook
//! request is received" takes it (Microsoft, "Create incoming webhooks with Workflows").

use serde_json::{Value, json};

use super::Worded;

/// The message. Its texts are runs, in which nothing is markup.
pub(super) fn message(notice: &Worded<'_>) -> Value {
    let Worded {
        organisation,
        reference,
        decide_by,
        link,
    } = notice;
    let line = |runs: Value| json!({ "type": "RichTextBlock", "inlines": runs });
    let run = |text: &str| json!({ "type": "TextRun", "text": text });
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            line(json!([{
                "type": "TextRun",
                "text": "A recovery key waits for a review",
                "size": "Medium",
                "weight": "Bolder",
            }])),
            line(json!([run(&format!("{organisation}, request {reference}"))])),
            line(json!([run(&format!("Decide by {decide_by}"))])),
            line(json!([{
                "type": "TextRun",
                "text": "Only those who were asked can open it, once they have signed in.",
                "isSubtle": true,
            }])),
        ],
        "actions": [{ "type": "Action.OpenUrl", "title": "Open the review", "url": link }],
    });
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}
