//! Reads a mapping key by key, and reports invalid values and unknown keys.

use super::diagnostic::{Report, suggestion};
use super::secret::Setting;
use super::section::{Kind, Section};
use super::yaml::{Key, Location, Node, Value};

/// A value and its location in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// Where.
    pub at: Location,
    /// What.
    pub value: T,
}

/// A mapping of which each key is taken once; [`Table::finish`] reports unknown keys.
pub struct Table<'a> {
    /// Path from the top of the file, as `model_list[0].litellm_params`.
    pub path: String,
    /// Where the mapping begins.
    pub at: Location,
    /// Where to report errors.
    pub report: &'a Report,
    entries: Vec<(&'a Key, &'a Node)>,
    taken: Vec<(&'static str, Kind)>,
}

impl<'a> Table<'a> {
    /// The mapping at `node`, or nothing and an error when it is something else. An empty node is an empty mapping.
    pub fn new(path: impl Into<String>, node: &'a Node, report: &'a Report) -> Option<Self> {
        let path = path.into();
        let entries = match &node.value {
            Value::Map(entries) => entries.iter().map(|(key, node)| (key, node)).collect(),
            Value::Null => Vec::new(),
            other => {
                report.error(node.at, expected(&path, "a mapping", other), None);
                return None;
            }
        };
        Some(Self { path, at: node.at, report, entries, taken: Vec::new() })
    }

