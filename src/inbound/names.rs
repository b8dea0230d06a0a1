//! Names of tools in the chat.

use crate::hex::hex;

/// The namespace of Codex' own tools, which no name needs for a prefix.
const FUNCTIONS: &str = "functions";

/// The longest name of a function that every provider accepts, bytes.
pub(super) const LONGEST: usize = 64;

/// A name as providers take it, with its namespace before it.
pub(super) fn qualified(namespace: Option<&str>, name: &str) -> String {
    let full = match namespace {
        Some(namespace) if namespace != FUNCTIONS && !namespace.is_empty() => {
            [namespace.trim_end_matches("__"), "__", name].concat()
        }
        _ => name.to_owned(),
    };
    let is_safe = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    if full.len() > LONGEST {
        hashed(namespace, name)
    } else {
        full.chars().map(|char| if is_safe(char) { char } else { '_' }).collect()
    }
}

/// A name that no other tool has.
pub(super) fn hashed(namespace: Option<&str>, name: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let full = [namespace.unwrap_or_default(), "__", name].concat();
    let is_safe = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    let start: String = name.chars().filter(is_safe).take(40).collect();
    let hash: String = hex(&Sha256::digest(full.as_bytes())).chars().take(16).collect();
    [&start, "_", &hash].concat()
}
