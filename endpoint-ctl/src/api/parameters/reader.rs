//! Reading parameters: each by its name and as what it has to be, with the error that clients know.
//!
//! Ask for every parameter an operation has, then call [`Reader::finish`]: what was never asked for
//! is unknown. May import: std, tracing, the module's own.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::super::error::shown;
use super::tree::joined;
use super::{ApiError, Parameters, Value};

/// Reads the fields of a call, or of one item of a list.
#[derive(Debug)]
pub struct Reader<'p> {
    parameters: &'p Parameters,
    path: String,
    asked: Vec<&'static str>,
}

impl<'p> Reader<'p> {
    pub(super) fn new(parameters: &'p Parameters, path: String) -> Self {
        Self {
            parameters,
            path,
            asked: Vec::new(),
        }
    }

    /// The full name of a field, such as `Zone.1.VSwitchId`, for errors.
    pub fn path_of(&self, name: &str) -> String {
        joined(&self.path, name)
    }

    /// A text that must be given, and not be empty.
    pub fn required(&mut self, name: &'static str) -> Result<&'p str, ApiError> {
        self.given(name)?
            .ok_or_else(|| ApiError::missing(&self.path_of(name)))
    }

    /// A text, which may be empty.
    pub fn text(&mut self, name: &'static str) -> Result<Option<&'p str>, ApiError> {
        match self.ask(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(name, "it has parts, but is one value")),
        }
    }

    /// `true` or `false`, in any case: Python's SDK sends `True`. An empty text is as good as none.
    pub fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, ApiError> {
        match self.given(name)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => {
                let why = format!("{} is neither true nor false", shown(text));
                Err(self.invalid(name, &why))
            }
        }
    }

