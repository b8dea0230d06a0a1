//! The audit log: who changes what.
//!
//! A request runs inside [`recorded`]. Authentication says who its author is ([`authenticated`]), and the store writes an entry in
//! each transaction that changes an object ([`author`]). Changes that nobody requests, such as budget resets, have no author and
//! no entry.

mod change;
mod values;

use std::sync::OnceLock;

use axum::http::HeaderMap;

use crate::auth::Caller;

pub use change::{Action, Change};
pub use values::{Values, cleaned, difference};

/// What stands for the hash of the master key, which is not stored because people choose that key; `LiteLLM`'s name.
pub const MASTER_KEY: &str = "litellm_proxy_master_key";

/// `LiteLLM`'s header with the user on whose behalf an administrator's program makes a change.
const CHANGED_BY: &str = "litellm-changed-by";

/// Longest name from that header.
const LONGEST_NAME: usize = 255;

/// Who makes the changes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// A user, or the name of a key without one.
    pub name: String,
    /// The hash of the key, [`MASTER_KEY`], or empty for a session without a key.
    pub key: String,
}

tokio::task_local! {
    static AUTHOR: OnceLock<Author>;
}

/// Runs a request whose changes are recorded.
pub async fn recorded<F: Future>(request: F) -> F::Output {
    AUTHOR.scope(OnceLock::new(), request).await
}

/// The request is this caller's. The header counts only for administrators, because anybody else could blame others.
pub fn authenticated(caller: &Caller, headers: &HeaderMap) {
    // Outside of `recorded` nothing is recorded.
    let _ = AUTHOR.try_with(|author| {
        author.get_or_init(|| {
            let named = headers.get(CHANGED_BY).and_then(|name| name.to_str().ok()).map(str::trim);
            let named = named.filter(|name| caller.is_admin() && !name.is_empty());
            let name = named.map_or_else(|| caller.name(), |name| name.chars().take(LONGEST_NAME).collect());
            let key = match caller {
                Caller::Admin => MASTER_KEY.to_owned(),
                // Whoever has logged in without a key.
                Caller::Key { key, .. } if key.key_name.is_empty() => String::new(),
                Caller::Key { key, .. } => key.token.to_string(),
            };
            Author { name, key }
        });
    });
}

/// The request is nobody's, but makes changes under this name.
pub fn acts(name: &str) {
    let _ = AUTHOR.try_with(|author| {
        author.get_or_init(|| Author { name: name.to_owned(), key: String::new() });
    });
}

/// Who makes the change that is being written; `None` if it is not recorded.
pub fn author() -> Option<Author> {
    AUTHOR.try_with(|author| author.get().cloned()).ok().flatten()
}
