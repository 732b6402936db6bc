//! A browser without a screen: follows links and fills in forms over real HTTP.

use std::error::Error;

use ureq::Agent;

type Failure = Box<dyn Error + Send + Sync>;

/// One browser, with its own cookies.
pub(crate) struct Browser {
    agent: Agent,
    base: String,
}

/// A page as it was answered.
pub(crate) struct Page {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The path at which it was found, after redirects.
    pub(crate) path: String,
    /// Its HTML.
    pub(crate) html: String,
}

impl Browser {
    /// A new browser for the site at this address.
    pub(crate) fn new(base: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
        }
    }

    /// Opens a page, by its path or its whole address.
    pub(crate) fn open(&self, address: &str) -> Result<Page, Failure> {
        let url = if address.starts_with('/') {
            format!("{}{address}", self.base)
        } else {
            address.to_owned()
        };
        Self::page(self.agent.get(url).call()?)
    }

    /// Sends the form of a page back to where the page was found, with these fields filled in.
    pub(crate) fn submit(&self, page: &Page, fields: &[(&str, &str)]) -> Result<Page, Failure> {
        let hidden = page.hidden_fields();
        let hidden = hidden
            .iter()
            .filter(|(name, _)| !fields.iter().any(|(field, _)| field == name));
        let all = hidden
            .map(|(name, value)| (*name, *value))
            .chain(fields.iter().copied());
        let url = format!("{}{}", self.base, page.path);
        Self::page(self.agent.post(url).send_form(all)?)
    }

    fn page(mut answer: ureq::http::Response<ureq::Body>) -> Result<Page, Failure> {
        use ureq::ResponseExt;
        let path = answer.get_uri().path().to_owned();
        let status = answer.status().as_u16();
        let html = answer.body_mut().read_to_string()?;
        Ok(Page { status, path, html })
    }
}

impl Page {
    /// The hidden fields of the main form: the last of the page, after the sign-out of its head.
    pub(crate) fn hidden_fields(&self) -> Vec<(&str, &str)> {
        let main = self.html.split("<main").nth(1).unwrap_or(&self.html);
        let inputs = main.split("<input type=\"hidden\" ").skip(1);
        inputs
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
            .collect()
    }

    /// The texts of the elements that begin with this tag.
    pub(crate) fn texts(&self, tag: &str) -> Vec<String> {
        let name = tag
            .trim_start_matches('<')
            .split([' ', '>'])
            .next()
            .unwrap_or_default();
        let close = format!("</{name}>");
        self.html
            .split(tag)
            .skip(1)
            .filter_map(|rest| text_of(rest.split(&close).next()?))
            .collect()
    }
}

fn attribute<'h>(tag: &'h str, name: &str) -> Option<&'h str> {
    let tag = tag.split('>').next()?;
    tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()
}

/// What is left of HTML without its tags, in one line.
fn text_of(html: &str) -> Option<String> {
    let inside = html.split_once('>')?.1;
    let pieces = inside.split('<').enumerate();
    let text: String = pieces
        .filter_map(|(at, piece)| {
            if at == 0 {
                Some(piece)
            } else {
                piece.split_once('>').map(|(_, text)| text)
            }
        })
        .collect();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}
