//! Searches of the web by the provider: what was searched for, and what was found, are in separate blocks.

use super::block::{Block, string};
use crate::facts::{Search, Sink};
use crate::json::{JsonStr, JsonString, Object, Raw, fields, read};

/// The searches whose results have not arrived.
#[derive(Default)]
pub(super) struct Searches(Vec<Open>);

struct Open {
    id: JsonString,
    query: JsonString,
}

struct Found<'a> {
    url: Option<JsonStr<'a>>,
    title: Option<JsonStr<'a>>,
}
fields!(Found<'a> { url, title });

impl Searches {
    /// A `server_tool_use` block, which is a search or another tool of the provider.
    pub(super) fn begin(&mut self, block: &Block<'_>, input: Option<Raw<'_>>) {
        if string(block.name).inner() == "web_search" {
            let query = input.and_then(Object::of).and_then(|input| JsonStr::of(input.get("query")?));
            let query = JsonString::of(query.unwrap_or(JsonStr::EMPTY));
            self.0.push(Open { id: JsonString::of(string(block.id)), query });
        }
    }

    /// The input of the last block, as the contents of a JSON string, if it arrived in fragments.
    pub(super) fn fill(&mut self, input: &str) {
        let token = ["\"", input, "\""].concat();
        let text = read::<JsonStr<'_>>(token.as_str()).ok().and_then(JsonStr::decode).unwrap_or_default();
        let Ok(object) = Object::parse(text.as_bytes()) else { return };
        let query = object.get("query").and_then(JsonStr::of);
        if let (Some(query), Some(open)) = (query, self.0.last_mut()) {
            open.query = JsonString::of(query);
        }
    }

    /// A `web_search_tool_result` block: a list of results, or an error.
    pub(super) fn end(&mut self, block: &Block<'_>, out: &mut dyn Sink) {
        let id = string(block.tool_use_id);
        let at = self.0.iter().position(|open| open.id.as_str().token() == id.token());
        let Some(open) = at.map(|at| self.0.remove(at)) else { return };
        let found: Option<Vec<Found<'_>>> = block.content.and_then(|content| read(content).ok());
        let results: Vec<_> = found
            .iter()
            .flatten()
            .filter_map(|found| Some((found.url?, found.title.unwrap_or(JsonStr::EMPTY))))
            .collect();
        out.searched(Search { queries: &[open.query.as_str()], results: &results, failed: found.is_none() });
    }
}
