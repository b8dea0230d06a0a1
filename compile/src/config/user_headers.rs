//! Headers that name the end user: `general_settings.user_header_mappings` and `user_header_name`.

use super::diagnostic::Report;
use super::sections::USER_HEADER;
use super::table::{At, Table};
use super::yaml::Location;

/// Reads both. Names are in lowercase; mappings take precedence, as in `LiteLLM`.
pub(super) fn user_headers(settings: &mut Table<'_>) -> Vec<String> {
    let report = settings.report;
    let mut headers = Vec::new();
    for (path, node) in settings.list("user_header_mappings").unwrap_or_default() {
        let Some(mut mapping) = Table::new(path, node, report) else { continue };
        let (name, role) = (mapping.text("header_name"), mapping.text("litellm_user_role"));
        match (name, role) {
            (Some(name), Some(role)) if role.value.eq_ignore_ascii_case("customer") => {
                headers.extend(header(&mapping.name("header_name"), name, report));
            }
            (Some(_), Some(role)) => {
                let message = format!(
                    "{} '{}' is not supported; the mapping has no effect",
                    mapping.name("litellm_user_role"),
                    role.value
                );
                report.warning(
                    role.at,
                    message,
                    Some("only customer is: the header names the end user".to_owned()),
                );
            }
            _ => missing(&mapping.path, mapping.at, report),
        }
        mapping.finish(&USER_HEADER);
    }
    let single = settings.text("user_header_name").filter(|name| !name.value.trim().is_empty());
    if headers.is_empty()
        && let Some(name) = single
    {
        headers.extend(header(&settings.name("user_header_name"), name, report));
    }
    headers
}

fn header(path: &str, At { at, value }: At<String>, report: &Report) -> Option<String> {
    if http::HeaderName::from_bytes(value.as_bytes()).is_ok() {
        return Some(value.to_ascii_lowercase());
    }
    report.error(at, format!("{path} is not a valid header name"), None);
    None
}

fn missing(path: &str, at: Location, report: &Report) {
    report.error(at, format!("{path} needs header_name and litellm_user_role"), None);
}
