//! Which pages in browsers may call the gateway: cross-origin resource sharing (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! The variables are `LiteLLM`'s. So is the rule for credentials: cookies and similar are allowed where origins are
//! named, and not where every origin is allowed, unless it is said otherwise.

use super::variables::Variables;
use crate::config::Config;

/// `LiteLLM`'s variable with the origins, commas between them.
const ORIGINS: &str = "LITELLM_CORS_ORIGINS";

/// `LiteLLM`'s variable for credentials.
const CREDENTIALS: &str = "LITELLM_CORS_ALLOW_CREDENTIALS";

/// Every origin.
pub const ANY_ORIGIN: &str = "*";

/// Who may call from a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Origins, as a browser writes them; [`ANY_ORIGIN`] alone for all of them.
    pub origins: Vec<String>,
    /// Whether a browser may send cookies.
    pub credentials: bool,
}

/// What `config` and the environment say. A setting counts before a variable.
pub(super) fn compile(config: &Config, variables: &Variables<'_>) -> Cors {
    let general = &config.general;
    let set = general.cors_origins.iter().flatten().map(|origin| origin.value.clone());
    let mut origins = listed(set);
    if origins.is_empty() {
        let variable = variables.usual(ORIGINS).unwrap_or_default();
        origins = listed(variable.split(',').map(str::to_owned));
    }
    if origins.is_empty() || origins.iter().any(|origin| origin == ANY_ORIGIN) {
        origins = vec![ANY_ORIGIN.to_owned()];
    }
    let variable = variables.usual(CREDENTIALS).map(|text| text.trim().eq_ignore_ascii_case("true"));
    let credentials = general.cors_credentials.or(variable).unwrap_or(origins != [ANY_ORIGIN]);
    Cors { origins, credentials }
}

/// Origins without white space around them and without the slash at the end that no browser sends.
fn listed(origins: impl Iterator<Item = String>) -> Vec<String> {
    let trimmed = origins.map(|origin| origin.trim().trim_end_matches('/').to_owned());
    trimmed.filter(|origin| !origin.is_empty()).collect()
}
