//! Searches of the web by a provider, as blocks of Anthropic's own search tool.

use crate::facts::Search;
use crate::json::{JsonStr, JsonString, Writer};
use crate::openai::SEARCH_ID;

/// A search that was reported: a call for each query, and the result of each call. The results belong to the first query,
/// because providers do not say which query found them.
pub(super) struct Searched {
    /// Pairs of ids and queries.
    calls: Vec<(String, JsonString)>,
    /// `content` of the first result.
    results: Vec<u8>,
    failed: bool,
}

impl Searched {
    /// `before`: the number of searches before this one.
    pub(super) fn new(search: &Search<'_>, message: &str, before: usize) -> Self {
        let stem: String = message.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        let call = |(at, query): (usize, &JsonStr<'_>)| {
            (format!("{SEARCH_ID}{stem}_{}", before + at), JsonString::of(*query))
        };
        let mut results = Vec::new();
        for (url, title) in search.results {
            let mut w = Writer::new(&mut results);
            w.object().key("type").string("web_search_result").key("url").raw(url.token());
            w.key("title").raw(title.token()).key("encrypted_content").string("").key("page_age").raw("null");
            w.end_object();
        }
        Self { calls: search.queries.iter().enumerate().map(call).collect(), results, failed: search.failed }
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Writes the members of a `server_tool_use` block. In a stream, the input arrives in a delta.
    pub(super) fn write_call(&self, at: usize, is_streamed: bool, w: &mut Writer<'_>) {
        let Some((id, _)) = self.calls.get(at) else { return };
        w.key("type").string("server_tool_use").key("id").string(id).key("name").string("web_search");
        w.key("input").raw(&if is_streamed { "{}".to_owned() } else { self.input(at) });
    }

    /// The input of a call.
    pub(super) fn input(&self, at: usize) -> String {
        let mut input = Vec::new();
        if let Some((_, query)) = self.calls.get(at) {
            Writer::new(&mut input).object().key("query").raw(query.as_str().token()).end_object();
        }
        String::from_utf8(input).unwrap_or_default()
    }

    /// Writes the members of a `web_search_tool_result` block.
    pub(super) fn write_result(&self, at: usize, w: &mut Writer<'_>) {
        let Some((id, _)) = self.calls.get(at) else { return };
        w.key("type").string("web_search_tool_result").key("tool_use_id").string(id).key("content");
        if self.failed {
            w.object().key("type").string("web_search_tool_result_error");
            w.key("error_code").string("unavailable").end_object();
            return;
        }
        w.array();
        if at == 0 {
            w.bytes().extend_from_slice(&self.results);
        }
        w.end_array();
    }
}
