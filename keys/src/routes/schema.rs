//! Schemas consist of one row per field: its type, where it is stored, and its default.

use serde_json::{Map, Value, json};

use super::limits;
use crate::error::ApiError;
use crate::fields::{self, Field, Kind};

/// Where a field is stored, which determines where responses show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a column that SQL accesses.
    Column,
    /// In the settings.
    Setting,
    /// In the settings; responses show it inside `metadata`, like `LiteLLM`.
    Metadata,
    /// Not stored: it is an instruction, or is stored in another form.
    Unstored,
}

/// The default of a field.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// `null`
    Null,
    /// `[]`
    EmptyList,
    /// `{}`
    EmptyMap,
    /// `false`
    False,
    /// This string.
    Is(&'static str),
}

/// A field of a key, a user, a team or a budget.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name and type.
    pub field: Field,
    /// Where it is stored.
    pub place: Place,
    /// Its default.
    pub absent: Absent,
    /// Why requests may not set it: it is not supported. Empty values are accepted.
    pub refused: Option<&'static str>,
}

/// The fields of a schema that a request may set.
pub fn fields(rows: &[Row]) -> Vec<Field> {
    rows.iter().filter(|row| row.refused.is_none()).map(|row| row.field).collect()
}

/// Creates a row.
pub const fn row(name: &'static str, kind: Kind, place: Place, absent: Absent) -> Row {
    Row { field: Field { name, kind }, place, absent, refused: None }
}

impl Row {
    /// Marks the field as unsupported.
    #[must_use]
    pub const fn refused(self, why: &'static str) -> Self {
        Self { refused: Some(why), ..self }
    }
}

impl Absent {
    /// The value.
    pub fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::EmptyList => json!([]),
            Self::EmptyMap => json!({}),
            Self::False => json!(false),
            Self::Is(text) => json!(text),
        }
    }
}

/// The fields that were sent, or all validation errors, or the first unsupported field.
pub fn read(rows: &[Row], body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let fields: Vec<Field> = rows.iter().map(|row| row.field).collect();
    let mut sent = fields::read(&fields, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    for Row { field, refused, .. } in rows {
        if let (Some(why), Some(value)) = (refused, sent.get(field.name))
            && says_something(value)
        {
            return Err(ApiError::unsupported(field.name, why));
        }
    }
    limits::check(&mut sent)?;
    Ok(sent)
}

/// Whether a value is not empty.
pub fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// Reasons that several unsupported fields share.
pub mod because {
    /// Guardrails and similar.
    pub const GUARDRAILS: &str = "no guardrails, policies or prompt management";
    /// Other object types of `LiteLLM`.
    pub const OBJECTS: &str = "no such object type";
    /// Tokens per day.
    pub const TOKENS_PER_DAY: &str = "no daily token limits; use tpm_limit";
    /// Settings of the router.
    pub const ROUTER: &str = "no routing per key; set it in the configuration";
    /// Automatic rotation.
    pub const ROTATION: &str = "no automatic rotation; use /key/regenerate with a grace_period";
    /// Access groups as objects.
    pub const GROUPS: &str =
        "no access group objects; define access groups in the configuration and list them in models";
    /// Older forms of a team's members.
    pub const ROSTER: &str = "use members_with_roles";
    /// E-mail.
    pub const MAIL: &str = "no email";
    /// Caches.
    pub const CACHE: &str = "no cache";
    /// Permission flags.
    pub const PERMISSIONS: &str =
        "no permission flags; permissions come from roles and teams, see docs/access.md";
}
