//! What a schema is made of: one row per field, which says what the field holds, where it is kept and what it is when
//! nobody sent it.

use serde_json::{Map, Value, json};

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
}

/// A row of a schema.
pub const fn row(name: &'static str, kind: Kind, place: Place, absent: Absent) -> Row {
    Row { field: Field { name, kind }, place, absent }
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

/// The fields of these rows that were sent, or everything that is wrong with them.
pub fn read(rows: &[Row], body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let fields: Vec<Field> = rows.iter().map(|row| row.field).collect();
    fields::read(&fields, body).map_err(|complaints| ApiError::invalid_body(&complaints))
}
