//! An error in the dialect's own words.

use crate::dialects::{Dialect, Refusal};
use crate::script::Script;

/// What the provider says where a test does not care.
pub(super) fn words() -> String {
    "the provider is out of sorts".to_owned()
}

pub(super) fn apply(
    dialect: &dyn Dialect,
    status: u16,
    message: &str,
    code: Option<&str>,
    retry_after: Option<&str>,
) -> Script {
    let mut refusal = Refusal::new(status, message);
    refusal.code = code.map(str::to_owned);
    let mut script = dialect.error(&refusal);
    if let Some(retry_after) = retry_after {
        script.set("retry-after", retry_after);
    }
    script
}
