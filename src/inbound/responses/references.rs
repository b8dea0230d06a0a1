//! What a request names of a provider that keeps responses and their items: ids, and reasoning that only the provider can
//! read.

use crate::inbound::{Found, Open};
use crate::json::{JsonStr, JsonString, Object, Raw, Splice, fields, read};
use crate::openai::ErrorBody;

#[derive(Default)]
struct Item<'a> {
    kind: Option<Raw<'a>>,
    id: Option<Raw<'a>>,
    encrypted_content: Option<Raw<'a>>,
    approval_request_id: Option<Raw<'a>>,
    result: Option<Raw<'a>>,
}
fields!(Item<'a> { kind = "type", id, encrypted_content, approval_request_id, result });

/// What becomes of an item.
enum Fate {
    Keep,
    Remove,
}

/// Replaces the client's names by the provider's; `None` if there are none. An id that stands for an item must be the
/// client's own.
///
/// # Errors
/// It is not.
pub(super) fn opened(body: &[u8], open: &mut dyn Open) -> Result<Option<Vec<u8>>, ErrorBody> {
    let mut splice = Splice::new(body);
    for raw in items(body) {
        match edit(raw, open, &mut splice)? {
            Fate::Keep => {}
            Fate::Remove => splice.remove_item(raw.get()),
        }
    }
    Ok((!splice.is_empty()).then(|| splice.write()))
}

fn items(body: &[u8]) -> Vec<Raw<'_>> {
    let input = Object::parse(body).ok().and_then(|request| request.get("input"));
    input.and_then(|input| read(input).ok()).unwrap_or_default()
}

fn edit<'a>(raw: Raw<'a>, open: &mut dyn Open, splice: &mut Splice<'a>) -> Result<Fate, ErrorBody> {
    // Most items name nothing. Names of members may have escapes.
    let has = |text: &str| memchr::memmem::find(raw.get().as_bytes(), text.as_bytes()).is_some();
    if !["\"id\"", "_content\"", "\"approval_request_id\"", "\\u"].into_iter().any(has) {
        return Ok(Fate::Keep);
    }
    let item: Item<'a> = read(raw).unwrap_or_default();
    let string = |value: Option<Raw<'a>>| value.and_then(JsonStr::of);
    let kind = string(item.kind).and_then(JsonStr::decode).unwrap_or_default();
    let content = string(item.encrypted_content);
    let read_content = content.and_then(JsonStr::decode).map_or(Found::Unknown, |text| open.content(&text));
    let id = string(item.id);
    let found = id.and_then(JsonStr::decode).map_or(Found::Unknown, |id| open.id(&id));
    // The provider looks them up by their ids.
    let is_by_id = match &*kind {
        "item_reference" => true,
        "image_generation_call" => string(item.result).is_none(),
        "reasoning" => {
            let is_lost = content.is_none() && !matches!(found, Found::Own(_));
            if is_lost || found == Found::Elsewhere || read_content == Found::Elsewhere {
                return Ok(Fate::Remove);
            }
            false
        }
        _ => false,
    };
    if let (Found::Own(own), Some(content)) = (read_content, content) {
        splice.replace(content.token(), JsonString::new(&own).into_bytes());
    }
    if let Some(asked) = string(item.approval_request_id)
        && let Some(Found::Own(own)) = asked.decode().map(|id| open.id(&id))
    {
        splice.replace(asked.token(), JsonString::new(&own).into_bytes());
    }
    match (found, id) {
        (Found::Own(own), Some(id)) => {
            if is_by_id {
                open.require();
            }
            splice.replace(id.token(), JsonString::new(&own).into_bytes());
        }
        (_, id) if is_by_id => return Err(not_found(id)),
        (Found::Elsewhere, Some(_)) => cut_id(raw, splice),
        _ => {}
    }
    Ok(Fate::Keep)
}

fn cut_id<'a>(raw: Raw<'a>, splice: &mut Splice<'a>) {
    let object = Object::of(raw).unwrap_or_default();
    object.members().iter().filter(|member| member.is("id")).for_each(|member| splice.remove(member));
}

#[cold]
fn not_found(id: Option<JsonStr<'_>>) -> ErrorBody {
    let id = id.and_then(JsonStr::decode).unwrap_or_default();
    let message =
        format!("Item with id '{id}' not found. It must be of a response that was created with this key.");
    ErrorBody::new(404, "invalid_request_error", message).about("input")
}

