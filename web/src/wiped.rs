//! A page in memory that is wiped when it is no longer needed: the one that holds recovery keys.

use std::fmt;

use askama::Template;
use axum::body::{Body, Bytes};
use zeroize::Zeroizing;

/// A buffer that leaves no copy of what was written to it: it is wiped when it is dropped, and
/// when it has to grow.
#[derive(Default)]
pub(crate) struct WipedPage(Zeroizing<Vec<u8>>);

impl WipedPage {
    /// Large enough for a key page of a few drives, so that it rarely grows.
    const CAPACITY: usize = 64 * 1024;

    /// Renders a template into a body that wipes itself once it has been sent.
    pub(crate) fn render(template: &impl Template) -> Result<Body, askama::Error> {
        let mut page = Self(Zeroizing::new(Vec::with_capacity(Self::CAPACITY)));
        template.render_into(&mut page)?;
        Ok(Body::from(Bytes::from_owner(page.0)))
    }
}

impl fmt::Write for WipedPage {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let needed = self.0.len() + text.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed * 2));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn it_grows_only_by_its_own_hand() {
        let mut page = WipedPage::default();
        for _ in 0..1000 {
            let before = page.0.capacity();
            page.write_str("0123456789").unwrap();
            let after = page.0.capacity();
            assert!(after == before || after >= page.0.len() - 10);
        }
        assert_eq!(page.0.len(), 10_000);
    }
}
