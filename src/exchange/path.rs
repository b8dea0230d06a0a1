//! Maps paths to operations.

use std::borrow::Cow;

use crate::config::KEY_SERVICE_PATHS;
use crate::inbound::{self, Language};
use crate::providers::own_routes::GOOGLE_METHODS;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A model's response.
    Model {
        /// The client's language.
        language: &'static dyn Language,
        /// The model, if the path names it.
        model: Option<String>,
    },
    /// `/v1/messages/count_tokens`
    CountTokens,
    /// `/v1/models`
    Models,
    /// `/v1/models/{id}`
    ModelById(String),
    /// `/model/info`
    ModelInfo,
    /// `/v2/model/info`: the same, page by page.
    ModelInfoPage,
    /// `/model_group/info`
    ModelGroups,
    /// `/health`
    Health,
    /// `/health/liveliness`
    Liveliness,
    /// `/health/readiness`
    Readiness,
    /// `/`
    Home,
    /// `/test`
    Test,
    /// A path of the key service.
    Management,
    /// A known path with the wrong method.
    MethodNotAllowed {
        /// The allowed method.
        allow: &'static str,
    },
    /// The path has a trailing slash.
    Redirect(String),
    /// Unknown path.
    NotFound,
}

impl Ask {
    /// The client's language, if the request is for a model.
    pub fn language(&self) -> Option<&'static dyn Language> {
        match self {
            Self::Model { language, .. } => Some(*language),
            Self::CountTokens => Some(COUNTED),
            _ => None,
        }
    }

    /// Parses method and path.
    pub fn parse(method: &[u8], path_and_query: &str) -> Self {
        let (path, query) =
            path_and_query.split_once('?').map_or((path_and_query, None), |(p, q)| (p, Some(q)));
        if KEY_SERVICE_PATHS.iter().any(|prefix| is_below(path, prefix)) {
            return Self::Management;
        }
        let get = |ask: Self| {
            if matches!(method, b"GET" | b"HEAD") { ask } else { Self::MethodNotAllowed { allow: "GET" } }
        };
        match path {
            "/health/liveliness" | "/health/liveness" => return get(Self::Liveliness),
            "/health/readiness" => return get(Self::Readiness),
            "/health" => return get(Self::Health),
            "/model_group/info" => return get(Self::ModelGroups),
            "/model/info" | "/v1/model/info" => return get(Self::ModelInfo),
            "/v2/model/info" => return get(Self::ModelInfoPage),
            "/" => return get(Self::Home),
            "/test" => return get(Self::Test),
            _ => {}
        }
        match below_base(path).strip_prefix("/models") {
            Some("") => return get(Self::Models),
            Some(id) if GOOGLE_METHODS.iter().any(|method| id.ends_with(method)) => return Self::NotFound,
            Some(id) if id.len() > 1 && id.starts_with('/') => {
                return get(Self::ModelById(decode(id.trim_start_matches('/')).into_owned()));
            }
            _ => {}
        }
        let post = |ask: Self| {
            if method == b"POST" { ask } else { Self::MethodNotAllowed { allow: "POST" } }
        };
        if let Some((language, model)) = language(path) {
            let in_query = || query.and_then(|query| query_value(query, "model"));
            let model = model.map(|model| decode(model).into_owned()).or_else(in_query);
            return post(Self::Model { language, model });
        }
        if path
            .strip_suffix("/count_tokens")
            .is_some_and(|path| language(path).is_some_and(|(l, _)| *l == *COUNTED))
        {
            return post(Self::CountTokens);
        }
        match path.strip_suffix('/') {
            Some(short) if short.len() > 1 && Self::parse(method, short) != Self::NotFound => {
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                Self::Redirect(format!("{short}{query}"))
            }
            _ => Self::NotFound,
        }
    }
}

/// The path below the base URL: none, OpenAI's `/v1`, Azure's `/openai/v1`, or `/openai` of Azure's older
/// SDKs.
fn below_base(path: &str) -> &str {
    let rest = BASES.iter().find_map(|base| path.strip_prefix(base).filter(|rest| rest.starts_with('/')));
    rest.unwrap_or(path)
}

/// Base paths, longest first.
const BASES: [&str; 3] = ["/openai/v1", "/openai", "/v1"];

