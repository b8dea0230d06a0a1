//! Forms for the objects of the key API: what each field is called, and how what was typed becomes the body of a request.
//!
//! A form contains what each field was when the page was made. Only what was changed is sent, so that nobody needs the
//! permission to set a field that they leave alone, and nobody overwrites what somebody else has changed meanwhile.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::query::Query;

/// What a field contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line of text.
    Line,
    /// A number, which the API parses.
    Number,
    /// Names, separated by commas or in lines.
    Names,
    /// A JSON object.
    Json,
    /// One of the proposals.
    Choice,
    /// A line of text that is never shown.
    Secret,
}

/// A field of a form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    /// Proposals.
    pub(super) choices: &'static [&'static str],
}

/// A field as it is shown.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) field: Field,
    pub(super) value: String,
    pub(super) was: String,
    pub(super) error: Option<String>,
}

impl Input {
    pub(super) fn is_long(&self) -> bool {
        self.field.kind == Kind::Json
    }

    pub(super) fn is_secret(&self) -> bool {
        self.field.kind == Kind::Secret
    }

    pub(super) fn is_choice(&self) -> bool {
        self.field.kind == Kind::Choice
    }

    pub(super) fn has_proposals(&self) -> bool {
        !self.is_choice() && !self.field.choices.is_empty()
    }

    pub(super) fn is_number(&self) -> bool {
        self.field.kind == Kind::Number
    }
}

/// A form that was filled in.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) inputs: Vec<Input>,
    /// Errors of no single field.
    pub(super) errors: Vec<String>,
    /// The status of the page with the form.
    pub(super) status: StatusCode,
}

impl Filled {
    /// The form for an object as the API returns it; an empty one for a new object.
    pub(super) fn of(fields: &[Field], object: &Map<String, Value>) -> Self {
        let input = |field: &Field| {
            let value = object.get(field.name).map_or_else(String::new, shown);
            Input { field: *field, was: value.clone(), value, error: None }
        };
        Self { inputs: fields.iter().map(input).collect(), errors: Vec::new(), status: StatusCode::OK }
    }

    /// What somebody has sent.
    pub(super) fn sent(fields: &[Field], form: &Query) -> Self {
        let last = |name: &str| form.all(name).last().unwrap_or_default().replace("\r\n", "\n");
        let input = |field: &Field| Input {
            field: *field,
            value: last(field.name),
            was: last(&format!("was.{}", field.name)),
            error: None,
        };
        Self { inputs: fields.iter().map(input).collect(), errors: Vec::new(), status: StatusCode::OK }
    }

    /// The body of the request: the fields that were changed. `None` if one is not what it must be; it then has its error.
    pub(super) fn changes(&mut self) -> Option<Map<String, Value>> {
        let mut body = Map::new();
        for input in &mut self.inputs {
            if input.value.trim() == input.was.trim() {
                continue;
            }
            match parsed(input.field.kind, input.value.trim()) {
                Ok(value) => {
                    body.insert(input.field.name.to_owned(), value);
                }
                Err(error) => {
                    input.error = Some(error);
                    self.status = StatusCode::UNPROCESSABLE_ENTITY;
                }
            }
        }
        self.inputs.iter().all(|input| input.error.is_none()).then_some(body)
    }

    /// Says what is wrong with a field.
    pub(super) fn reject(&mut self, name: &str, error: &str) {
        self.status = StatusCode::UNPROCESSABLE_ENTITY;
        if let Some(input) = self.inputs.iter_mut().find(|input| input.field.name == name) {
            input.error = Some(error.to_owned());
        }
    }

    /// Shows what the API says is wrong, where it says so.
    pub(super) fn complain(&mut self, error: &ApiError) {
        self.status = error.status();
        for (field, text) in error.plain() {
            match self.inputs.iter_mut().find(|input| Some(input.field.name) == field.as_deref()) {
                Some(input) => input.error = Some(text),
                None => self.errors.push(text),
            }
        }
    }

