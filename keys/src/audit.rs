//! The audit log: who changes what.
//!
//! A request runs inside [`recorded`]. Authentication says who its author is ([`set_author`]), and the store writes an entry in
//! each transaction that changes an object ([`author`]). Changes that nobody requests, such as budget resets, have no author and
//! no entry.

mod change;
mod values;

use std::sync::OnceLock;

pub use change::{Action, Change};
pub use values::{Values, cleaned, difference};

/// What stands for the hash of the master key, which is not stored because people choose that key; `LiteLLM`'s name.
pub const MASTER_KEY: &str = "litellm_proxy_master_key";

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

/// Says who makes the changes of the request, unless that is known.
pub fn set_author(author: impl FnOnce() -> Author) {
    // Outside of `recorded` nothing is recorded.
    let _ = AUTHOR.try_with(|known| {
        known.get_or_init(author);
    });
}

/// The request is nobody's, but makes changes under this name.
pub fn acts(name: &str) {
    set_author(|| Author { name: name.to_owned(), key: String::new() });
}

/// Who makes the change that is being written; `None` if it is not recorded.
pub fn author() -> Option<Author> {
    AUTHOR.try_with(|author| author.get().cloned()).ok().flatten()
}