fn is_below(path: &str, prefix: &str) -> bool {
    path.starts_with(prefix) && (prefix.ends_with('/') || path.len() == prefix.len())
}

/// The language of a path, and the model that it names: `/engines/{model}`, `/openai/deployments/{model}`.
fn language(path: &str) -> Option<(&'static dyn Language, Option<&str>)> {
    let (language, base) = inbound::find(path)?;
    let model = base.strip_prefix("/engines/").or_else(|| base.strip_prefix("/openai/deployments/"));
    Some((language, model))
}

/// The language whose clients ask how long a prompt is.
const COUNTED: &dyn Language = &inbound::MESSAGES;

/// The value of a query parameter, decoded.
pub(super) fn query_value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name && !value.is_empty()).then(|| decode(&value.replace('+', " ")).into_owned())
    })
}

/// Percent-decodes a text (RFC 3986, section 2.1). Invalid escapes, or a result that is not UTF-8, leave it
/// unchanged.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then_some(after).and_then(|after| {
            let (high, low) = (after.first()?, after.get(1)?);
            let value = char::from(*high).to_digit(16)? * 16 + char::from(*low).to_digit(16)?;
            Some((u8::try_from(value).ok()?, after.get(2..)?))
        });
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(model: Option<&str>) -> Ask {
        Ask::Model { language: &inbound::CHAT, model: model.map(str::to_owned) }
    }

    #[test]
    fn every_form_of_a_path_asks_for_the_same() {
        for base in ["", "/v1", "/openai/v1", "/openai"] {
            assert_eq!(Ask::parse(b"POST", &format!("{base}/chat/completions")), chat(None));
            assert_eq!(Ask::parse(b"GET", &format!("{base}/models")), Ask::Models, "{base}");
            let by_id = Ask::parse(b"GET", &format!("{base}/models/openai/gpt-4o"));
            assert_eq!(by_id, Ask::ModelById("openai/gpt-4o".into()), "{base}");
        }
        assert_eq!(Ask::parse(b"POST", "/engines/gpt-4o/chat/completions"), chat(Some("gpt-4o")));
        assert_eq!(
            Ask::parse(b"POST", "/openai/deployments/anthropic%2Fclaude/chat/completions?api-version=1"),
            chat(Some("anthropic/claude"))
        );
        assert_eq!(Ask::parse(b"POST", "/v1/chat/completions?model=a+b%21"), chat(Some("a b!")));
    }

    #[test]
    fn methods_slashes_and_unknown_paths_are_told_apart() {
        assert_eq!(Ask::parse(b"GET", "/v1/chat/completions"), Ask::MethodNotAllowed { allow: "POST" });
        assert_eq!(Ask::parse(b"POST", "/v1/models"), Ask::MethodNotAllowed { allow: "GET" });
        assert_eq!(
            Ask::parse(b"POST", "/v1/chat/completions/?a=b"),
            Ask::Redirect("/v1/chat/completions?a=b".into())
        );
        assert_eq!(Ask::parse(b"POST", "/v1/v1/chat/completions"), Ask::NotFound);
        assert_eq!(Ask::parse(b"GET", "/?a=b"), Ask::Home);
        assert_eq!(Ask::parse(b"POST", "/"), Ask::MethodNotAllowed { allow: "GET" });
        assert_eq!(Ask::parse(b"POST", "/v1/models/gemini-2.5-flash:generateContent"), Ask::NotFound);
        assert_eq!(Ask::parse(b"GET", "//"), Ask::NotFound);
        assert_eq!(Ask::parse(b"POST", "/internal/verify"), Ask::NotFound);
        assert_eq!(Ask::parse(b"GET", "/v1/modelsx"), Ask::NotFound);
        assert_eq!(Ask::parse(b"GET", "/v1x/models"), Ask::NotFound);
    }

    #[test]
    fn management_paths_are_the_key_services() {
        assert_eq!(Ask::parse(b"POST", "/key/generate"), Ask::Management);
        assert_eq!(Ask::parse(b"GET", "/openapi.json"), Ask::Management);
        assert_eq!(Ask::parse(b"GET", "/openapi.jsonx"), Ask::NotFound);
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%ff"), "%ff");
    }
}
