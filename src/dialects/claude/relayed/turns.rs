//! Edits in `messages`: what the deployment's model or the surface would reject.

use super::super::betas::Place;
use super::cache_marks;
use crate::json::{JsonStr, JsonString, Object, Raw, Splice, Writer, read};
use crate::openai::SEARCH_ID;

/// What to look for.
pub(super) struct Rules<'r> {
    /// The model accepts turns whose role is `system`.
    pub(super) system_turns: bool,
    /// Reasoning of earlier turns is sent back.
    pub(super) thoughts: bool,
    /// Fields that the surface lacks.
    pub(super) cuts: &'r [Place],
}

/// What was found.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// The latest `output_config.effort` of the turns that lost theirs.
    pub(super) effort: Option<JsonStr<'a>>,
    /// The assistant's last turn calls tools, and the reasoning before the calls was left out.
    pub(super) unexplained_calls: bool,
}

/// The beginning of state of other models that this gateway puts into signatures.
const CARRIER: &str = "sb1.";

/// A message whose edits depend on its neighbors.
struct Turn<'a> {
    raw: Raw<'a>,
    object: Object<'a>,
}

impl<'a> Turn<'a> {
    fn role_is(&self, role: &str) -> bool {
        self.object.get("role").and_then(JsonStr::of).is_some_and(|given| given.inner() == role)
    }

    fn blocks(&self) -> Vec<Raw<'a>> {
        self.object.get("content").and_then(|content| read(content).ok()).unwrap_or_default()
    }
}

/// Edits the turns.
pub(super) fn edit<'a>(messages: Raw<'a>, rules: &Rules<'_>, splice: &mut Splice<'a>) -> Found<'a> {
    let has = |words: &str| memchr::memmem::find(messages.get().as_bytes(), words.as_bytes()).is_some();
    let in_system_turns = |place: &Place| matches!(place, Place::SystemTurn(_));
    let is_about_system = !rules.system_turns || rules.cuts.iter().any(in_system_turns);
    let mut found = Found::default();
    let is_about_system = is_about_system && has("\"system\"");
    let is_foreign = has(SEARCH_ID) || has("\"encrypted_index\"");
    if !(is_about_system || is_foreign || has("thinking\"") || cache_marks::are_cut(rules.cuts)) {
        return found;
    }
    let raws: Vec<Raw<'a>> = read(messages).unwrap_or_default();
    let turns: Option<Vec<Turn<'a>>> =
        raws.into_iter().map(|raw| Some(Turn { raw, object: Object::of(raw)? })).collect();
    // The provider reports what is not an object.
    let Some(turns) = turns else { return found };
    for (at, turn) in turns.iter().enumerate() {
        if turn.role_is("system") {
            let after_calls = at.checked_sub(1).and_then(|before| turns.get(before));
            let after_calls = after_calls.is_some_and(|before| before.role_is("assistant"));
            let results = turns.get(at + 1).filter(|next| after_calls && has_results(next));
            system(turn, results, rules, &mut found, splice);
        } else if turn.role_is("assistant") {
            assistant(turn, rules, &mut found, splice);
        } else {
            cache_marks::cut(&turn.blocks(), rules.cuts, splice);
        }
    }
    found
}

/// Whether a message has an image or a document that the provider would have to fetch.
pub(in crate::dialects) fn have_urls(messages: Raw<'_>) -> bool {
    memchr::memmem::find(messages.get().as_bytes(), b"\"url\"").is_some()
        && read::<Vec<Raw<'_>>>(messages).is_ok_and(|turns| {
            turns.iter().any(|turn| Object::of(*turn).is_some_and(|turn| has_url(&turn, DEPTH)))
        })
}

/// Results of tools contain blocks, which do not contain results again.
const DEPTH: usize = 2;

fn has_url(object: &Object<'_>, depth: usize) -> bool {
    let source = object.get("source").and_then(Object::of);
    if source.is_some_and(|source| kind_of(&source) == "url") {
        return true;
    }
    let inside: Vec<Raw<'_>> = object.get("content").and_then(|inside| read(inside).ok()).unwrap_or_default();
    depth > 0 && inside.iter().any(|block| Object::of(*block).is_some_and(|block| has_url(&block, depth - 1)))
}

fn kind_of<'a>(block: &Object<'a>) -> &'a str {
    block.get("type").and_then(JsonStr::of).map_or("", JsonStr::inner)
}

fn has_results(turn: &Turn<'_>) -> bool {
    let is_result = |raw: &Raw<'_>| Object::of(*raw).is_some_and(|block| kind_of(&block) == "tool_result");
    turn.role_is("user") && turn.blocks().iter().any(is_result)
}

