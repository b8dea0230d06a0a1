//! What a schema is made of: one row per field, which says what the field holds, where it is kept and what it is when
//! nobody sent it.

use serde_json::{Map, Value, json};

use super::limits;
use crate::error::ApiError;
use crate::fields::{self, Field, Kind};

/// Where a field is kept, and so where the paths that show it put it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a column: SQL looks at it.
    Column,
    /// In the settings.
    Setting,
    /// In the settings; the paths that show it put it inside `metadata`, where `LiteLLM` puts it.
    Metadata,
    /// Nowhere: it is an instruction, or is kept in another form.
    Unstored,
}

/// What a field is when it was not sent.
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
    /// This text.
    Is(&'static str),
}

/// One field of a key, a user, a team or a budget.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name and what it may hold.
    pub field: Field,
    /// Where it is kept.
    pub place: Place,
    /// What it is when it was not sent.
    pub absent: Absent,
    /// Why a request may not set it: nothing here would enforce it. Empty values say nothing and are let through.
    pub refused: Option<&'static str>,
}

/// A row of a schema.
pub const fn row(name: &'static str, kind: Kind, place: Place, absent: Absent) -> Row {
    Row { field: Field { name, kind }, place, absent, refused: None }
}

impl Row {
    /// The same, refused where it says something.
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

/// The fields of these rows that were sent, or everything that is wrong with them, or the first that is not supported.
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

/// Whether a value is more than empty.
pub fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// Why fields are refused, where several are for one reason.
pub mod because {
    /// Guardrails and the like.
    pub const GUARDRAILS: &str = "no guardrails, policies or prompt management";
    /// Objects of other parts of `LiteLLM`.
    pub const OBJECTS: &str = "no such object type";
    /// Tokens in a day.
    pub const TOKENS_PER_DAY: &str = "no daily token limits; use tpm_limit";
    /// Settings of the router.
    pub const ROUTER: &str = "no routing per key; set it in the configuration";
    /// Parameters that clients must send.
    pub const PARAMS: &str = "no parameter enforcement";
    /// Rotation by itself.
    pub const ROTATION: &str = "no automatic rotation; use /key/regenerate with a grace_period";
    /// Access groups that are objects.
    pub const GROUPS: &str =
        "no access group objects; define access groups in the configuration and list them in models";
    /// The older forms of a team's members.
    pub const ROSTER: &str = "use members_with_roles";
    /// Mails.
    pub const MAIL: &str = "no email";
    /// Caches.
    pub const CACHE: &str = "no cache";
    /// Toggles.
    pub const PERMISSIONS: &str =
        "no permission flags; permissions come from roles and teams, see docs/access.md";
}
