//! Parts of a response other than text, as in `chat.completion` and its chunks.

use crate::facts::{Citation, Logprob, Thinking};
use crate::json::{Raw, Writer};

/// Writes an element of `annotations`.
pub(super) fn write_citation(w: &mut Writer<'_>, citation: Citation<'_>) {
    w.object().key("type").string("url_citation").key("url_citation").object();
    w.key("start_index").number(citation.start).key("end_index").number(citation.end);
    w.key("title").raw(citation.title.token()).key("url").raw(citation.url.token()).end_object().end_object();
}

/// Writes an element of `thinking_blocks`, `LiteLLM`'s extension: Anthropic's own blocks.
pub(super) fn write_thinking(w: &mut Writer<'_>, block: Thinking<'_>) {
    match block {
        Thinking::Signed { text, signature } => {
            w.object().key("type").string("thinking").key("thinking").escaped(text);
            w.key("signature").raw(signature.token()).end_object();
        }
        Thinking::Redacted { data } => {
            w.object().key("type").string("redacted_thinking").key("data").raw(data.token()).end_object();
        }
    }
}

/// Writes an element of `images`, `LiteLLM`'s extension. `data` is base64 as written in the JSON token.
pub(super) fn write_image(w: &mut Writer<'_>, index: u64, media_type: &str, data: &str) {
    w.object().key("type").string("image_url").key("index").number(index).key("image_url").object();
    w.key("url").escaped(&format!("data:{media_type};base64,{data}")).end_object().end_object();
}

/// `logprobs`, with its tokens.
pub(super) fn write_logprobs(w: &mut Writer<'_>, tokens: impl FnOnce(&mut Writer<'_>)) {
    w.object().key("content").array();
    tokens(w);
    w.end_array().key("refusal").raw("null").end_object();
}

/// Tokens of `logprobs`.
pub(super) fn write_tokens(w: &mut Writer<'_>, tokens: &[Logprob<'_>]) {
    for token in tokens {
        w.object();
        write_logprob(w, token);
        w.key("top_logprobs").array();
        for top in &token.top {
            w.object();
            write_logprob(w, top);
            w.end_object();
        }
        w.end_array().end_object();
    }
}

fn write_logprob(w: &mut Writer<'_>, token: &Logprob<'_>) {
    w.key("token").raw(token.token.token()).key("logprob").raw(token.logprob);
    w.key("bytes").raw(token.bytes.map_or("null", Raw::get));
}
