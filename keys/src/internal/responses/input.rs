//! The items of a request's `input`: as they are stored, and as they are listed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// The members of an item that are needed here. Texts stay JSON, because they need not be valid Unicode.
#[derive(Default, Deserialize)]
struct Known<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

impl<'a> Known<'a> {
    fn of(item: &'a str) -> Self {
        serde_json::from_str(item).unwrap_or_default()
    }

    fn id(&self) -> Option<String> {
        self.id.and_then(|id| serde_json::from_str(id.get()).ok())
    }
}

/// The ids of items.
pub(super) fn ids<'a>(items: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    items.into_iter().filter_map(|item| Known::of(item).id()).collect()
}

/// The items of `input` in the form in which they are listed: each has an id and a type, and messages have a list of parts.
/// Ids are made from that of the response.
pub(super) fn normal(input: &RawValue, response: &str) -> Vec<String> {
    let stem = response.strip_prefix("resp_").unwrap_or(response);
    if input.get().starts_with('"') {
        let id = json!(format!("msg_{stem}_in0"));
        let part = part("user", input.get());
        return vec![format!(r#"{{"id":{id},"type":"message","role":"user","content":[{part}]}}"#)];
    }
    let items: Vec<&RawValue> = serde_json::from_str(input.get()).unwrap_or_default();
    items.iter().enumerate().map(|(at, item)| one(item.get(), &format!("{stem}_in{at}"))).collect()
}

fn one(item: &str, stem: &str) -> String {
    let Some(rest) = item.strip_prefix('{') else { return item.to_owned() };
    let known = Known::of(item);
    let is_message = matches!(known.kind.as_deref(), None | Some("message"));
    let mut members = Vec::new();
    if known.id().is_none() {
        let prefix = if is_message { "msg" } else { "item" };
        members.push(format!(r#""id":{}"#, json!(format!("{prefix}_{stem}"))));
    }
    if known.kind.is_none() {
        members.push(r#""type":"message""#.to_owned());
    }
    let text = known.content.map(RawValue::get).filter(|content| is_message && content.starts_with('"'));
    // The text is borrowed from the item.
    let place = text.map(|text| ((text.as_ptr() as usize).saturating_sub(rest.as_ptr() as usize), text));
    let rest = match place {
        Some((at, text)) => {
            let role = known.role.as_deref().unwrap_or_default();
            let (before, after) = (rest.get(..at), rest.get(at + text.len()..));
            format!("{}[{}]{}", before.unwrap_or_default(), part(role, text), after.unwrap_or_default())
        }
        None => rest.to_owned(),
    };
    let comma = if members.is_empty() || rest.trim_start().starts_with('}') { "" } else { "," };
    format!("{{{}{comma}{rest}", members.join(","))
}

/// A text as a part of a message.
fn part(role: &str, text: &str) -> String {
    if role == "assistant" {
        return format!(r#"{{"type":"output_text","text":{text},"annotations":[]}}"#);
    }
    format!(r#"{{"type":"input_text","text":{text}}}"#)
}

/// Which items to list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    limit: usize,
    /// Oldest first.
    ascends: bool,
    after: Option<String>,
}

impl Page {
    /// Reads a query.
    ///
    /// # Errors
    /// The parameter that is wrong, and what was expected.
    pub(super) fn parse(query: &str) -> Result<Self, (&'static str, &'static str)> {
        let mut page = Self { limit: 20, ascends: false, after: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => match value.parse() {
                    Ok(limit @ 1..=100) => page.limit = limit,
                    _ => return Err(("limit", "expected a number from 1 to 100")),
                },
                "order" => match &*value {
                    "asc" => page.ascends = true,
                    "desc" => page.ascends = false,
                    _ => return Err(("order", "expected `asc` or `desc`")),
                },
                "after" => page.after = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(page)
    }

    /// The list.
    pub(super) fn of(&self, input: &str) -> String {
        let mut items: Vec<&RawValue> = serde_json::from_str(input).unwrap_or_default();
        if !self.ascends {
            items.reverse();
        }
        let id = |item: &RawValue| Known::of(item.get()).id();
        let first = match &self.after {
            None => 0,
            Some(after) => items
                .iter()
                .position(|item| id(item).as_ref() == Some(after))
                .map_or(items.len(), |at| at + 1),
        };
        let rest = items.get(first..).unwrap_or_default();
        let (page, more) = rest.split_at_checked(self.limit).unwrap_or((rest, &[]));
        let data: Vec<&str> = page.iter().map(|item| item.get()).collect();
        let id = |item: Option<&&RawValue>| json!(item.and_then(|item| id(item)));
        format!(
            r#"{{"object":"list","data":[{}],"first_id":{},"last_id":{},"has_more":{}}}"#,
            data.join(","),
            id(page.first()),
            id(page.last()),
            !more.is_empty()
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn items(input: &str) -> Vec<Value> {
        let input: Box<RawValue> = serde_json::from_str(input).unwrap();
        normal(&input, "resp_x").iter().map(|item| serde_json::from_str(item).unwrap()).collect()
    }

    #[test]
    fn an_input_is_listed_in_one_form_however_it_was_sent() {
        let message = |id: &str, role: &str, part: Value| json!({"id": id, "type": "message", "role": role, "content": [part]});
        let text = json!({"type": "input_text", "text": "hi"});
        assert_eq!(items(r#""hi""#), [message("msg_x_in0", "user", text.clone())]);
        assert_eq!(
            items(r#"[{"role":"user","content":"hi"},{"role":"assistant","content":"hi","id":"m1"}]"#),
            [
                message("msg_x_in0", "user", text),
                message("m1", "assistant", json!({"type": "output_text", "text": "hi", "annotations": []}))
            ]
        );
        let call = json!({"type": "function_call_output", "call_id": "c", "output": "ok"});
        let mut named = call.clone();
        named["id"] = json!("item_x_in0");
        assert_eq!(items(&json!([call]).to_string()), [named]);
        assert_eq!(items("[{}]"), [json!({"id": "msg_x_in0", "type": "message"})]);
    }

    #[test]
    fn a_text_that_is_no_unicode_is_kept() {
        let input: Box<RawValue> =
            serde_json::from_str(r#"[{"id":"a","type":"message","content":[{"text":"\ud83d"}]}]"#).unwrap();
        assert_eq!(
            normal(&input, "resp_x"),
            [r#"{"id":"a","type":"message","content":[{"text":"\ud83d"}]}"#]
        );
    }

    #[test]
    fn a_list_is_paged_in_both_orders() {
        let input = r#"[{"id":"a"},{"id":"b"},{"id":"c"}]"#;
        let page =
            |query: &str| -> Value { serde_json::from_str(&Page::parse(query).unwrap().of(input)).unwrap() };
        let ids = |list: &Value| -> Vec<String> {
            let data = list["data"].as_array().unwrap();
            data.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        let all = page("");
        assert_eq!((ids(&all), &all["has_more"]), (vec!["c".into(), "b".into(), "a".into()], &json!(false)));
        let first = page("limit=2&order=asc&include[]=x");
        assert_eq!(
            (&first["first_id"], &first["last_id"], &first["has_more"]),
            (&json!("a"), &json!("b"), &json!(true))
        );
        assert_eq!(ids(&page("order=asc&after=b")), ["c"]);
        assert_eq!(page("after=z")["first_id"], Value::Null);
        for (query, param) in [("limit=0", "limit"), ("limit=101", "limit"), ("order=up", "order")] {
            assert_eq!(Page::parse(query).unwrap_err().0, param);
        }
    }
}
