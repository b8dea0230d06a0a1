//! What clients may ask a deployment for, which the filter would tell them only request by request.

use switchboard::openai::Operation;
use switchboard::providers::Provider;

use crate::config::{Model, Report};

/// Warns of an entry that is said to do what its provider does not, or what no provider does here.
pub(super) fn check(model: &Model, provider: &Provider, upstream_model: &str, report: &Report) {
    let dialect = provider.dialect_of(upstream_model);
    let operations = dialect.operations();
    let Some(mode) = model.mode.as_deref() else { return };
    let named = if mode == "responses" { "chat" } else { mode };
    let (message, help) = match Operation::ALL.into_iter().find(|operation| operation.mode() == named) {
        Some(operation) if dialect.supports(operation) => return,
        Some(operation) => (
            format!(
                "provider '{}' does not support {}; they are rejected with 400",
                provider.name,
                plural(operation)
            ),
            other(&operations),
        ),
        None => (
            format!("mode '{mode}' is not supported; this model serves {}", words(&operations)),
            "remove the entry if clients do not use it for that".to_owned(),
        ),
    };
    report.warning(model.params.model.at, format!("{}.model_info.mode: {message}", model.path), Some(help));
}

/// The requests of an operation, in words.
fn plural(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "chats",
        Operation::Completions => "completions",
        Operation::Embeddings => "embeddings",
        Operation::Moderations => "moderations",
        Operation::Rerank => "requests to rerank",
        Operation::Images => "images",
        Operation::Speech => "speech",
        Operation::Transcriptions | Operation::Translations => "transcription",
        Operation::ImageEdits => "editing images",
    }
}

fn other(operations: &[Operation]) -> String {
    format!("it supports {}; set `mode` in model_info to what the model does", words(operations))
}

fn words(operations: &[Operation]) -> String {
    let words: Vec<&str> = operations.iter().map(|operation| operation.route()).collect();
    words.join(" and ")
}
