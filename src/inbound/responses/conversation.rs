//! The items of `input`, as messages of a chat.

use std::collections::{BTreeMap, VecDeque};

use super::arguments;
use super::compaction;
use super::content::{parts, write_message};
use super::ids;
use super::tools::Tools;
use super::turn::{Call, Output, Turn};
use crate::json::{JsonStr, JsonString, Object, Raw, Text, Writer, fields, read};
use crate::openai::ErrorBody;

/// An item, flat: which fields it has depends on its type.
pub(super) struct Item<'a> {
    kind: Text<'a>,
    role: Text<'a>,
    content: Option<Raw<'a>>,
    id: Option<Text<'a>>,
    call_id: Option<Text<'a>>,
    name: Option<Text<'a>>,
    namespace: Option<Text<'a>>,
    arguments: Option<Raw<'a>>,
    input: Option<JsonStr<'a>>,
    output: Option<Raw<'a>>,
    encrypted_content: Option<JsonStr<'a>>,
    tools: Option<Vec<Raw<'a>>>,
    action: Option<Raw<'a>>,
    operation: Option<Raw<'a>>,
    reasoning: Option<Raw<'a>>,
    text: Option<Raw<'a>>,
}
fields!(Item<'a> {
    kind = "type", role, content, id, call_id, name, namespace, arguments, input, output, encrypted_content, tools, action,
    operation, reasoning, text
});

/// What an item is for the conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A message of that role; the assistant's belong to a turn.
    Message,
    Reasoning,
    Call,
    Output,
    /// It says nothing that another model could read.
    None,
}

/// The whole input.
pub(super) struct Conversation<'a> {
    items: Vec<Item<'a>>,
    /// For each call the item with its result.
    results: BTreeMap<usize, usize>,
    /// Whether an item is the result of an earlier call.
    is_result: Vec<bool>,
}

impl<'a> Conversation<'a> {
    /// Reads `input`.
    ///
    /// # Errors
    /// It is neither a text nor a list of items, or refers to something that is stored.
    pub(super) fn read(input: Raw<'a>) -> Result<Self, ErrorBody> {
        if JsonStr::of(input).is_some() {
            let item = Item { role: Text("user".into()), content: Some(input), ..Item::empty() };
            return Ok(Self::of(vec![item]));
        }
        let raws: Vec<Raw<'a>> =
            read(input).map_err(|_| ErrorBody::invalid("input", "expected a string or an array of items"))?;
        let mut items = Vec::with_capacity(raws.len());
        for (at, raw) in raws.into_iter().enumerate() {
            let item: Item<'a> =
                read(raw).map_err(|error| ErrorBody::invalid(format!("input[{at}]"), &error.to_string()))?;
            item.check(at)?;
            items.push(item);
        }
        Ok(Self::of(items))
    }

    /// Finds the results of calls. Ids may repeat in a long conversation: a result belongs to the first call before it that
    /// has none.
    fn of(items: Vec<Item<'a>>) -> Self {
        let mut waiting: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
        let mut results = BTreeMap::new();
        let mut is_result = vec![false; items.len()];
        for (at, item) in items.iter().enumerate() {
            match item.role() {
                Role::Call => {
                    // Results of some tools name the item of the call instead of the call.
                    let ids = [Some(item.call()), item.id.as_deref().filter(|id| *id != item.call())];
                    for id in ids.into_iter().flatten() {
                        waiting.entry(id).or_default().push_back(at);
                    }
                }
                Role::Output => {
                    let Some(calls) = waiting.get_mut(item.call()) else { continue };
                    while let Some(call) = calls.pop_front() {
                        if results.contains_key(&call) {
                            continue;
                        }
                        results.insert(call, at);
                        if let Some(is_result) = is_result.get_mut(at) {
                            *is_result = true;
                        }
                        break;
                    }
                }
                _ => {}
            }
        }
        Self { items, results, is_result }
    }

    /// The tools that the input brings.
    pub(super) fn tools(&self) -> impl Iterator<Item = (Raw<'a>, String)> {
        let brings = |item: &Item<'_>| matches!(&*item.kind, "additional_tools" | "tool_search_output");
        self.items.iter().enumerate().filter(move |(_, item)| brings(item)).flat_map(|(at, item)| {
            let tools = item.tools.iter().flatten().enumerate();
            tools.map(move |(n, tool)| (*tool, format!("input[{at}].tools[{n}]")))
        })
    }

    /// Whether the client asks for a compaction of the conversation.
    pub(super) fn asks_for_compaction(&self) -> bool {
        self.items.iter().any(|item| &*item.kind == "compaction_trigger")
    }

