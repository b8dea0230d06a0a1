//! Who makes the changes of a request, for the audit log.

use axum::http::HeaderMap;

use super::Caller;
use crate::audit::{Author, MASTER_KEY, set_author};

/// `LiteLLM`'s header with the user on whose behalf an administrator's program makes a change.
const CHANGED_BY: &str = "litellm-changed-by";

/// Longest name from that header.
const LONGEST_NAME: usize = 255;

/// The request is this caller's. The header counts only for administrators, because anybody else could blame others.
pub fn authenticated(caller: &Caller, headers: &HeaderMap) {
    set_author(|| {
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
}