/// Leaves out reasoning that its model did not sign, and what other providers have searched for: Claude reads only its own
/// results.
fn assistant<'a>(turn: &Turn<'a>, rules: &Rules<'_>, found: &mut Found<'a>, splice: &mut Splice<'a>) {
    found.unexplained_calls = false;
    let has = |words: &str| memchr::memmem::find(turn.raw.get().as_bytes(), words.as_bytes()).is_some();
    if !["thinking\"", SEARCH_ID, "\"encrypted_index\""].into_iter().any(has) {
        return cache_marks::cut(&turn.blocks(), rules.cuts, splice);
    }
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    let (mut calls, mut thinks, mut forgets) = (false, false, false);
    for raw in turn.blocks() {
        let block = Object::of(raw).unwrap_or_default();
        let seal = match kind_of(&block) {
            "thinking" => "signature",
            "redacted_thinking" => "data",
            "server_tool_use" if is_foreign_search(&block, "id") => {
                dropped.push(raw);
                continue;
            }
            "web_search_tool_result" if is_foreign_search(&block, "tool_use_id") => {
                dropped.push(raw);
                continue;
            }
            kind => {
                cut_citations(&block, splice);
                calls |= kind == "tool_use";
                kept.push(raw);
                continue;
            }
        };
        let seal = block.get(seal).and_then(JsonStr::of).map_or("", JsonStr::inner);
        if rules.thoughts && !seal.is_empty() && !seal.starts_with(CARRIER) {
            thinks = true;
            kept.push(raw);
        } else {
            forgets = true;
            dropped.push(raw);
        }
    }
    found.unexplained_calls = calls && !thinks && forgets;
    if kept.is_empty() && !dropped.is_empty() {
        // A turn may not be empty.
        return splice.remove_item(turn.raw.get());
    }
    for block in &dropped {
        splice.remove_item(block.get());
    }
    cache_marks::cut(&kept, rules.cuts, splice);
}

fn is_foreign_search(block: &Object<'_>, id: &str) -> bool {
    block.get(id).and_then(JsonStr::of).is_some_and(|id| id.inner().starts_with(SEARCH_ID))
}

/// Cuts the citations of a text that is about another provider's results: their `encrypted_index` is empty.
fn cut_citations<'a>(block: &Object<'a>, splice: &mut Splice<'a>) {
    let Some(citations) = block.members().iter().find(|member| member.is("citations")) else { return };
    let cited: Vec<Raw<'_>> = read(citations.value).unwrap_or_default();
    let is_foreign = |citation: &Raw<'_>| {
        let index = Object::of(*citation).and_then(|citation| JsonStr::of(citation.get("encrypted_index")?));
        index.is_some_and(JsonStr::is_empty)
    };
    if cited.iter().any(is_foreign) {
        splice.remove(citations);
    }
}

/// A change in the middle of the conversation. For a model without such turns it becomes text of the user, marked as Claude
/// Code marks it for those; before the results of calls it would be rejected there, so it follows them.
fn system<'a>(
    turn: &Turn<'a>,
    results: Option<&Turn<'a>>,
    rules: &Rules<'_>,
    found: &mut Found<'a>,
    splice: &mut Splice<'a>,
) {
    let config = turn.object.get("output_config");
    let effort = config.and_then(Object::of).and_then(|config| JsonStr::of(config.get("effort")?));
    let content = turn.object.get("content");
    if rules.system_turns {
        let is_cut = |name: &str| {
            rules.cuts.iter().any(|place| matches!(place, Place::SystemTurn(cut) if *cut == name))
        };
        if !turn.object.members().iter().any(|member| member.name().is_some_and(|name| is_cut(&name))) {
            return cache_marks::cut(&turn.blocks(), rules.cuts, splice);
        }
        found.effort = effort.filter(|_| is_cut("output_config")).or(found.effort);
        if content.is_none_or(|content| matches!(content.get(), "[]" | "\"\"" | "null")) {
            return splice.remove_item(turn.raw.get());
        }
        let cut =
            turn.object.members().iter().filter(|member| member.name().is_some_and(|name| is_cut(&name)));
        cut.for_each(|member| splice.remove(member));
        return cache_marks::cut(&turn.blocks(), rules.cuts, splice);
    }
    found.effort = effort.or(found.effort);
    let texts: Vec<JsonStr<'_>> = match content.and_then(JsonStr::of) {
        Some(text) => vec![text],
        None => {
            turn.blocks().iter().filter_map(|block| JsonStr::of(Object::of(*block)?.get("text")?)).collect()
        }
    };
    let mut blocks = Vec::new();
    let mut w = Writer::new(&mut blocks);
    for text in texts.iter().filter(|text| !text.is_blank()) {
        w.object().key("type").string("text").key("text");
        let [begin, end] = ["<system-reminder>\n", "\n</system-reminder>"].map(JsonString::new);
        w.joined([begin.as_str(), *text, end.as_str()]).end_object();
    }
    if blocks.is_empty() {
        return splice.remove_item(turn.raw.get());
    }
    if let Some(content) = results.and_then(|results| results.object.get("content")) {
        splice.remove_item(turn.raw.get());
        return splice.append_to(content.get(), blocks);
    }
    let turned = [&br#"{"role":"user","content":["#[..], &blocks, b"]}"].concat();
    splice.replace(turn.raw.get(), turned);
}
