//! A change of an object.

use super::{Values, difference};

/// What was done, with `LiteLLM`'s names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Created,
    /// Some fields have other values.
    Updated,
    /// It was blocked.
    Blocked,
    /// A key has another secret.
    Rotated,
    /// It is gone.
    Deleted,
}

impl Action {
    /// The names of all actions.
    pub const NAMES: [&'static str; 5] = ["created", "updated", "blocked", "rotated", "deleted"];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Blocked => "blocked",
            Self::Rotated => "rotated",
            Self::Deleted => "deleted",
        }
    }
}

/// An entry, without its author and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What was done.
    pub action: Action,
    /// The kind of the object, with `LiteLLM`'s name of its table.
    pub table: &'static str,
    /// The object's id, before the change.
    pub object_id: String,
    /// The new hash of a rotated key.
    pub new_id: Option<String>,
    /// The object's team.
    pub team_id: Option<String>,
    /// The fields that changed, as they were.
    pub before: Option<Values>,
    /// The same fields, as they are now.
    pub after: Option<Values>,
}

impl Change {
    /// A new object.
    pub fn created(table: &'static str, id: impl Into<String>, values: Values) -> Self {
        Self {
            action: Action::Created,
            table,
            object_id: id.into(),
            new_id: None,
            team_id: None,
            before: None,
            after: Some(values),
        }
    }

    /// An object that was changed; `None` if it is as before.
    pub fn updated(
        table: &'static str,
        id: impl Into<String>,
        before: &Values,
        after: &Values,
    ) -> Option<Self> {
        let (before, after) = difference(before, after)?;
        let is_blocked = after.get("blocked").and_then(serde_json::Value::as_bool) == Some(true);
        Some(Self {
            action: if is_blocked { Action::Blocked } else { Action::Updated },
            table,
            object_id: id.into(),
            new_id: None,
            team_id: None,
            before: Some(before),
            after: Some(after),
        })
    }

    /// An object that is gone.
    pub fn deleted(table: &'static str, id: impl Into<String>, values: Values) -> Self {
        Self {
            action: Action::Deleted,
            table,
            object_id: id.into(),
            new_id: None,
            team_id: None,
            before: Some(values),
            after: None,
        }
    }

    /// The same, of an object in a team.
    #[must_use]
    pub fn in_team(self, team_id: Option<&str>) -> Self {
        Self { team_id: team_id.map(str::to_owned), ..self }
    }
}