/// The request without what only the provider that made it can read, for another one; `None` if there is nothing of it.
/// Items that came from reasoning lose their ids with it, since a provider that knows them wants it back.
pub(super) fn forgotten(body: &[u8]) -> Option<Vec<u8>> {
    let mut splice = Splice::new(body);
    for raw in items(body) {
        let item: Item<'_> = read(raw).unwrap_or_default();
        match &*item.kind.and_then(JsonStr::of).and_then(JsonStr::decode).unwrap_or_default() {
            "reasoning" => splice.remove_item(raw.get()),
            "item_reference" => {}
            _ if item.id.is_some() => cut_id(raw, &mut splice),
            _ => {}
        }
    }
    (!splice.is_empty()).then(|| splice.write())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names begin with the deployment: `a`, which serves the request, or `b`.
    #[derive(Default)]
    struct Fake {
        is_required: bool,
    }

    impl Open for Fake {
        fn id(&mut self, shown: &str) -> Found {
            match shown.split_once('.') {
                Some(("a", own)) => Found::Own(own.to_owned()),
                Some(_) => Found::Elsewhere,
                None => Found::Unknown,
            }
        }

        fn content(&mut self, shown: &str) -> Found {
            self.id(shown)
        }

        fn require(&mut self) {
            self.is_required = true;
        }
    }

    fn edited(items: &str) -> (String, bool) {
        let mut fake = Fake::default();
        let body = format!(r#"{{ "model":"m", "input" : [{items}], "x": 1.50 }}"#);
        let opened = opened(body.as_bytes(), &mut fake).unwrap().unwrap_or_else(|| body.into_bytes());
        let opened = String::from_utf8(opened).unwrap();
        let items = opened.strip_prefix(r#"{ "model":"m", "input" : ["#).unwrap();
        (items.strip_suffix(r#"], "x": 1.50 }"#).unwrap().to_owned(), fake.is_required)
    }

    #[test]
    fn names_are_replaced_in_their_members_and_nowhere_else() {
        for (given, sent) in [
            (
                r#"{"role":"user","content":"a.x \"id\": \"a.y\""}"#,
                r#"{"role":"user","content":"a.x \"id\": \"a.y\""}"#,
            ),
            (
                r#"{"role":"user","content":[{"type":"input_text","text":"a.x","encrypted_content":"a.z"}]}"#,
                r#"{"role":"user","content":[{"type":"input_text","text":"a.x","encrypted_content":"a.z"}]}"#,
            ),
            (
                r#"{"type":"reasoning", "id" : "a.rs_1","summary":[],"encrypted_content": "a.gA\/A"}"#,
                r#"{"type":"reasoning", "id" : "rs_1","summary":[],"encrypted_content": "gA/A"}"#,
            ),
            (
                r#"{"type":"message","id":"msg_own","content":"hi"}"#,
                r#"{"type":"message","id":"msg_own","content":"hi"}"#,
            ),
            (
                r#"{"type":"mcp_approval_response","approval_request_id":"a.mcpr_1","approve":true}"#,
                r#"{"type":"mcp_approval_response","approval_request_id":"mcpr_1","approve":true}"#,
            ),
        ] {
            assert_eq!(edited(given), (sent.to_owned(), false));
        }
    }

    #[test]
    fn what_only_another_deployment_can_read_is_left_out() {
        let user = r#"{"role":"user","content":"hi"}"#;
        for (given, sent) in [
            (r#"{"type":"reasoning","id":"b.rs_1","summary":[],"encrypted_content":"gAAA"}, "#, ""),
            (r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"b.gAAA"}, "#, ""),
            // Its id may be anybody's, and nothing else tells what it says.
            (r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":null}, "#, ""),
            (
                r#"{"type":"function_call","id":"b.fc_1","name":"f"}, "#,
                r#"{"type":"function_call","name":"f"}, "#,
            ),
        ] {
            assert_eq!(edited(&[given, user].concat()).0, [sent, user].concat());
        }
    }

    #[test]
    fn an_id_that_stands_for_an_item_must_be_the_clients_own() {
        assert_eq!(
            edited(r#"{"type":"item_reference","id":"a.msg_1"}"#),
            (r#"{"type":"item_reference","id":"msg_1"}"#.to_owned(), true)
        );
        assert!(edited(r#"{"type":"image_generation_call","id":"a.ig_1"}"#).1);
        assert!(!edited(r#"{"type":"image_generation_call","id":"ig_1","result":"iVBO"}"#).1);
        for item in [
            r#"{"type":"item_reference","id":"b.msg_1"}"#,
            r#"{"type":"item_reference","id":"msg_1"}"#,
            r#"{"type":"item\u005freference","\u0069d":"msg_1"}"#,
            r#"{"type":"image_generation_call","id":"ig_1","result":null}"#,
        ] {
            let body = format!(r#"{{"input":[{item}]}}"#);
            let error = opened(body.as_bytes(), &mut Fake::default()).unwrap_err();
            assert_eq!((error.status, error.param.as_deref()), (404, Some("input")), "{item}");
        }
        for body in [r#"{"input":"hi"}"#, r#"{"input":[1,"id",null]}"#, "[]", "no JSON"] {
            assert!(opened(body.as_bytes(), &mut Fake::default()).unwrap().is_none(), "{body}");
        }
    }

    #[test]
    fn another_provider_gets_no_state() {
        let body = r#"{"input":[{"type":"reasoning","id":"rs_1"},{"type":"message","id":"msg_1","role":"user"},
            {"type":"item_reference","id":"msg_2"}],"id":"x"}"#;
        let sent = String::from_utf8(forgotten(body.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            sent,
            r#"{"input":[{"type":"message","role":"user"},
            {"type":"item_reference","id":"msg_2"}],"id":"x"}"#
        );
        assert!(forgotten(br#"{"input":[{"role":"user","content":"hi"}]}"#).is_none());
    }
}
