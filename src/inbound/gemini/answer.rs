//! What whole answers and streams have in common: `GenerateContentResponse`
//! (<https://ai.google.dev/api/generate-content>).

use super::signature::Carried;
use crate::facts::{Citation, FinishReason, Logprob, Search, Usage};
use crate::json::{JsonStr, JsonString, Object, Writer, read};
use crate::openai::{Memo, bare_id};

/// `responseId`, as the contents of a JSON string: the provider's, or the request's, which a client may have sent.
pub(super) fn response_id(given: Option<JsonStr<'_>>, memo: &Memo) -> String {
    let own = || JsonString::new(&memo.id).as_str().inner().to_owned();
    given.filter(|id| !id.is_empty()).map_or_else(own, |id| id.inner().to_owned())
}

/// A call, and its arguments so far.
pub(super) struct Call {
    /// Without the signature that a provider's language may have appended.
    id: String,
    name: String,
    /// The inside of a JSON string.
    pub(super) arguments: String,
    signature: Option<String>,
}

impl Call {
    /// `carried`: reasoning that must come back with it.
    pub(super) fn new(
        id: JsonStr<'_>,
        name: &str,
        signature: Option<JsonStr<'_>>,
        carried: &mut Carried,
    ) -> Self {
        let own = signature.and_then(JsonStr::decode).map(std::borrow::Cow::into_owned);
        let carried = carried.take();
        Self {
            id: id.decode().map(bare_id).unwrap_or_default().into_owned(),
            name: name.to_owned(),
            arguments: String::new(),
            signature: own.or(carried),
        }
    }

    /// The arguments as JSON text.
    fn text(&self) -> String {
        let token = ["\"", &self.arguments, "\""].concat();
        let text = read::<JsonStr<'_>>(token.as_str()).ok().and_then(JsonStr::decode).unwrap_or_default();
        // Line breaks, which can only be between tokens, would end the line of an event.
        text.trim().replace(['\n', '\r'], " ")
    }

    /// Whether the arguments are a complete object, and nothing can follow.
    pub(super) fn is_complete(&self) -> bool {
        Object::parse(self.text().as_bytes()).is_ok()
    }

    /// Writes it as a part. Arguments that are not an object become the value of one, so that the client can tell the model.
    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.object().key("functionCall").object();
        if !self.id.is_empty() {
            w.key("id").string(&self.id);
        }
        w.key("name").string(&self.name).key("args");
        match self.text() {
            text if matches!(&*text, "" | "null") => w.object().end_object(),
            text if Object::parse(text.as_bytes()).is_ok() => w.raw(&text),
            _ => w.object().key("invalid_arguments").escaped(&self.arguments).end_object(),
        };
        w.end_object();
        if let Some(signature) = &self.signature {
            w.key("thoughtSignature").string(signature);
        }
        w.end_object();
    }
}

/// Splits off half a surrogate pair at the end of a text, the inside of a JSON string. Google's SDK for Python rejects it;
/// the other half comes with the next text.
pub(super) fn split_half(text: &str) -> (&str, &str) {
    let Some((before, last)) = text.len().checked_sub(6).and_then(|at| text.split_at_checked(at)) else {
        return (text, "");
    };
    let is_half =
        matches!(last.as_bytes(), [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..]);
    let is_escaped = before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
    if is_half && !is_escaped { (before, last) } else { (text, "") }
}

/// Writes a text as a part. `text` is the inside of a JSON string.
pub(super) fn write_text(w: &mut Writer<'_>, text: &str, thought: bool, signature: Option<JsonStr<'_>>) {
    w.object().key("text").escaped(text);
    if thought {
        w.key("thought").bool(true);
    }
    if let Some(signature) = signature {
        w.key("thoughtSignature").raw(signature.token());
    }
    w.end_object();
}

/// Writes an image as a part. `data` is base64 as the inside of a JSON string.
pub(super) fn write_image(w: &mut Writer<'_>, media_type: &str, data: &str) {
    w.object().key("inlineData").object().key("mimeType").string(media_type);
    w.key("data").escaped(data).end_object().end_object();
}

/// What a candidate has besides its parts.
#[derive(Default)]
pub(super) struct Ending {
    finish: Option<FinishReason>,
    refused: bool,
    /// URL and title of each source.
    sources: Vec<(JsonString, JsonString)>,
    /// `webSearchQueries`, without the brackets.
    queries: Vec<u8>,
    /// `groundingSupports`, without the brackets.
    supports: Vec<u8>,
    /// `chosenCandidates` and `topCandidates`, without the brackets.
    chosen: Vec<u8>,
    top: Vec<u8>,
}

