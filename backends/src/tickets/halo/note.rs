//! The note that tells a ticket something. Pure.

use std::fmt::Write as _;

use clavis_broker::tickets::Posting;
use serde_json::{Value, json};

use super::values::text;

/// The outcome of a private note, which every Halo brings along.
pub(super) const PRIVATE_NOTE: u32 = 7;

/// The note in HTML: its lines, and the mark by which it is found again.
pub(super) fn html(posting: &Posting) -> String {
    let mut html = String::from("<p>");
    for (at, line) in posting.note.lines().enumerate() {
        if at > 0 {
            html.push_str("<br>");
        }
        escape(line, &mut html);
    }
    html.push_str("</p><p>");
    escape(&posting.marker, &mut html);
    html.push_str("</p>");
    html
}

/// The order that writes it, for the desk's people alone, and no mail of it.
pub(super) fn order(ticket: &str, posting: &Posting, outcome: u32, status: Option<u32>) -> Value {
    let mut action = json!({
        "ticket_id": ticket.parse::<u64>().unwrap_or_default(),
        "outcome_id": outcome,
        "note_html": html(posting),
        "hiddenfromuser": true,
        "sendemail": false,
    });
    if let Some(status) = status {
        action["new_status"] = status.into();
    }
    json!([action])
}

/// Whether an action is the note with this mark.
pub(super) fn has_mark(action: &Value, marker: &str) -> bool {
    ["note", "note_html"]
        .iter()
        .filter_map(|field| text(action, field))
        .any(|note| contains_word(note, marker))
}

/// Whether a mark stands in a text, and is not a part of a longer one.
fn contains_word(text: &str, marker: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices(marker).any(|(at, found)| {
        !text[..at].ends_with(is_part) && !text[at + found.len()..].starts_with(is_part)
    })
}

fn escape(text: &str, to: &mut String) {
    for c in text.chars() {
        match c {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            '\'' => to.push_str("&#39;"),
            // Halo replaces `$…` by fields of the ticket in some of its texts.
            '$' => to.push_str("&#36;"),
            c if c.is_control() => to.push(' '),
            c => {
                let _ = to.write_char(c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting() -> Posting {
        Posting {
            marker: "clavis-1a2b".to_owned(),
            note: "Approved by <b>boss</b> & \"co\".\nKey 7 $-USERNAME".to_owned(),
            ending: None,
            may_be_there: false,
        }
    }

    #[test]
    fn a_note_is_text_and_nothing_else() {
        assert_eq!(
            html(&posting()),
            "<p>Approved by &lt;b&gt;boss&lt;/b&gt; &amp; &quot;co&quot;.<br>Key 7 \
             &#36;-USERNAME</p><p>clavis-1a2b</p>"
        );
        let order = order("12", &posting(), 40, Some(9));
        let action = &order[0];
        assert_eq!(action["ticket_id"], 12);
        assert_eq!(action["outcome_id"], 40);
        assert_eq!(action["hiddenfromuser"], true);
        assert_eq!(action["sendemail"], false);
        assert_eq!(action["new_status"], 9);
        let order = super::order("12", &posting(), 7, None);
        assert!(order[0].get("new_status").is_none());
    }

    #[test]
    fn a_mark_is_found_whole_or_not_at_all() {
        let has = |note: &str| has_mark(&json!({ "note": note }), "clavis-1a2b");
        assert!(has("clavis-1a2b"));
        assert!(has("Approved.\nclavis-1a2b "));
        assert!(has_mark(
            &json!({ "note_html": html(&posting()) }),
            "clavis-1a2b"
        ));
        for other in [
            "clavis-1a2bc",
            "xclavis-1a2b",
            "clavis-1a2b-2",
            "clavis-1a2",
            "",
        ] {
            assert!(!has(other), "{other}");
        }
        assert!(has("clavis-1a2bc clavis-1a2b"));
    }
}
