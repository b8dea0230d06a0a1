//! Stored responses: what a request refers to, and what is stored of a response.

use core::any::Any;
use std::rc::Rc;

use super::Responses;
use super::echo::Echo;
use super::references;
use crate::inbound::{Open, Recall, Recalled, Stateful};
use crate::json::{JsonStr, JsonString, Object, Raw, Splice, Text, Writer, fields, read};
use crate::openai::{ErrorBody, is_private};

/// The longest input that is stored, bytes: what the key service accepts.
const LONGEST: usize = 2 << 20;

struct Request<'a> {
    input: Option<Raw<'a>>,
    store: Option<bool>,
    previous_response_id: Option<Text<'a>>,
}
fields!(Request<'a> { input, store, previous_response_id });

impl Stateful for Responses {
    fn opened(&self, body: &[u8], open: &mut dyn Open) -> Result<Option<Vec<u8>>, ErrorBody> {
        references::opened(body, open)
    }

    fn forgotten(&self, body: &[u8]) -> Option<Vec<u8>> {
        references::forgotten(body)
    }

    fn recall(&self, body: &[u8]) -> Result<Recall, ErrorBody> {
        if Object::parse(body).is_err() {
            return Ok(Recall::default());
        }
        let request: Request<'_> = read(body).map_err(|error| ErrorBody::bad_request(error.to_string()))?;
        let is_stored = request.store != Some(false) && !self.compacts;
        let input = request.input.filter(|input| is_stored && input.get().len() <= LONGEST);
        Ok(Recall {
            previous: request.previous_response_id.map(|id| id.0.into_owned()),
            items: request.input.map(references).unwrap_or_default(),
            input: input.map(|input| input.get().to_owned()),
        })
    }

    fn recalled(&self, body: &[u8], recalled: &Recalled<'_>) -> Vec<u8> {
        let object = Object::parse(body).unwrap_or_default();
        let named = recalled.items.and_then(Object::of).unwrap_or_default();
        let mut items: Vec<Raw<'_>> = recalled.input.and_then(|input| read(input).ok()).unwrap_or_default();
        let own = object.get("input").filter(|input| !input.is_null());
        items.extend(own.and_then(|input| read::<Vec<Raw<'_>>>(input).ok()).into_iter().flatten());
        let items = items.into_iter().map(|item| match reference(item) {
            Some(id) => named.get(&id).unwrap_or(item),
            None => item,
        });
        let items: Vec<Raw<'_>> = items.collect();
        // A compaction stands for all that is before it.
        let first = items.iter().rposition(|item| is_kind(*item, "compaction")).unwrap_or(0);

        let mut out =
            Vec::with_capacity(body.len() + recalled.input.map_or(0, |input| input.get().len()) + 64);
        let mut w = Writer::new(&mut out);
        w.object();
        for member in object.members() {
            if !member.is("input") && !member.is("previous_response_id") {
                w.raw(member.key.token()).bytes().push(b':');
                w.raw(member.value.get());
            }
        }
        w.key("input").array();
        for item in items.get(first..).unwrap_or_default() {
            w.raw(item.get());
        }
        if let Some(text) = own.and_then(JsonStr::of) {
            w.object().key("role").string("user").key("content").raw(text.token()).end_object();
        }
        w.end_array().end_object();
        out
    }

    fn outline(&self, body: &[u8], is_own: bool) -> Option<Vec<u8>> {
        let request = Object::parse(body).ok()?;
        let has = |name| request.get(name).is_some();
        // All clients share the provider's account: what another client has stored there must not be readable.
        if has("conversation") || has("previous_response_id") && !is_own {
            return None;
        }
        let mut out = Vec::with_capacity(body.len() + 64);
        let mut w = Writer::new(&mut out);
        w.object();
        for member in request.members() {
            let name = member.name()?;
            match &*name {
                "max_output_tokens" => w.key("max_completion_tokens"),
                "model" | "stream" | "metadata" | "user" => w.key(&name),
                name if is_private(name) => w.key(name),
                _ => continue,
            };
            w.raw(member.value.get());
        }
        w.key("messages").array();
        for text in ["instructions", "input"].map(|name| request.get(name).and_then(JsonStr::of)) {
            outline_of(text.unwrap_or(JsonStr::EMPTY).token(), &mut w);
        }
        if let Some(tools) = request.get("tools") {
            outline_of(JsonString::new(tools.get()).as_str().token(), &mut w);
        }
        for item in
            request.get("input").and_then(|input| read::<Vec<Raw<'_>>>(input).ok()).unwrap_or_default()
        {
            let item = Object::of(item).unwrap_or_default();
            for name in ["content", "output", "arguments", "input"] {
                match item.get(name) {
                    // A screenshot.
                    Some(value) if value.get().starts_with('{') => {
                        outline_of(r#"[{"type":"image"}]"#, &mut w);
                    }
                    Some(value) => outline_of(value.get(), &mut w),
                    None => {}
                }
            }
        }
        w.end_array().end_object();
        Some(out)
    }

    fn note(&self, echo: Option<Rc<dyn Any>>, recall: &Recall) -> Option<Rc<dyn Any>> {
        let mut echo = echo?.downcast::<Echo>().ok()?;
        if let Some(echo) = Rc::get_mut(&mut echo) {
            echo.is_stored = recall.input.is_some();
            echo.previous.clone_from(&recall.previous);
        }
        Some(echo)
    }

    fn response<'e>(&self, end: &'e [u8]) -> Option<&'e str> {
        let response = last_response(end)?;
        let status = Object::of(response)?.get("status").and_then(JsonStr::of)?;
        matches!(status.inner(), "completed" | "incomplete").then(|| response.get())
    }

    fn unstored(&self, end: &[u8]) -> Vec<u8> {
        let store = last_response(end).and_then(|response| Object::of(response)?.get("store"));
        let mut splice = Splice::new(end);
        if let Some(store) = store {
            splice.replace(store.get(), &b"false"[..]);
        }
        splice.write()
    }
}

/// Writes a message whose length counts: a text, or parts.
fn outline_of(content: &str, w: &mut Writer<'_>) {
    w.object().key("role").string("user").key("content").raw(content).end_object();
}

/// The response, as a whole or in the last event.
fn last_response(end: &[u8]) -> Option<Raw<'_>> {
    let text = core::str::from_utf8(end).ok()?.trim_ascii();
    if text.starts_with('{') {
        return Raw::parse(text).ok().filter(|response| is_object(*response));
    }
    let event = text.rsplit("\n\n").next()?;
    let (_, data) = event.split_once("\ndata: ")?;
    Object::parse(data.as_bytes()).ok()?.get("response")
}

fn is_object(value: Raw<'_>) -> bool {
    Object::of(value)
        .and_then(|response| JsonStr::of(response.get("object")?))
        .is_some_and(|it| it.inner() == "response")
}

/// The ids that an input refers to.
fn references(input: Raw<'_>) -> Vec<String> {
    if memchr::memmem::find(input.get().as_bytes(), b"item_reference").is_none() {
        return Vec::new();
    }
    read::<Vec<Raw<'_>>>(input).unwrap_or_default().into_iter().filter_map(reference).collect()
}

/// The id that an item refers to, if it is a reference.
fn reference(item: Raw<'_>) -> Option<String> {
    if !is_kind(item, "item_reference") {
        return None;
    }
    Some(JsonStr::of(Object::of(item)?.get("id")?)?.decode()?.into_owned())
}

fn is_kind(item: Raw<'_>, kind: &str) -> bool {
    // Most items are not, and long.
    memchr::memmem::find(item.get().as_bytes(), kind.as_bytes()).is_some()
        && Object::of(item)
            .and_then(|item| JsonStr::of(item.get("type")?))
            .is_some_and(|it| it.inner() == kind)
}

#[cfg(test)]
mod tests {
    use super::super::{COMPACT, RESPONSES};
    use super::*;

    #[test]
    fn a_request_says_what_it_needs_and_what_is_stored_of_it() {
        let recall = |body: &str| RESPONSES.recall(body.as_bytes()).unwrap();
        let first = recall(r#"{"input":"hi"}"#);
        assert_eq!((first.previous, first.items), (None, Vec::new()));
        assert_eq!(first.input.as_deref(), Some(r#""hi""#));
        let next = recall(
            r#"{"previous_response_id":"resp_1","store":false,"input":[{"type":"item_reference","id":"m"}]}"#,
        );
        assert_eq!((next.previous.as_deref(), next.items), (Some("resp_1"), vec!["m".to_owned()]));
        assert!(next.input.is_none());
        assert!(COMPACT.recall(br#"{"input":"hi"}"#).unwrap().input.is_none());
        assert!(recall("no JSON").input.is_none());
        assert!(RESPONSES.recall(br#"{"previous_response_id":7}"#).is_err());
        let long = format!(r#"{{"input":"{}"}}"#, "x".repeat(LONGEST));
        assert!(recall(&long).input.is_none(), "it would not be stored");
    }

    #[test]
    fn the_conversation_comes_before_the_new_items_and_references_become_items() {
        let merged = |body: &str, input: &str, items: &str| {
            let recalled = Recalled { input: Raw::parse(input).ok(), items: Raw::parse(items).ok() };
            String::from_utf8(RESPONSES.recalled(body.as_bytes(), &recalled)).unwrap()
        };
        assert_eq!(
            merged(
                r#"{"previous_response_id":"r","input":"hi","model":"m"}"#,
                r#"[{"a":1},{"b":"\ud83d"}]"#,
                "{}"
            ),
            r#"{"model":"m","input":[{"a":1},{"b":"\ud83d"},{"role":"user","content":"hi"}]}"#
        );
        assert_eq!(
            merged(
                r#"{"input":[{"type":"item_reference","id":"x"},{"c":2}]}"#,
                "[]",
                r#"{"x":{"id":"x","d":3}}"#
            ),
            r#"{"input":[{"id":"x","d":3},{"c":2}]}"#
        );
        assert_eq!(
            merged(r#"{"input":[]}"#, r#"[{"a":1},{"type":"compaction","id":"c"},{"b":2}]"#, "{}"),
            r#"{"input":[{"type":"compaction","id":"c"},{"b":2}]}"#
        );
    }

    #[test]
    fn only_the_end_of_a_response_is_stored_and_says_whether_it_was() {
        let whole = r#"{"id":"resp_1","object":"response","status":"completed","store":true,"output":[]}"#;
        assert_eq!(RESPONSES.response(whole.as_bytes()), Some(whole));
        assert_eq!(RESPONSES.unstored(whole.as_bytes()), whole.replace("true", "false").as_bytes());
        let events = format!(
            "event: a\ndata: {{\"store\":true}}\n\nevent: response.completed\ndata: {{\"response\":{whole}}}\n\n"
        );
        assert_eq!(RESPONSES.response(events.as_bytes()), Some(whole));
        let unstored = String::from_utf8(RESPONSES.unstored(events.as_bytes())).unwrap();
        assert_eq!(unstored.matches("\"store\":false").count(), 1);
        assert_eq!(unstored.len(), events.len() + 1);
        for other in [
            whole.replace("completed", "failed"),
            r#"{"error":{"message":"x"}}"#.to_owned(),
            "event: response.output_text.delta\ndata: {\"delta\":\"x\"}\n\n".to_owned(),
            ": ping\n\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(RESPONSES.response(other.as_bytes()), None, "{other}");
        }
    }
}