impl Ending {
    pub(super) fn finish(&mut self, reason: FinishReason) {
        self.finish = self.finish.or(Some(reason));
    }

    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    pub(super) fn cite(&mut self, citation: Citation<'_>) {
        let known = self.sources.iter().position(|(url, _)| url.as_str().token() == citation.url.token());
        let at = known.unwrap_or_else(|| {
            self.sources.push((JsonString::of(citation.url), JsonString::of(citation.title)));
            self.sources.len() - 1
        });
        if citation.end > citation.start {
            let mut w = Writer::new(&mut self.supports);
            w.object().key("segment").object().key("startIndex").number(citation.start);
            w.key("endIndex").number(citation.end).end_object();
            w.key("groundingChunkIndices").array().number(at as u64).end_array().end_object();
        }
    }

    pub(super) fn searched(&mut self, search: Search<'_>) {
        for query in search.queries {
            Writer::new(&mut self.queries).raw(query.token());
        }
    }

    pub(super) fn logprobs(&mut self, tokens: &[Logprob<'_>]) {
        for token in tokens {
            write_logprob(&mut Writer::new(&mut self.chosen), token);
            let mut w = Writer::new(&mut self.top);
            w.object().key("candidates").array();
            for top in &token.top {
                write_logprob(&mut w, top);
            }
            w.end_array().end_object();
        }
    }

    /// Writes the members of the candidate.
    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.key("finishReason").string(match self.finish {
            _ if self.refused => "SAFETY",
            Some(FinishReason::ContentFilter | FinishReason::Refusal) => "SAFETY",
            Some(FinishReason::Length) => "MAX_TOKENS",
            _ => "STOP",
        });
        if !self.sources.is_empty() || !self.queries.is_empty() {
            w.key("groundingMetadata").object();
            write_list(w, "webSearchQueries", &self.queries);
            let mut chunks = Vec::new();
            let mut list = Writer::new(&mut chunks);
            for (url, title) in &self.sources {
                list.object().key("web").object().key("uri").raw(url.as_str().token());
                list.key("title").raw(title.as_str().token()).end_object().end_object();
            }
            write_list(w, "groundingChunks", &chunks);
            write_list(w, "groundingSupports", &self.supports);
            w.end_object();
        }
        if !self.chosen.is_empty() {
            w.key("logprobsResult").object();
            write_list(w, "topCandidates", &self.top);
            write_list(w, "chosenCandidates", &self.chosen);
            w.end_object();
        }
    }
}

fn write_list(w: &mut Writer<'_>, name: &str, items: &[u8]) {
    if !items.is_empty() {
        w.key(name).array().bytes().extend_from_slice(items);
        w.end_array();
    }
}

fn write_logprob(w: &mut Writer<'_>, token: &Logprob<'_>) {
    w.object().key("token").raw(token.token.token()).key("logProbability").raw(token.logprob).end_object();
}

/// Writes the members after the candidates.
pub(super) fn write_end(w: &mut Writer<'_>, usage: Option<&Usage>, memo: &Memo, id: &str) {
    if let Some(usage) = usage {
        write_usage(w.key("usageMetadata"), usage);
    }
    w.key("modelVersion").string(&memo.model).key("responseId").escaped(id);
}

/// Thoughts are counted apart from what the candidates say; the prompt includes what was read from a cache.
fn write_usage(w: &mut Writer<'_>, usage: &Usage) {
    w.object().key("promptTokenCount").number(usage.prompt);
    w.key("candidatesTokenCount").number(usage.completion.saturating_sub(usage.reasoning));
    w.key("totalTokenCount").number(usage.total());
    if usage.cached > 0 {
        w.key("cachedContentTokenCount").number(usage.cached);
    }
    if usage.reasoning > 0 {
        w.key("thoughtsTokenCount").number(usage.reasoning.min(usage.completion));
    }
    w.end_object();
}

#[cfg(test)]
mod tests {
    use super::split_half;

    #[test]
    fn half_a_pair_waits_for_the_other_half() {
        assert_eq!(split_half(r"a\ud83d"), ("a", r"\ud83d"));
        assert_eq!(split_half(r"\uD83D"), ("", r"\uD83D"));
        for whole in [r"\ud83d\ude00", r"a\\ud83d", r"\u00e9", "é\u{1f600}", "", "a"] {
            assert_eq!(split_half(whole), (whole, ""), "{whole}");
        }
    }
}
