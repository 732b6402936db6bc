//! Reading an answer so that what is wrong with it is said by its place, and by nothing else of it.
//!
//! Every part is a piece of the answer's own memory until it is known what it is. Texts that may
//! be keys stay that; no error is taken over from the parser, whose messages quote what they are
//! about.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::aside::told;
use super::escapes::unescaped;
use super::trouble::Misfit;

/// A part of an answer, and where it stands: `devices[2].name`.
pub(super) struct Part<'a> {
    raw: &'a RawValue,
    place: String,
}

/// An object all of whose fields were agreed.
pub(super) struct Object<'a> {
    place: String,
    fields: Vec<(&'static str, Part<'a>)>,
}

impl<'a> Part<'a> {
    /// The whole answer.
    pub(super) fn whole(bytes: &'a [u8]) -> Result<Self, Misfit> {
        let place = "the answer".to_owned();
        let what = match std::str::from_utf8(bytes).map(serde_json::from_str) {
            Ok(Ok(raw)) => return Ok(Self { raw, place }),
            _ if bytes.trim_ascii().is_empty() => "is empty".to_owned(),
            Ok(Err(error)) => format!(
                "is no JSON, or more than one value, at line {}, column {}",
                error.line(),
                error.column()
            ),
            Err(error) => format!("is not text in UTF-8, from byte {}", error.valid_up_to()),
        };
        Err(Misfit { place, what })
    }

