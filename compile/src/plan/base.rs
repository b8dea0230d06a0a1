//! `api_base` where the configuration does not give all of it.

use switchboard::providers::Provider;

use super::variables::Variables;
use crate::config::Model;

/// The address of a deployment that gives none: the provider's variable, or its usual one.
///
/// # Errors
/// What is missing, and what to do about it.
pub(super) fn usual(
    model: &Model,
    provider: &Provider,
    options: &[(String, String)],
    variables: &Variables<'_>,
) -> Result<String, (String, String)> {
    if let Some(base) = variables.usual(provider.base_env) {
        return Ok(base);
    }
    let path = format!("{}.litellm_params", model.path);
    if provider.base.is_empty() {
        let message = format!("{path}.api_base is missing, and {} has no default", provider.name);
        return Err((message, format!("add `api_base:` with the URL of your {} server", provider.name)));
    }
    expanded(template(provider, options), options).map_err(|name| {
        let preset = provider.options.iter().find(|preset| preset.name == name);
        let variable = preset.and_then(|preset| preset.env.first());
        let or_variable = variable.map(|name| format!(", or set {name}")).unwrap_or_default();
        let message = format!("{path}.{name} is missing, which is part of the address of {}", provider.name);
        (message, format!("add `{name}:`{or_variable}, or set the full address with `api_base:`"))
    })
}

/// The row's base for these options, with the places of the options in it.
fn template(provider: &Provider, options: &[(String, String)]) -> &'static str {
    let holds =
        |name: &str, wanted: &str| options.iter().any(|(option, value)| option == name && value == wanted);
    let other = provider.other_bases.iter().find(|other| holds(other.option, other.value));
    other.map_or(provider.base, |other| other.base)
}

/// A base that the configuration gives. Where the row's path holds options (a project, a place), a bare host gets
/// that path: it is a private way to the same service.
pub(super) fn with_usual_path(base: String, provider: &Provider, options: &[(String, String)]) -> String {
    let path = |url: &str| -> Option<usize> { url.split_once("://")?.1.trim_end_matches('/').find('/') };
    let usual = template(provider, options);
    let usual_path = path(usual).and_then(|at| usual.split_once("://")?.1.get(at..)).unwrap_or_default();
    if path(&base).is_some() || !usual_path.contains('{') {
        return base;
    }
    match expanded(usual_path, options) {
        Ok(path) => format!("{}{path}", base.trim_end_matches('/')),
        Err(_) => base,
    }
}

/// A base that may hold already what the filter puts before the paths of that house's models.
pub(super) fn without_publisher(base: &str, path: &str) -> String {
    let authority = base.find("://").map_or(0, |at| at + 3);
    let at = (!path.is_empty()).then(|| base[authority..].find(path)).flatten();
    at.map_or(base, |at| &base[..authority + at]).to_owned()
}

/// A template with the options' values in their places.
///
/// # Errors
/// The name of an option that has no value.
fn expanded<'t>(template: &'t str, options: &[(String, String)]) -> Result<String, &'t str> {
    let mut base = String::new();
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        let Some((_, value)) = options.iter().find(|(option, value)| option == name && !value.is_empty())
        else {
            return Err(name);
        };
        base.push_str(before);
        base.push_str(value);
        rest = after;
    }
    base.push_str(rest);
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> &'static Provider {
        switchboard::providers::find("vertex_ai").unwrap()
    }

    fn options(location: &str) -> Vec<(String, String)> {
        [("vertex_project", "p"), ("vertex_location", location)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    #[test]
    fn a_place_has_its_address_whether_it_is_a_region_or_not() {
        for (location, base) in [
            (
                "europe-west4",
                "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4",
            ),
            ("global", "https://aiplatform.googleapis.com/v1/projects/p/locations/global"),
            ("eu", "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu"),
        ] {
            let options = options(location);
            assert_eq!(expanded(template(row(), &options), &options).unwrap(), base);
        }
    }

    #[test]
    fn a_base_may_name_the_house_already() {
        for base in
            ["https://r.services.ai.azure.com", "https://r.services.ai.azure.com/anthropic/v1/messages"]
        {
            assert_eq!(without_publisher(base, "/anthropic"), "https://r.services.ai.azure.com");
        }
        assert_eq!(without_publisher("https://a/b", ""), "https://a/b");
    }

    #[test]
    fn an_option_without_a_value_is_named() {
        let options = vec![("vertex_location".to_owned(), "us".to_owned())];
        assert_eq!(expanded(template(row(), &options), &options), Err("vertex_project"));
    }

    #[test]
    fn a_bare_host_gets_the_path_that_holds_the_options_and_any_other_base_stays() {
        let given = |base: &str, row| with_usual_path(base.to_owned(), row, &options("us-east1"));
        assert_eq!(
            given("http://127.0.0.1:8080/", row()),
            "http://127.0.0.1:8080/v1/projects/p/locations/us-east1"
        );
        assert_eq!(given("https://a.example/v1beta1/x", row()), "https://a.example/v1beta1/x");
        let openai = switchboard::providers::find("openai").unwrap();
        assert_eq!(given("https://a.example", openai), "https://a.example");
    }
}
