//! The calls by which the filter uses the store of responses. Their bodies are written and read without copies of the items,
//! in `exchange` and in the key service.

use serde::{Deserialize, Serialize};

/// Path that stores a response.
pub const KEEP_PATH: &str = "/internal/responses/keep";

/// Path that returns what a request refers to.
pub const RECALL_PATH: &str = "/internal/responses/recall";

/// Path for what clients do with a stored response.
pub const STORED_PATH: &str = "/internal/responses/stored";

/// How long the end of a response waits until the response is stored, milliseconds.
pub const KEEP_TIMEOUT_MS: u64 = 500;

/// What a client does with a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredAction {
    /// `GET /responses/{id}`
    Get,
    /// `DELETE /responses/{id}`
    Delete,
    /// `POST /responses/{id}/cancel`
    Cancel,
    /// `GET /responses/{id}/input_items`
    InputItems,
}

impl StoredAction {
    /// Its name in a call.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Delete => "delete",
            Self::Cancel => "cancel",
            Self::InputItems => "input_items",
        }
    }
}