    /// That this part is not as agreed.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Misfit {
        Misfit {
            place: self.place.clone(),
            what: what.into(),
        }
    }

    /// What stands in the answer, as it stands there.
    pub(super) fn raw(&self) -> &'a str {
        self.raw.get()
    }

    /// An object with these fields and no others.
    pub(super) fn object(&self, names: &'static [&'static str]) -> Result<Object<'a>, Misfit> {
        let mut fields: Vec<(&'static str, Part<'a>)> = Vec::new();
        for (at, (name, raw)) in self.fields()?.into_iter().enumerate() {
            let Some(name) = names.iter().find(|known| is_name(name, known)) else {
                return Err(self.wrong(format!("its field {} is none that is agreed", at + 1)));
            };
            let part = self.field(name, raw);
            if fields.iter().any(|(earlier, _)| earlier == name) {
                return Err(part.wrong("is there twice"));
            }
            fields.push((name, part));
        }
        Ok(Object {
            place: self.place.clone(),
            fields,
        })
    }

    /// A field of an object, whatever else is in there.
    pub(super) fn peek(&self, name: &'static str) -> Result<Option<Part<'a>>, Misfit> {
        let fields = self.fields()?;
        let found = fields.into_iter().find(|(found, _)| is_name(found, name));
        Ok(found.map(|(_, raw)| self.field(name, raw)))
    }

    /// A list of at most so many.
    pub(super) fn list(&self, most: usize) -> Result<Vec<Part<'a>>, Misfit> {
        let items: Vec<&'a RawValue> = self
            .opened('[')
            .ok_or_else(|| self.wrong("is not a list"))?;
        if items.len() > most {
            return Err(self.wrong(format!(
                "has {} entries, and {most} is the most",
                items.len()
            )));
        }
        let place = |at: usize| format!("{}[{at}]", self.place);
        let parts = items.into_iter().enumerate();
        Ok(parts
            .map(|(at, raw)| Part {
                raw,
                place: place(at),
            })
            .collect())
    }

    /// A text as it stands in the answer, between its quotes; nothing where it has escapes.
    pub(super) fn plain(&self) -> Result<Option<&'a str>, Misfit> {
        let inner = self.quoted()?;
        Ok((!inner.contains('\\')).then_some(inner))
    }

    /// What a text stands for, in memory that is wiped; nothing where an escape stands for no
    /// character.
    pub(super) fn secret(&self) -> Result<Option<Zeroizing<String>>, Misfit> {
        self.quoted().map(unescaped)
    }

    /// A text that can be shown, of at most so many characters. Never called on what may be a key.
    pub(super) fn text(&self, most: usize) -> Result<String, Misfit> {
        let text = self.copied()?;
        if text.chars().all(|c| c.is_whitespace() || c == '\u{feff}') {
            return Err(self.wrong("is empty"));
        }
        if text.chars().count() > most {
            return Err(self.wrong(format!("is longer than {most} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(self.wrong("has characters that cannot be shown"));
        }
        Ok(text)
    }

    /// What a program says of its trouble: cut rather than refused, since it matters more than its
    /// form, and a note where it could hold a key.
    pub(super) fn sentence(&self, most: usize) -> Result<String, Misfit> {
        self.copied().map(|text| told(&text, most))
    }

    fn quoted(&self) -> Result<&'a str, Misfit> {
        between_quotes(self.raw).ok_or_else(|| self.wrong("is not a text"))
    }

    fn copied(&self) -> Result<String, Misfit> {
        serde_json::from_str(self.raw()).map_err(|_| self.wrong("is not a text"))
    }

    fn fields(&self) -> Result<Vec<(&'a RawValue, &'a RawValue)>, Misfit> {
        let fields = self
            .opened('{')
            .ok_or_else(|| self.wrong("is not an object"))?;
        let Fields(fields) = fields;
        Ok(fields)
    }

    /// What begins like this, taken apart. What begins otherwise is not given to the parser, which
    /// would copy it into a message.
    fn opened<T: Deserialize<'a>>(&self, with: char) -> Option<T> {
        let raw = self.raw();
        raw.starts_with(with)
            .then(|| serde_json::from_str(raw).ok())
            .flatten()
    }

    fn field(&self, name: &str, raw: &'a RawValue) -> Part<'a> {
        let place = if self.place.ends_with(']') {
            format!("{}.{name}", self.place)
        } else {
            name.to_owned()
        };
        Part { raw, place }
    }
}

impl<'a> Object<'a> {
    /// A field that must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<&Part<'a>, Misfit> {
        self.optional(name).ok_or_else(|| Misfit {
            place: self.place.clone(),
            what: format!("`{name}` is missing"),
        })
    }

    /// A field that may be there.
    pub(super) fn optional(&self, name: &'static str) -> Option<&Part<'a>> {
        let found = self.fields.iter().find(|(found, _)| *found == name);
        found.map(|(_, part)| part)
    }
}

/// Whether the name of a field, as it stands in the answer, is this one.
fn is_name(raw: &RawValue, name: &str) -> bool {
    between_quotes(raw) == Some(name)
}

fn between_quotes(raw: &RawValue) -> Option<&str> {
    raw.get().strip_prefix('"')?.strip_suffix('"')
}

/// The fields of an object, names and values as they stand in the answer.
struct Fields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OfAnObject;
        impl<'de> Visitor<'de> for OfAnObject {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(OfAnObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Result<Part<'_>, String> {
        Part::whole(text.as_bytes()).map_err(|misfit| misfit.to_string())
    }

    #[test]
    fn what_is_no_json_is_told_by_its_line_and_column() {
        for (text, told) in [
            ("", "the answer: is empty"),
            (" \n", "the answer: is empty"),
            (
                "{\n  \"key\": 000011-000022\n}",
                "the answer: is no JSON, or more than one value, at line 2, column 11",
            ),
            (
                "{}\n{}",
                "the answer: is no JSON, or more than one value, at line 2, column 1",
            ),
        ] {
            assert_eq!(whole(text).err().unwrap(), told);
        }
        let misfit = Part::whole(b"\"\xff\"").err().unwrap();
        assert_eq!(misfit.what, "is not text in UTF-8, from byte 1");
    }

    #[test]
    fn fields_are_those_that_were_agreed_each_once() {
        let told = |text: &str| {
            let object = whole(text).unwrap().object(&["a", "b"]);
            object.err().unwrap().to_string()
        };
        assert_eq!(told("[]"), "the answer: is not an object");
        assert_eq!(told(r#"{"a":1,"a":2}"#), "a: is there twice");
        let unknown = "the answer: its field 2 is none that is agreed";
        assert_eq!(told(r#"{"a":1,"000011-000022":2}"#), unknown);
        assert_eq!(told(r#"{"a":1,"\u0062":2}"#), unknown);

        let object = whole(r#" { "b" : 1 } "#)
            .unwrap()
            .object(&["a", "b"])
            .unwrap();
        assert_eq!(object.optional("b").unwrap().raw(), "1");
        let missing = object.required("a").err().unwrap().to_string();
        assert_eq!(missing, "the answer: `a` is missing");
    }

    #[test]
    fn places_name_fields_and_count_entries() {
        let answer = whole(r#"{"devices":[{},{"owners":["a", 7]}]}"#).unwrap();
        let devices = answer.object(&["devices"]).unwrap();
        let devices = devices.required("devices").unwrap().list(2).unwrap();
        let second = devices[1].object(&["owners"]).unwrap();
        let owners = second.required("owners").unwrap();
        assert_eq!(
            owners.list(1).err().unwrap().to_string(),
            "devices[1].owners: has 2 entries, and 1 is the most"
        );
        let owners = owners.list(2).unwrap();
        assert_eq!(owners[0].text(1).unwrap(), "a");
        let number = owners[1].text(1).unwrap_err().to_string();
        assert_eq!(number, "devices[1].owners[1]: is not a text");
    }

    #[test]
    fn a_plain_text_is_a_piece_of_the_answer_itself() {
        let source = "\"000011\"".to_owned();
        let text = whole(&source).unwrap().plain().unwrap().unwrap();
        assert_eq!(text.as_ptr(), source[1..].as_ptr());
        assert_eq!(whole(r#""0000\u0031""#).unwrap().plain().unwrap(), None);
        assert!(whole("7").unwrap().plain().is_err());
    }

    #[test]
    fn a_secret_text_is_read_with_its_escapes() {
        let read = |text| whole(text).unwrap().secret();
        let text = read(r#" "a \"b\" \\ \u00e9" "#).unwrap().unwrap();
        assert_eq!(*text, "a \"b\" \\ é");
        assert_eq!(read(r#""\ud83d""#).unwrap(), None);
        for other in ["7", "null", r#"["a"]"#] {
            assert_eq!(read(other).unwrap_err().what, "is not a text");
        }
    }
}