    /// A whole number within bounds. An empty text is as good as none.
    pub fn integer<T>(
        &mut self,
        name: &'static str,
        bounds: RangeInclusive<T>,
    ) -> Result<Option<T>, ApiError>
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let Some(text) = self.given(name)? else {
            return Ok(None);
        };
        let number = text.parse().ok();
        number
            .filter(|number| bounds.contains(number))
            .map(Some)
            .ok_or_else(|| {
                let (first, last) = (bounds.start(), bounds.end());
                let text = shown(text);
                let why = format!("{text} is not a whole number from {first} to {last}");
                self.invalid(name, &why)
            })
    }

    /// A list of texts, none of them empty; without it, an empty list.
    pub fn texts(&mut self, name: &'static str, most: usize) -> Result<Vec<&'p str>, ApiError> {
        let mut texts = Vec::new();
        for (place, value) in (1..).zip(self.list(name, most)?) {
            match value {
                Value::Text(text) if !text.is_empty() => texts.push(text.as_str()),
                Value::Text(_) => {
                    return Err(self.invalid(name, &format!("place {place} is empty")));
                }
                _ => {
                    let why = format!("place {place} has parts, but is one value");
                    return Err(self.invalid(name, &why));
                }
            }
        }
        Ok(texts)
    }

    /// A list of items with fields, each with its own reader; without it, an empty list.
    pub fn items(&mut self, name: &'static str, most: usize) -> Result<Vec<Reader<'p>>, ApiError> {
        let mut items = Vec::new();
        for (place, value) in (1..).zip(self.list(name, most)?) {
            let path = format!("{}.{place}", self.path_of(name));
            let Value::Fields(fields) = value else {
                let why = format!("{path} has a value of its own, but consists of fields");
                return Err(self.invalid(name, &why));
            };
            items.push(Reader::new(fields, path));
        }
        Ok(items)
    }

    /// A group of fields.
    pub fn fields(&mut self, name: &'static str) -> Result<Option<Reader<'p>>, ApiError> {
        match self.ask(name) {
            None => Ok(None),
            Some(Value::Fields(fields)) => Ok(Some(Reader::new(fields, self.path_of(name)))),
            Some(_) => Err(self.invalid(name, "it has a value of its own, but consists of fields")),
        }
    }

    /// Whether a parameter is there at all, be it empty. This counts as asking for it.
    pub fn has(&mut self, name: &'static str) -> bool {
        self.ask(name).is_some()
    }

    /// The error of a parameter that cannot be taken.
    pub fn invalid(&self, name: &str, why: &str) -> ApiError {
        ApiError::invalid(&self.path_of(name), why)
    }

    /// What was given and never asked for. The real API takes no notice of it.
    pub fn unknown(&self) -> Vec<String> {
        self.parameters
            .iter()
            .filter(|(name, _)| !self.asked.contains(name))
            .map(|(name, _)| self.path_of(name))
            .collect()
    }

    /// Logs what is unknown, at debug: like the real API, we do without it.
    pub fn finish(self) {
        for name in self.unknown() {
            let name = shown(&name);
            tracing::debug!(
                name,
                "a parameter that this operation does not have is ignored"
            );
        }
    }

    fn ask(&mut self, name: &'static str) -> Option<&'p Value> {
        self.asked.push(name);
        self.parameters.get(name)
    }

    /// A text, unless it is empty.
    fn given(&mut self, name: &'static str) -> Result<Option<&'p str>, ApiError> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    fn list(&mut self, name: &'static str, most: usize) -> Result<&'p [Value], ApiError> {
        match self.ask(name) {
            None => Ok(&[]),
            Some(Value::List(items)) if items.len() <= most => Ok(items),
            Some(Value::List(items)) => {
                let why = format!("it has {} items, and {most} are the most", items.len());
                Err(self.invalid(name, &why))
            }
            Some(_) => {
                let why = format!("it is a list: write {}.1", self.path_of(name));
                Err(self.invalid(name, &why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let owned = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Parameters::new(owned.collect()).expect("builds")
    }

    #[test]
    fn values_are_what_they_have_to_be() {
        let given = parameters(&[
            ("Name", "x"),
            ("Empty", ""),
            ("Yes", "True"),
            ("No", "false"),
            ("Count", "50"),
            ("Id.1", "a"),
            ("Id.2", "b"),
            ("Zone.1.ip", "10.0.0.1"),
            ("Check.Port", "80"),
        ]);
        let mut reader = given.reader();
        assert_eq!(reader.required("Name"), Ok("x"));
        assert_eq!(reader.text("Empty"), Ok(Some("")));
        assert_eq!(reader.text("None"), Ok(None));
        assert_eq!(reader.boolean("Yes"), Ok(Some(true)));
        assert_eq!(reader.boolean("No"), Ok(Some(false)));
        assert_eq!(reader.boolean("Empty"), Ok(None));
        assert_eq!(reader.integer("Count", 1..=1_000), Ok(Some(50)));
        assert_eq!(reader.integer("None", 1..=1_000), Ok(None));
        assert_eq!(reader.texts("Id", 2), Ok(vec!["a", "b"]));
        assert_eq!(reader.texts("None", 2), Ok(vec![]));
        let mut zones = reader.items("Zone", 10).expect("is a list");
        assert_eq!(zones[0].required("ip"), Ok("10.0.0.1"));
        let mut check = reader.fields("Check").expect("fields").expect("there");
        assert_eq!(check.integer::<u16>("Port", 1..=65_535), Ok(Some(80)));
        assert!(reader.unknown().is_empty());
    }

    #[test]
    fn errors_name_the_parameter() {
        let given = parameters(&[
            ("Empty", ""),
            ("Yes", "yes"),
            ("Count", "0"),
            ("Text", "x"),
            ("Id.1", "a"),
            ("Id.2", ""),
            ("Zone.1.ZoneId", ""),
        ]);
        let mut reader = given.reader();
        let zone = reader.items("Zone", 10).expect("is a list").remove(0);
        let mut zone = zone;
        for (error, code, says) in [
            (
                reader.required("RegionId").map(drop),
                "MissingRegionId",
                "RegionId",
            ),
            (reader.required("Empty").map(drop), "MissingEmpty", "Empty"),
            (
                reader.boolean("Yes").map(drop),
                "InvalidYes",
                "yes is neither",
            ),
            (
                reader.integer("Count", 1..=9).map(drop),
                "InvalidCount",
                "from 1 to 9",
            ),
            (
                reader.integer("Text", 1..=9).map(drop),
                "InvalidText",
                "whole number",
            ),
            (
                reader.texts("Id", 1).map(drop),
                "InvalidId",
                "1 are the most",
            ),
            (
                reader.texts("Id", 2).map(drop),
                "InvalidId",
                "place 2 is empty",
            ),
            (
                reader.texts("Text", 2).map(drop),
                "InvalidText",
                "write Text.1",
            ),
            (
                reader.items("Id", 2).map(drop),
                "InvalidId",
                "consists of fields",
            ),
            (reader.text("Id").map(drop), "InvalidId", "is one value"),
            (
                zone.required("ZoneId").map(drop),
                "MissingZoneId",
                "Zone.1.ZoneId",
            ),
        ] {
            let error = error.expect_err(code);
            assert_eq!((error.status, &*error.code), (400, code));
            assert!(error.message.contains(says), "{}", error.message);
        }
    }

    #[test]
    fn what_was_never_asked_for_is_unknown() {
        let given = parameters(&[("A", "1"), ("Zone.1.ip", "x"), ("a", "2")]);
        let mut reader = given.reader();
        let _ = reader.text("A");
        assert_eq!(reader.unknown(), ["Zone", "a"]);
        let zones = reader.items("Zone", 1).expect("is a list");
        assert_eq!(zones[0].unknown(), ["Zone.1.ip"]);
    }
}
