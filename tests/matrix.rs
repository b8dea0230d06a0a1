//! Every client's API on every provider's: the same request in each client's words, as each provider gets it. The official
//! packages of the providers judge the files.

#[path = "fixtures/mod.rs"]
mod fixtures;

use std::fs;
use std::path::{Path, PathBuf};

use fixtures::{Kind, RICH, cases, golden, rich, written};
use serde_json::json;
use switchboard::inbound::{CHAT, GENERATE, Language, MESSAGES, RESPONSES};
use switchboard::openai::ErrorBody;

const PROVIDERS: &[(&str, &str)] = &[
    ("anthropic", "claude-opus-4-6"),
    ("bedrock", "us.anthropic.claude-sonnet-4-6"),
    ("cohere", "command-a-03-2025"),
    ("gemini", "gemini-3.1-pro-preview"),
    ("mistral", "mistral-large-latest"),
    ("ollama", "qwen3"),
    ("openai", "gpt-4.1"),
];

#[test]
fn every_clients_request_is_one_of_every_provider() {
    let clients: [(&dyn Language, &[&str]); 4] = [
        (&CHAT, &[RICH, "plain"]),
        (&MESSAGES, &["claude-code", "plain"]),
        (&RESPONSES, &["codex", "agents", "plain"]),
        (&GENERATE, &["rich", "plain"]),
    ];
    let matrix = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inbound/matrix");
    for (language, cases) in clients {
        for case in cases {
            let is_chat = language.name() == CHAT.name();
            let file = folder(language).join("request").join(format!("{case}.in.json"));
            let file = if is_chat && *case == RICH { rich() } else { file };
            let mut body = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            if is_chat {
                // Other clients say so by their API.
                let rest = body.strip_prefix(b"{").unwrap();
                body = [br#"{"drop_params":true,"#, rest].concat();
            }
            for (provider, model) in PROVIDERS {
                let name = format!("{}-{case}", language.name());
                let (head, body) = match asked(language, provider, model, body.clone()) {
                    Ok(asked) => asked,
                    Err(error) => {
                        let error = json!({"error": error.message, "status": error.status});
                        (String::new(), error.to_string().into_bytes())
                    }
                };
                serde_json::from_slice::<serde::de::IgnoredAny>(&body).unwrap();
                golden(&matrix.join(provider).join(format!("{name}.out.json")), &body);
                golden(&matrix.join(provider).join(format!("{name}.out.head")), head.as_bytes());
            }
        }
    }
}

/// A client's request as a provider gets it: path and headers of the dialect, and the body.
fn asked(
    language: &'static dyn Language,
    provider: &str,
    model: &str,
    body: Vec<u8>,
) -> Result<(String, Vec<u8>), ErrorBody> {
    let case = cases(Kind::Response).into_iter().find(|case| case.provider.name == "openai").unwrap();
    let (outbound, body, _) = written(language, provider, model, body, case.memo())?;
    let mut head = format!(":path: {}\n", outbound.path);
    for (name, value) in &outbound.headers {
        head = [&head, *name, ": ", value, "\n"].concat();
    }
    Ok((head, body))
}

/// Where a language's fixtures are.
fn folder(language: &dyn Language) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inbound").join(language.name())
}
