//! One table of a TOML file, and its keys.
//!
//! Whoever reads a table asks its [`Section`] for the keys that it may have, all of them before
//! giving up over any. When the section is dropped, it reports the keys that nobody asked for.

use std::cell::{Cell, RefCell};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::Sheet;
use crate::problems::Wrong;
use crate::spelling::nearest;

/// A kind that a section may be of: its name, and what reads it.
pub type Kind<'k, 's, T> = (&'static str, &'k dyn Fn(&Section<'s>) -> Option<T>);

/// One table of the file.
pub struct Section<'s> {
    sheet: &'s Sheet<'s>,
    table: &'s DeTable<'s>,
    line: Option<usize>,
    /// As it is written in its header: `server`, `active_directory.corp`; empty for the outermost.
    name: String,
    asked: RefCell<Vec<&'static str>>,
    lenient: Cell<bool>,
}

impl<'s> Section<'s> {
    pub(crate) fn new(
        sheet: &'s Sheet<'s>,
        table: &'s DeTable<'s>,
        line: Option<usize>,
        name: String,
    ) -> Self {
        Self {
            sheet,
            table,
            line,
            name,
            asked: RefCell::default(),
            lenient: Cell::new(false),
        }
    }

    /// A value that must be there. `None` after reporting that it is not, or what `read` has
    /// against it.
    pub fn required<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value = self.look_up(key);
        if value.is_none() {
            self.missing(key, format!("Add a line `{key} = …` to {}.", self.title()));
        }
        self.judge(key, value?, read)
    }

    /// A value that may be there. `None` where it is not, or after reporting what `read` has
    /// against it.
    pub fn optional<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value = self.look_up(key)?;
        self.judge(key, value, read)
    }

    /// The sound ones of a list of values; none where the key is not there.
    pub fn list<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Vec<T> {
        let Some(value) = self.look_up(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            let remedy = format!("Write it as `{key} = [\"…\", \"…\"]`.");
            self.problem(key, format!("`{key}` is not a list"), remedy);
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| self.judge(key, item, &read))
            .collect()
    }

    /// A table that must be there; reported where it is not.
    pub fn required_table(&self, key: &'static str) -> Option<Section<'s>> {
        if !self.has(key) {
            let remedy = "Add it; the example configuration shows what belongs into it.";
            self.missing_table(&format!("[{}]", self.path_to(key)), remedy);
        }
        self.optional_table(key)
    }

    /// A table that may be there.
    pub fn optional_table(&self, key: &'static str) -> Option<Section<'s>> {
        let value = self.look_up(key)?;
        self.enter(value, self.path_to(key))
    }

    /// The tables of a `[[key]]` list; none where there is none.
    pub fn tables(&self, key: &'static str) -> Vec<Section<'s>> {
        let Some(value) = self.look_up(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            let remedy = format!("Begin each of them with `[[{}]]`.", self.path_to(key));
            self.problem(key, format!("`{key}` is not a list of sections"), remedy);
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| self.enter(item, self.path_to(key)))
            .collect()
    }

    /// The tables `[key.NAME]` with their names; none where there is none.
    pub fn named_tables(&self, key: &'static str) -> Vec<(String, Section<'s>)> {
        let Some(DeValue::Table(names)) = self.look_up(key).map(Spanned::get_ref) else {
            if self.has(key) {
                let remedy = format!("Begin each of them with `[{}.NAME]`.", self.path_to(key));
                self.problem(key, format!("`{key}` is not a set of sections"), remedy);
            }
            return Vec::new();
        };
        names
            .iter()
            .filter_map(|(name, value)| {
                let path = format!("{}.{}", self.path_to(key), name.get_ref());
                Some((name.get_ref().to_string(), self.enter(value, path)?))
            })
            .collect()
    }

    /// Reads the section as its `kind = "…"` says. Where that is missing or unknown, this alone is
    /// reported: nobody can tell which other keys belong here.
    pub fn by_kind<T>(&self, kinds: &[Kind<'_, 's, T>]) -> Option<T> {
        self.kind(kinds.iter().copied())?(self)
    }

    /// What belongs to the kind that `kind = "…"` names, of all kinds with their names.
    pub fn kind<K>(&self, kinds: impl IntoIterator<Item = (&'static str, K)>) -> Option<K> {
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        let named = self.required("kind", |value| {
            let wanted = value.as_str().unwrap_or_default();
            let place = kinds.iter().position(|(name, _)| *name == wanted);
            place.ok_or_else(|| {
                let known: Vec<_> = kinds
                    .iter()
                    .map(|(name, _)| format!("\"{name}\""))
                    .collect();
                let remedy = format!("Write `kind = {}`.", known.join(" or "));
                Wrong::new("is none that Clavis knows", remedy)
            })
        });
        self.lenient.set(named.is_none());
        Some(kinds.swap_remove(named?).1)
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports something at a key's line, or at the section's own where the key is not there.
    pub fn problem(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let line = match self.table.get_key_value(key) {
            Some((key, _)) => Some(self.sheet.line_of(key.span().start)),
            None => self.line,
        };
        self.sheet.report(line, what, remedy);
    }

    /// Reports that something that must be there is missing. Where the file could not be read
    /// properly, it may be there after all, and nothing is said.
    pub fn missing_table(&self, what: &str, remedy: impl Into<String>) {
        if self.sheet.whole {
            self.sheet
                .report(self.line, format!("the section {what} is missing"), remedy);
        }
    }

    fn missing(&self, key: &str, remedy: String) {
        if self.sheet.whole {
            let what = format!("`{key}` is missing in {}", self.title());
            self.sheet.report(self.line, what, remedy);
        }
    }

    fn look_up(&self, key: &'static str) -> Option<&'s Spanned<DeValue<'s>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    fn judge<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        read(value.get_ref())
            .map_err(|wrong| {
                let line = Some(self.sheet.line_of(value.span().start));
                let what = format!("`{key}` {}", wrong.what);
                self.sheet.report(line, what, wrong.remedy);
            })
            .ok()
    }

    fn enter(&self, value: &'s Spanned<DeValue<'s>>, name: String) -> Option<Section<'s>> {
        let line = Some(self.sheet.line_of(value.span().start));
        let DeValue::Table(table) = value.get_ref() else {
            let remedy = format!("Begin the section with a line `[{name}]`.");
            self.sheet
                .report(line, format!("`{name}` is not a section"), remedy);
            return None;
        };
        Some(Section::new(self.sheet, table, line, name))
    }

    fn path_to(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    fn title(&self) -> String {
        if self.name.is_empty() {
            "the file".to_owned()
        } else {
            format!("[{}]", self.name)
        }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        if self.lenient.get() || !self.sheet.headers_hold {
            return;
        }
        let asked = self.asked.borrow();
        let unused: Vec<&str> = asked.iter().copied().filter(|key| !self.has(key)).collect();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if asked.contains(&name) {
                continue;
            }
            let what = match nearest(name, unused.iter().copied()) {
                _ if may_be_a_key(name) => format!("unknown key in {}", self.title()),
                Some(meant) => format!("unknown key `{name}`; did you mean `{meant}`?"),
                None => format!("unknown key `{name}` in {}", self.title()),
            };
            let remedy = if unused.is_empty() {
                "Remove it.".to_owned()
            } else {
                format!("Remove it, or write one of: {}.", unused.join(", "))
            };
            let line = Some(self.sheet.line_of(key.span().start));
            self.sheet.report(line, what, remedy);
        }
    }
}

/// Whether a name has a group of a recovery key in it, which is a value that has lost its place.
fn may_be_a_key(name: &str) -> bool {
    let mut groups = name.split(|c: char| !c.is_ascii_digit());
    groups.any(|group| group.len() >= 6)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::read;
    use crate::values::text;

    fn problems(source: &str, build: impl FnOnce(&Section<'_>) -> Option<()>) -> String {
        read(source, Path::new("x.toml"), build)
            .expect_err("problems")
            .to_string()
    }

    #[test]
    fn unknown_keys_are_reported_with_their_lines_and_what_may_be_meant() {
        let shown = problems("nmae = 1\n\ncolour = 2\n", |root| {
            root.optional("name", text);
            Some(())
        });
        assert_eq!(
            shown,
            "x.toml:1: unknown key `nmae`; did you mean `name`?\n    \
             Remove it, or write one of: name.\n\
             x.toml:3: unknown key `colour` in the file\n    \
             Remove it, or write one of: name."
        );
    }

    #[test]
    fn an_unknown_key_that_may_be_a_recovery_key_is_told_by_its_line_alone() {
        let source = "name = 1\n000011-000022-720885 = 1\nname000011 = 1\n";
        let shown = problems(source, |root| root.optional("name", |_| Ok(())));
        let told = |line| format!("x.toml:{line}: unknown key in the file\n    Remove it.");
        assert_eq!(shown, [told(2), told(3)].join("\n"));
    }

    #[test]
    fn an_unknown_kind_is_one_problem_and_the_other_keys_are_not_judged() {
        let shown = problems("kind = \"carrier pigeon\"\nhost = \"x\"\n", |root| {
            root.by_kind(&[("smtp", &|_| Some(())), ("folder", &|_| Some(()))])
        });
        assert_eq!(
            shown,
            "x.toml:1: `kind` is none that Clavis knows\n    Write `kind = \"smtp\" or \"folder\"`."
        );
    }

    #[test]
    fn sections_of_the_wrong_shape_are_named() {
        let shown = problems("[a]\n[[b]]\n[c]\nx = 1\nd = 1\n", |root| {
            root.tables("a");
            root.optional_table("b");
            for (_, section) in root.named_tables("c") {
                section.optional("x", text);
            }
            Some(())
        });
        for part in [
            "x.toml:1: `a` is not a list of sections",
            "x.toml:2: `b` is not a section",
            "x.toml:4: `c.x` is not a section",
            "x.toml:5: `c.d` is not a section",
        ] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