    /// The node under `key`; `null` counts as absent, as it does for `LiteLLM`.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.take(key, Kind::Any)
    }

    fn take(&mut self, key: &'static str, kind: Kind) -> Option<&'a Node> {
        self.taken.push((key, kind));
        let (_, node) = self.entries.iter().find(|(entry, _)| entry.name == key)?;
        (!matches!(node.value, Value::Null)).then_some(*node)
    }

    /// Text; a bare number or boolean counts as its text, as a version or an id is often written.
    pub fn text(&mut self, key: &'static str) -> Option<At<String>> {
        self.text_as(key, Kind::Text)
    }

    /// Text that may be `os.environ/NAME`.
    pub fn setting(&mut self, key: &'static str) -> Option<At<Setting>> {
        let text = self.text_as(key, Kind::Setting)?;
        Some(At { at: text.at, value: Setting::parse(&text.value) })
    }

    /// True or false, or one of these as text, as YAML or Python write them: environments of shells give no other.
    pub fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key, Kind::Boolean)?;
        match &node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            other => self.wrong(key, node.at, "true or false", other),
        }
    }

    /// A number that is not negative.
    pub fn number(&mut self, key: &'static str) -> Option<At<f64>> {
        self.number_as(key, Kind::Number)
    }

    fn number_as(&mut self, key: &'static str, kind: Kind) -> Option<At<f64>> {
        let node = self.take(key, kind)?;
        let value = match &node.value {
            // Token counts and rates are far below 2^53, above which `f64` is not exact.
            #[expect(clippy::cast_precision_loss, reason = "see above")]
            Value::Integer(value) => *value as f64,
            Value::Float(value) => *value,
            // PyYAML reads `1e-6` as text, so people quote such numbers or leave them so.
            Value::Text(text) if text.trim().parse::<f64>().is_ok() => {
                text.trim().parse().unwrap_or_default()
            }
            other => return self.wrong(key, node.at, "a number", other),
        };
        if !value.is_finite() || value < 0.0 {
            let message = format!("{} must not be negative, found {value}", self.name(key));
            self.report.error(node.at, message, None);
            return None;
        }
        Some(At { at: node.at, value })
    }

    /// A whole number up to `max`.
    pub fn whole(&mut self, key: &'static str, max: u64) -> Option<u64> {
        let At { at, value } = self.number_as(key, Kind::Whole(max))?;
        #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
        if value.fract() != 0.0 || value > max as f64 {
            let message = format!("{} must be an integer from 0 to {max}, found {value}", self.name(key));
            self.report.error(at, message, None);
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        Some(value as u64)
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<At<String>>> {
        let node = self.take(key, Kind::Texts)?;
        let path = self.name(key);
        Some(texts(&path, node, self.report))
    }

    /// A nested mapping.
    pub fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        let path = self.name(key);
        let node = self.take(key, Kind::Table)?;
        Table::new(path, node, self.report)
    }

    /// A list, each item with its path.
    pub fn list(&mut self, key: &'static str) -> Option<Vec<(String, &'a Node)>> {
        let path = self.name(key);
        let node = self.take(key, Kind::List)?;
        match &node.value {
            Value::List(items) => {
                Some(items.iter().enumerate().map(|(i, item)| (format!("{path}[{i}]"), item)).collect())
            }
            other => self.wrong(key, node.at, "a list", other),
        }
    }

    /// The whole mapping, taken or not.
    pub fn all(&self) -> Value {
        Value::Map(self.entries.iter().map(|(key, node)| ((*key).clone(), (*node).clone())).collect())
    }

    /// Every entry that nobody has taken yet, which takes them all.
    pub fn rest(&mut self) -> Vec<(&'a Key, &'a Node)> {
        let (taken, rest) = self
            .entries
            .drain(..)
            .partition(|(key, _)| self.taken.iter().any(|(taken, _)| *taken == key.name));
        self.entries = taken;
        rest
    }

    /// Values under names that are neither `section`'s, nor `LiteLLM`'s, nor likely misspelled.
    pub fn unknown(&self, section: &Section) -> Vec<(String, serde_json::Value)> {
        let is_unknown = |name: &str| {
            !section.all_names().any(|known| known == name) && suggestion(name, section.all_names()).is_none()
        };
        let unknown = self.entries.iter().filter(|(key, _)| is_unknown(&key.name));
        unknown.map(|(key, node)| (key.name.clone(), node.value.to_json())).collect()
    }

    /// Warns about settings without effect: names that `section` does not read, from `LiteLLM` or misspelled.
    pub fn finish(self, section: &Section) {
        self.finish_with(section, false);
    }

    /// The same, if unknown names have an effect ([`Self::unknown`]).
    pub fn finish_open(self, section: &Section) {
        self.finish_with(section, true);
    }

    fn finish_with(self, section: &Section, is_open: bool) {
        #[cfg(debug_assertions)]
        section.assert_is_read(&self.taken);
        for (key, node) in &self.entries {
            if matches!(node.value, Value::Null) || section.reads(&key.name) {
                continue;
            }
            let path = self.name(&key.name);
            if let Some(why) = section.why_unread(&key.name) {
                let message = format!("{path} is not supported and has no effect");
                self.report.warning(key.at, message, Some(why.to_owned()));
            } else {
                let help = suggestion(&key.name, section.all_names());
                if is_open && help.is_none() {
                    continue;
                }
                self.report.warning(key.at, format!("unknown setting {path} has no effect"), help);
            }
        }
    }

    /// Path of `key` in this mapping.
    pub fn name(&self, key: &str) -> String {
        join(&self.path, key)
    }

    fn text_as(&mut self, key: &'static str, kind: Kind) -> Option<At<String>> {
        let node = self.take(key, kind)?;
        let value = match &node.value {
            Value::Text(value) => value.clone(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            other => return self.wrong(key, node.at, "text", other),
        };
        Some(At { at: node.at, value })
    }

    fn wrong<T>(&self, key: &str, at: Location, wanted: &str, found: &Value) -> Option<T> {
        self.report.error(at, expected(&self.name(key), wanted, found), None);
        None
    }
}

/// A list of texts at `node`; one text alone counts as a list of one.
pub fn texts(path: &str, node: &Node, report: &Report) -> Vec<At<String>> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Text(_) => std::slice::from_ref(node),
        other => {
            report.error(node.at, expected(path, "a list of names", other), None);
            return Vec::new();
        }
    };
    let text = |(i, item): (usize, &Node)| match &item.value {
        Value::Text(value) => Some(At { at: item.at, value: value.clone() }),
        other => {
            report.error(item.at, expected(&format!("{path}[{i}]"), "text", other), None);
            None
        }
    };
    items.iter().enumerate().filter_map(text).collect()
}

/// The sentence for a value of the wrong type.
pub fn expected(path: &str, wanted: &str, found: &Value) -> String {
    let place = if path.is_empty() { "the file" } else { path };
    format!("{place} must be {wanted}, found {}", found.kind())
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