    /// The last change of a setting, `reasoning` or `text`.
    pub(super) fn setting(&self, name: &str) -> Option<Raw<'a>> {
        let mut changes = self.items.iter().rev().filter(|item| &*item.kind == "configuration_update");
        changes.find_map(|item| if name == "text" { item.text } else { item.reasoning })
    }

    /// Writes the messages.
    pub(super) fn write(&self, w: &mut Writer<'_>, tools: &Tools) -> Result<(), ErrorBody> {
        let mut turn = Turn::default();
        // The turn's calls that have a result, and the results that have come.
        let (mut expected, mut answered) = (0, 0);
        for (at, item) in self.items.iter().enumerate() {
            let role = item.role();
            let is_assistant = match role {
                Role::Message => &*item.role == "assistant",
                Role::Reasoning | Role::Call => true,
                Role::Output | Role::None => false,
            };
            if is_assistant {
                if answered > 0 && answered >= expected {
                    core::mem::take(&mut turn).write(w)?;
                    (expected, answered) = (0, 0);
                }
                match role {
                    Role::Reasoning => turn.think(item.encrypted_content, item.content),
                    Role::Call => {
                        expected += usize::from(self.results.contains_key(&at));
                        turn.calls.push(self.call(at, item, tools));
                    }
                    _ => turn.say(&parts(item.content, &format!("input[{at}].content"))?),
                }
                continue;
            }
            match role {
                Role::Output if self.is_result.get(at) == Some(&true) => answered += 1,
                Role::None => {}
                _ => {
                    core::mem::take(&mut turn).write(w)?;
                    (expected, answered) = (0, 0);
                    item.write(w, at)?;
                }
            }
        }
        turn.write(w)
    }

    fn call(&self, at: usize, item: &Item<'a>, tools: &Tools) -> Call<'a> {
        let result = self.results.get(&at).and_then(|at| Some((self.items.get(*at)?.output(), *at)));
        Call {
            id: ids::call_id(item.call()).into_owned(),
            name: item.function(tools),
            arguments: item.arguments(),
            result,
        }
    }
}

impl<'a> Item<'a> {
    fn empty() -> Self {
        crate::json::Place::empty()
    }

    fn role(&self) -> Role {
        match &*self.kind {
            "" | "message" | "agent_message" | "compaction" | "compaction_summary" => Role::Message,
            "reasoning" => Role::Reasoning,
            "function_call" | "custom_tool_call" | "local_shell_call" | "shell_call" | "apply_patch_call" => {
                Role::Call
            }
            // One that ran at the provider has no result of its own.
            "tool_search_call" if self.call_id.is_some() => Role::Call,
            "function_call_output"
            | "custom_tool_call_output"
            | "local_shell_call_output"
            | "shell_call_output"
            | "apply_patch_call_output"
            | "tool_search_output" => Role::Output,
            "additional_tools" | "configuration_update" | "compaction_trigger" => Role::None,
            // A type that is newer than this gateway.
            kind if !kind.ends_with("_call") && self.content.is_some() => Role::Message,
            _ => Role::None,
        }
    }

    /// Refuses what only the client's former provider can read.
    fn check(&self, at: usize) -> Result<(), ErrorBody> {
        let why = match &*self.kind {
            "item_reference" => {
                "nothing is stored here; send the item itself instead of a reference (SDKs do with `store: false`)"
            }
            "compaction" | "compaction_summary" if !compaction::is_ours(self.encrypted_content) => {
                "this state can be read only by the provider that made it; send the items themselves"
            }
            _ => return Ok(()),
        };
        Err(ErrorBody::invalid(format!("input[{at}]"), why))
    }

    /// The id that a call and its result have in common.
    fn call(&self) -> &str {
        self.call_id.as_deref().or(self.id.as_deref()).unwrap_or_default()
    }

    /// A call's function in the chat.
    fn function(&self, tools: &Tools) -> String {
        let name = match &*self.kind {
            "tool_search_call" => "tool_search",
            "local_shell_call" => "local_shell",
            "shell_call" => "shell",
            "apply_patch_call" => "apply_patch",
            _ => self.name.as_deref().unwrap_or_default(),
        };
        tools.sent_name(self.namespace.as_deref(), name)
    }

    fn arguments(&self) -> JsonString {
        match &*self.kind {
            "custom_tool_call" => object_of("input", self.input.unwrap_or(JsonStr::EMPTY).token()),
            "apply_patch_call" => object_of("operation", self.operation.map_or("{}", Raw::get)),
            "local_shell_call" | "shell_call" => {
                let mut json = Vec::new();
                let mut w = Writer::new(&mut json);
                w.object();
                for member in self.action.and_then(Object::of).iter().flat_map(Object::members) {
                    if !member.is("type") && !member.value.is_null() {
                        w.raw(member.key.token()).bytes().push(b':');
                        w.raw(member.value.get());
                    }
                }
                w.end_object();
                JsonString::new(&String::from_utf8(json).unwrap_or_default())
            }
            _ => arguments::sent(self.arguments),
        }
    }

    fn output(&self) -> Output<'a> {
        match (&*self.kind, self.output) {
            ("tool_search_output", _) => Output::Tools(self.tools.as_ref().map_or(0, Vec::len)),
            ("shell_call_output", Some(output)) => Output::Json(output),
            (_, output) => Output::Content(output),
        }
    }

    /// Writes a message that is not the assistant's, or a result whose call is gone.
    fn write(&self, w: &mut Writer<'_>, at: usize) -> Result<(), ErrorBody> {
        if self.role() == Role::Output {
            return match self.output() {
                Output::Content(output) => {
                    let at = format!("input[{at}].output");
                    write_message(w, "user", &parts(output, &at)?, &at)
                }
                Output::Json(output) => {
                    w.object().key("role").string("user").key("content").string(output.get()).end_object();
                    Ok(())
                }
                Output::Tools(_) => Ok(()),
            };
        }
        if let ("compaction" | "compaction_summary", Some(summary)) = (&*self.kind, self.encrypted_content) {
            compaction::write_summary(w, summary);
            return Ok(());
        }
        let role = match &*self.role {
            role @ ("system" | "developer") => role,
            _ => "user",
        };
        let at = format!("input[{at}].content");
        write_message(w, role, &parts(self.content, &at)?, &at)
    }
}

/// Arguments with one member.
fn object_of(name: &str, value: &str) -> JsonString {
    let mut json = Vec::new();
    Writer::new(&mut json).object().key(name).raw(value).end_object();
    JsonString::new(&String::from_utf8(json).unwrap_or_default())
}
