//! Maps paths to operations.

use std::borrow::Cow;

use crate::config::KEY_SERVICE_PATHS;
use crate::inbound::{self, Language};
use crate::key::StoredAction;

use super::head::Head;
use super::stored::StoredRequest;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiPath {
    /// A model's response.
    Model {
        /// The client's language.
        language: &'static dyn Language,
        /// The model, if the path names it.
        model: Option<String>,
    },
    /// How long a prompt is: `/v1/messages/count_tokens`, `/v1/responses/input_tokens`, `:countTokens`
    CountTokens {
        /// The client's language.
        language: &'static dyn Language,
        /// The model, if the path names it.
        model: Option<String>,
    },
    /// `/v1/responses/{id}` and below
    StoredResponse(StoredRequest),
    /// `/v1/models`
    Models,
    /// `/v1/models/{id}`
    ModelById(String),
    /// `/v1beta/models`: the same for clients of `generateContent`.
    GenerativeModels,
    /// `/v1beta/models/{id}`
    GenerativeModelById(String),
    /// `/model/info`
    ModelInfo,
    /// `/v2/model/info`: the same, page by page.
    ModelInfoPage,
    /// `/model_group/info`
    ModelGroups,
    /// `/health`
    Health,
    /// `/health/services`
    Services,
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

impl ApiPath {
    /// The client's language, if the request is for a model.
    pub fn language(&self) -> Option<&'static dyn Language> {
        match self {
            Self::Model { language, .. } | Self::CountTokens { language, .. } => Some(*language),
            Self::GenerativeModels | Self::GenerativeModelById(_) => Some(&inbound::GENERATE),
            Self::StoredResponse(_) => Some(&inbound::RESPONSES),
            _ => None,
        }
    }

    /// The language of a path that asks for nothing that is known, as far as its beginning tells it.
    pub(super) fn language_of_unknown(path: &str) -> Option<&'static dyn Language> {
        inbound::generative_models(path).map(|_| &inbound::GENERATE as &dyn Language)
    }

    /// `/v1/models` is a path of several languages. What a client sends with it tells which one it speaks.
    #[must_use]
    pub(super) fn for_client(self, head: &Head) -> Self {
        match self {
            Self::Models if head.get("x-goog-api-client").is_some() => Self::GenerativeModels,
            Self::ModelById(id) if head.get("x-goog-api-client").is_some() => Self::GenerativeModelById(id),
            ask => ask,
        }
    }

    /// Parses method and path.
    pub fn parse(method: &[u8], path_and_query: &str) -> Self {
        let (path, query) =
            path_and_query.split_once('?').map_or((path_and_query, None), |(p, q)| (p, Some(q)));
        let get = |ask: Self| {
            if matches!(method, b"GET" | b"HEAD") { ask } else { Self::MethodNotAllowed { allow: "GET" } }
        };
        match path {
            "/health/liveliness" | "/health/liveness" => return get(Self::Liveliness),
            "/health/readiness" => return get(Self::Readiness),
            "/health" => return get(Self::Health),
            "/health/services" => return get(Self::Services),
            "/model_group/info" => return get(Self::ModelGroups),
            "/model/info" | "/v1/model/info" => return get(Self::ModelInfo),
            "/v2/model/info" => return get(Self::ModelInfoPage),
            "/" => return get(Self::Home),
            "/test" => return get(Self::Test),
            _ => {}
        }
        // `/model/info` is the filter's, and other paths below `/model/` are not.
        if KEY_SERVICE_PATHS.iter().any(|prefix| is_below(path, prefix)) {
            return Self::Management;
        }
        let post = |ask: Self| {
            if method == b"POST" { ask } else { Self::MethodNotAllowed { allow: "POST" } }
        };
        let named = |model: Option<&str>| {
            let in_query = || query.and_then(|query| query_value(query, "model"));
            model.map(|model| decode(model).into_owned()).or_else(in_query)
        };
        if let Some((language, model)) = inbound::find(path, query.unwrap_or_default()) {
            return post(Self::Model { language, model: named(model) });
        }
        if let Some((language, model)) = inbound::find_count(path) {
            return post(Self::CountTokens { language, model: named(model) });
        }
        match inbound::generative_models(path) {
            Some("") => return get(Self::GenerativeModels),
            // A POST with a colon asks for a method that is not known.
            Some(id) if id.len() > 1 && id.starts_with('/') && (method != b"POST" || !id.contains(':')) => {
                return get(Self::GenerativeModelById(decode(id.trim_start_matches('/')).into_owned()));
            }
            _ => {}
        }
        match below_base(path).strip_prefix("/models") {
            Some("") => return get(Self::Models),
            Some(id) if id.len() > 1 && id.starts_with('/') => {
                return get(Self::ModelById(decode(id.trim_start_matches('/')).into_owned()));
            }
            _ => {}
        }
        if let Some(ask) = stored_response(method, path) {
            return ask;
        }
        // One slash only: a client can send thousands, and the stack of the VM is small.
        match path.strip_suffix('/').filter(|short| !short.ends_with('/')) {
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

/// The key in the query, where the client's language has it there.
pub(super) fn key_in(path: &str, language: &dyn Language) -> Option<String> {
    query_value(path.split_once('?')?.1, language.key_param()?)
}

/// The path without the key in its query, if it has one: logs and spans show the path to people who must not see the key.
///
/// This also covers paths that are not served, such as an SDK's file uploads: the SDK sends its key to all of them. Only
/// the key service has parameters with this name that are not the caller's key.
pub(super) fn without_key(path_and_query: &str) -> Option<String> {
    let (path, query) = path_and_query.split_once('?')?;
    let is_key = |pair: &&str| {
        let name = decode(pair.split('=').next().unwrap_or_default());
        inbound::LANGUAGES.iter().any(|language| language.key_param() == Some(&*name))
    };
    if !query.split('&').any(|pair| is_key(&pair)) || ApiPath::parse(b"GET", path) == ApiPath::Management {
        return None;
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_key(pair)).collect();
    Some(if rest.is_empty() { path.to_owned() } else { [path, "?", &rest.join("&")].concat() })
}

/// What a path asks of a stored response.
fn stored_response(method: &[u8], path: &str) -> Option<ApiPath> {
    let below = below_base(path).strip_prefix("/responses/")?;
    let (id, rest) = below.split_once('/').unwrap_or((below, ""));
    let action = match (rest, method) {
        _ if id.is_empty() => return None,
        ("", b"GET" | b"HEAD") => StoredAction::Get,
        ("", b"DELETE") => StoredAction::Delete,
        ("", _) => return Some(ApiPath::MethodNotAllowed { allow: "GET, DELETE" }),
        ("cancel", b"POST") => StoredAction::Cancel,
        ("cancel", _) => return Some(ApiPath::MethodNotAllowed { allow: "POST" }),
        ("input_items", b"GET" | b"HEAD") => StoredAction::InputItems,
        ("input_items", _) => return Some(ApiPath::MethodNotAllowed { allow: "GET" }),
        _ => return None,
    };
    Some(ApiPath::StoredResponse(StoredRequest { id: decode(id).into_owned(), action }))
}

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

    fn chat(model: Option<&str>) -> ApiPath {
        ApiPath::Model { language: &inbound::CHAT, model: model.map(str::to_owned) }
    }

    #[test]
    fn every_form_of_a_path_asks_for_the_same() {
        for base in ["", "/v1", "/openai/v1", "/openai"] {
            assert_eq!(ApiPath::parse(b"POST", &format!("{base}/chat/completions")), chat(None));
            assert_eq!(ApiPath::parse(b"GET", &format!("{base}/models")), ApiPath::Models, "{base}");
            let by_id = ApiPath::parse(b"GET", &format!("{base}/models/openai/gpt-4o"));
            assert_eq!(by_id, ApiPath::ModelById("openai/gpt-4o".into()), "{base}");
        }
        assert_eq!(ApiPath::parse(b"POST", "/engines/gpt-4o/chat/completions"), chat(Some("gpt-4o")));
        assert_eq!(
            ApiPath::parse(b"POST", "/openai/deployments/anthropic%2Fclaude/chat/completions?api-version=1"),
            chat(Some("anthropic/claude"))
        );
        assert_eq!(ApiPath::parse(b"POST", "/v1/chat/completions?model=a+b%21"), chat(Some("a b!")));
    }

    #[test]
    fn a_path_with_a_method_after_a_colon_names_the_model() {
        let ask = |path: &str| ApiPath::parse(b"POST", path);
        for base in ["/v1beta", "/v1", "/v1alpha", "/gemini/v1beta"] {
            let model = |language: &'static dyn Language, model: &str| ApiPath::Model {
                language,
                model: Some(model.to_owned()),
            };
            let of = |method: &str| ask(&format!("{base}/models/openai%2Fgpt-4o:{method}"));
            assert_eq!(of("generateContent?key=x"), model(&inbound::GENERATE, "openai/gpt-4o"), "{base}");
            assert_eq!(of("streamGenerateContent?alt=sse"), model(&inbound::STREAM, "openai/gpt-4o"));
            assert_eq!(of("streamGenerateContent?a=b&%24alt=sse"), model(&inbound::STREAM, "openai/gpt-4o"));
            assert_eq!(of("streamGenerateContent"), model(&inbound::STREAM_ARRAY, "openai/gpt-4o"));
            assert_eq!(of("streamGenerateContent?alt=json"), model(&inbound::STREAM_ARRAY, "openai/gpt-4o"));
            assert_eq!(of("embedContent"), model(&inbound::EMBED, "openai/gpt-4o"));
            assert_eq!(of("batchEmbedContents"), model(&inbound::EMBED_BATCH, "openai/gpt-4o"));
            assert_eq!(
                of("countTokens"),
                ApiPath::CountTokens { language: &inbound::GENERATE, model: Some("openai/gpt-4o".into()) }
            );
            let slashes = ask(&format!("{base}/models/a/b:8b:generateContent"));
            assert_eq!(slashes, model(&inbound::GENERATE, "a/b:8b"));
        }
        assert_eq!(
            ApiPath::parse(b"GET", "/v1/models/m:generateContent"),
            ApiPath::MethodNotAllowed { allow: "POST" }
        );
        for none in
            ["/v1beta/models/m:predict", "/v1beta/models/:generateContent", "/v1beta/m:generateContent"]
        {
            assert_eq!(ask(none), ApiPath::NotFound, "{none}");
        }
        assert_eq!(ApiPath::parse(b"GET", "/v1beta/models?pageSize=5"), ApiPath::GenerativeModels);
        assert_eq!(
            ApiPath::parse(b"GET", "/v1beta/models/a:8b"),
            ApiPath::GenerativeModelById("a:8b".into())
        );
        assert_eq!(ask("/v1beta/models"), ApiPath::MethodNotAllowed { allow: "GET" });
        assert_eq!(ApiPath::parse(b"GET", "/v1beta/modelsx"), ApiPath::NotFound);
        // Two languages have this path; a header tells which one the client speaks.
        let google = Head::new(vec![("x-goog-api-client".to_owned(), b"google-genai-sdk/1".to_vec())]);
        let id = || ApiPath::ModelById("m".into());
        assert_eq!(id().for_client(&google), ApiPath::GenerativeModelById("m".into()));
        assert_eq!(ApiPath::Models.for_client(&google), ApiPath::GenerativeModels);
        assert_eq!(id().for_client(&Head::default()), id());
        assert_eq!(
            ask("/v1/messages/count_tokens"),
            ApiPath::CountTokens { language: &inbound::MESSAGES, model: None }
        );
    }

    #[test]
    fn methods_slashes_and_unknown_paths_are_told_apart() {
        assert_eq!(
            ApiPath::parse(b"GET", "/v1/chat/completions"),
            ApiPath::MethodNotAllowed { allow: "POST" }
        );
        assert_eq!(ApiPath::parse(b"POST", "/v1/models"), ApiPath::MethodNotAllowed { allow: "GET" });
        assert_eq!(
            ApiPath::parse(b"POST", "/v1/chat/completions/?a=b"),
            ApiPath::Redirect("/v1/chat/completions?a=b".into())
        );
        assert_eq!(ApiPath::parse(b"POST", "/v1/v1/chat/completions"), ApiPath::NotFound);
        assert_eq!(ApiPath::parse(b"POST", "/v1/chat/completions//"), ApiPath::NotFound);
        assert_eq!(ApiPath::parse(b"GET", &"/".repeat(60_000)), ApiPath::NotFound);
        assert_eq!(ApiPath::parse(b"GET", "/?a=b"), ApiPath::Home);
        assert_eq!(ApiPath::parse(b"POST", "/"), ApiPath::MethodNotAllowed { allow: "GET" });
        assert_eq!(ApiPath::parse(b"GET", "//"), ApiPath::NotFound);
        assert_eq!(ApiPath::parse(b"POST", "/internal/verify"), ApiPath::NotFound);
        assert_eq!(ApiPath::parse(b"GET", "/v1/modelsx"), ApiPath::NotFound);
        assert_eq!(ApiPath::parse(b"GET", "/v1x/models"), ApiPath::NotFound);
    }

    #[test]
    fn the_length_of_a_prompt_is_asked_in_the_languages_that_have_it() {
        let counted = |path| ApiPath::parse(b"POST", path).language().map(Language::name);
        assert_eq!(counted("/v1/messages/count_tokens"), Some("messages"));
        assert_eq!(counted("/openai/v1/responses/input_tokens"), Some("responses"));
        assert_eq!(ApiPath::parse(b"POST", "/v1/messages/input_tokens"), ApiPath::NotFound);
        assert_eq!(ApiPath::parse(b"POST", "/v1/chat/completions/count_tokens"), ApiPath::NotFound);
    }

    #[test]
    fn a_stored_response_is_known_by_its_id() {
        for (method, path, action) in [
            (&b"GET"[..], "/v1/responses/resp_1", StoredAction::Get),
            (b"DELETE", "/responses/resp_1", StoredAction::Delete),
            (b"POST", "/openai/v1/responses/resp_1/cancel", StoredAction::Cancel),
            (b"GET", "/v1/responses/resp_1/input_items?limit=5", StoredAction::InputItems),
        ] {
            let ask = StoredRequest { id: "resp_1".into(), action };
            assert_eq!(ApiPath::parse(method, path), ApiPath::StoredResponse(ask), "{path}");
        }
        for (method, path, allow) in [
            (&b"POST"[..], "/v1/responses/resp_1", "GET, DELETE"),
            (b"GET", "/v1/responses/resp_1/cancel", "POST"),
            (b"DELETE", "/v1/responses/resp_1/input_items", "GET"),
        ] {
            assert_eq!(ApiPath::parse(method, path), ApiPath::MethodNotAllowed { allow }, "{path}");
        }
        assert_eq!(ApiPath::parse(b"POST", "/v1/responses/resp_1/other"), ApiPath::NotFound);
        let compact = ApiPath::Model { language: &inbound::COMPACT, model: None };
        assert_eq!(ApiPath::parse(b"POST", "/v1/responses/compact"), compact);
    }

    #[test]
    fn management_paths_are_the_key_services() {
        assert_eq!(ApiPath::parse(b"POST", "/key/generate"), ApiPath::Management);
        assert_eq!(ApiPath::parse(b"GET", "/openapi.json"), ApiPath::Management);
        assert_eq!(ApiPath::parse(b"GET", "/openapi.jsonx"), ApiPath::NotFound);
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%ff"), "%ff");
    }
}