    /// Whether anything is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        !self.errors.is_empty() || self.inputs.iter().any(|input| input.error.is_some())
    }
}

/// A field without proposals.
pub(super) const fn field(name: &'static str, label: &'static str, kind: Kind, help: &'static str) -> Field {
    Field { name, label, help, kind, choices: &[] }
}

/// Periods that are proposed; any other can be typed.
pub(super) const PERIODS: &[&str] = &["1h", "1d", "7d", "30d", "1mo"];

fn parsed(kind: Kind, text: &str) -> Result<Value, String> {
    Ok(match kind {
        Kind::Names => json!(names(text)),
        Kind::Json if text.is_empty() => json!({}),
        Kind::Json => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Value::Object(object),
            Ok(_) => return Err("This must be a JSON object, such as {\"project\": \"search\"}.".to_owned()),
            Err(error) => return Err(format!("This is not JSON: {error}.")),
        },
        Kind::Line | Kind::Number | Kind::Choice | Kind::Secret if text.is_empty() => Value::Null,
        Kind::Number => json!(text.replace([',', '_', ' '], "")),
        Kind::Line | Kind::Choice | Kind::Secret => json!(text),
    })
}

fn names(text: &str) -> Vec<&str> {
    text.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// A value as it is typed.
fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Object(map) if map.is_empty() => String::new(),
        Value::Object(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
        Value::Number(number) => number
            .as_f64()
            .filter(|number| number.fract() == 0.0)
            .map_or_else(|| number.to_string(), |whole| format!("{whole:.0}")),
        Value::Bool(true) => "true".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn field(name: &'static str, kind: Kind) -> Field {
        super::field(name, "", kind, "")
    }

    const FIELDS: [Field; 4] = [
        field("alias", Kind::Line),
        field("budget", Kind::Number),
        field("models", Kind::Names),
        field("metadata", Kind::Json),
    ];

    fn changes(form: &str) -> Option<Value> {
        Filled::sent(&FIELDS, &Query::parse(form)).changes().map(Value::Object)
    }

    #[test]
    fn only_what_was_changed_is_sent() {
        let object = json!({"alias": "a", "budget": 5.0, "models": ["x", "y"], "metadata": {"k": 1}});
        let filled = Filled::of(&FIELDS, object.as_object().unwrap());
        let mut form = form_urlencoded::Serializer::new(String::new());
        for input in &filled.inputs {
            // Browsers send line ends like this.
            form.append_pair(input.field.name, &input.value.replace('\n', "\r\n"));
            form.append_pair(&format!("was.{}", input.field.name), &input.was.replace('\n', "\r\n"));
        }
        let form = form.finish();
        assert_eq!(changes(&form), Some(json!({})));
        assert_eq!(changes(&form.replace("&budget=5", "&budget=1,000")), Some(json!({"budget": "1000"})));
        assert_eq!(changes(&form.replace("&budget=5", "&budget=")), Some(json!({"budget": null})));
        assert_eq!(
            changes(&form.replace("&models=x%2C+y", "&models=x%0D%0Az,")),
            Some(json!({"models": ["x", "z"]}))
        );
    }

    #[test]
    fn what_is_no_object_is_said_at_the_field() {
        for text in ["{", "[]", "7"] {
            let mut filled = Filled::sent(&FIELDS, &Query::of(&[("metadata", text)]));
            assert_eq!(filled.changes(), None);
            assert!(filled.is_wrong() && filled.inputs[3].error.is_some() && filled.inputs[3].value == text);
        }
    }

    #[test]
    fn errors_of_the_api_are_shown_at_their_fields() {
        let mut filled = Filled::sent(&FIELDS, &Query::of(&[]));
        filled.complain(&ApiError::invalid_field("budget", "no such budget"));
        filled.complain(&ApiError::bad_request("nothing works"));
        assert_eq!(filled.inputs[1].error.as_deref(), Some("no such budget"));
        assert_eq!(filled.errors, ["nothing works"]);
    }
}
