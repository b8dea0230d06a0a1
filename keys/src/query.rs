//! A request's query, validated as leniently as pydantic and with its error messages. If a parameter is
//! repeated, the last value counts.

use core::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::json;

use crate::error::{ApiError, Complaint};

/// The query parameters, in order.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    /// Parses `a=1&b=2`. Values that are not UTF-8 will match nothing, and NUL characters, which databases
    /// cannot store, are removed.
    pub fn parse(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.replace('\0', ""))).collect())
    }

    /// The query with these parameters.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.replace('\0', ""))).collect())
    }

    /// Whether a parameter was sent, even an empty one.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(of, _)| of == name)
    }

    /// All values of a repeated parameter, as they were sent.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// A string; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        let values = self.0.iter().rev().filter(|(of, _)| of == name);
        values.map(|(_, value)| value.as_str()).find(|value| !value.is_empty())
    }

    /// A string that must not be absent.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).ok_or_else(|| complaint(name, "missing", "Field required"))
    }

    /// The same as [`Self::text`], owned.
    pub fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// All values of a parameter that may be repeated or contain a comma-separated list.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(of, _)| of == name);
        let parts = values.flat_map(|(_, value)| value.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// An integer within bounds.
    pub fn count(&self, name: &str, default: u64, least: u64, most: u64) -> Result<u64, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number: i128 = text.trim().parse().map_err(|_| {
            let msg = "Input should be a valid integer, unable to parse string as an integer";
            complaint(name, "int_parsing", msg)
        })?;
        if number < i128::from(least) {
            let msg = format!("Input should be greater than or equal to {least}");
            return Err(complaint(name, "greater_than_equal", msg));
        }
        match u64::try_from(number) {
            Ok(number) if number <= most => Ok(number),
            _ => Err(complaint(
                name,
                "less_than_equal",
                format!("Input should be less than or equal to {most}"),
            )),
        }
    }

    /// A boolean.
    pub fn boolean(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true" | "t" | "yes" | "y" | "on" | "1") => Ok(true),
            Some("false" | "f" | "no" | "n" | "off" | "0") => Ok(false),
            Some(_) => Err(complaint(
                name,
                "bool_parsing",
                "Input should be a valid boolean, unable to interpret input",
            )),
        }
    }
}

fn complaint(name: &str, kind: &'static str, msg: impl Into<String>) -> ApiError {
    let loc = vec![json!("query"), json!(name)];
    ApiError::invalid_body(&[Complaint { kind, loc, msg: msg.into() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_that_is_not_empty_counts() {
        let query = Query::parse("key=a&key=b%20c&key=&other");
        assert_eq!(query.text("key"), Some("b c"));
        assert_eq!(query.text("other"), None);
        assert_eq!(query.texts("key"), ["a", "b c"]);
    }

    #[test]
    fn numbers_have_bounds_and_truth_many_spellings() {
        let query = Query::parse("page=7&size=0&most=101&bad=x&yes=On&no=0&odd=2");
        assert_eq!(query.count("page", 1, 1, 100).unwrap(), 7);
        assert_eq!(query.count("absent", 10, 1, 100).unwrap(), 10);
        for name in ["size", "most", "bad"] {
            assert!(query.count(name, 1, 1, 100).is_err(), "{name}");
        }
        assert!(query.boolean("yes", false).unwrap());
        assert!(!query.boolean("no", true).unwrap());
        assert!(query.boolean("odd", true).is_err());
    }
}
