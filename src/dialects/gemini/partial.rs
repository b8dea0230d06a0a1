//! A model's calls, complete or in pieces.
//!
//! Vertex AI can stream a call's arguments (`streamFunctionCallArguments`), as values with their paths
//! (`$.operations[0].action`). They are collected here, and the call is passed on when it is complete.

use crate::json::{JsonStr, JsonString, Raw, Text, Writer, fields};
use crate::openai::{Memo, signed_id};

/// Maximum length of a path in steps, and of an array in items. Anything beyond that is not a valid response.
const DEPTH_LIMIT: usize = 64;
const LENGTH_LIMIT: usize = 1 << 16;

/// `functionCall`
pub(super) struct FunctionCall<'a> {
    id: Option<JsonStr<'a>>,
    name: Option<Text<'a>>,
    args: Option<Raw<'a>>,
    partial_args: Option<Vec<Piece<'a>>>,
    will_continue: Option<bool>,
}
fields!(FunctionCall<'a> { id, name, args, partial_args = "partialArgs", will_continue = "willContinue" });

/// `partialArgs[]`
struct Piece<'a> {
    json_path: Text<'a>,
    string_value: Option<JsonStr<'a>>,
    number_value: Option<Raw<'a>>,
    bool_value: Option<bool>,
}
fields!(Piece<'a> {
    json_path = "jsonPath", string_value = "stringValue", number_value = "numberValue",
    bool_value = "boolValue"
});

/// A complete call.
pub(super) struct Call {
    /// JSON token; contains the signature, if there is one.
    pub(super) id: JsonString,
    /// The name as sent to the provider.
    pub(super) name: String,
    /// JSON text.
    pub(super) arguments: String,
    /// JSON token.
    pub(super) signature: Option<JsonString>,
}

/// The calls of a choice.
#[derive(Default)]
pub(super) struct Calls {
    count: usize,
    open: Option<Open>,
}

/// A call whose arguments are incomplete.
struct Open {
    id: JsonString,
    name: String,
    signature: Option<JsonString>,
    arguments: Node,
}

impl Calls {
    /// Whether there was a call.
    pub(super) fn any(&self) -> bool {
        self.count > 0
    }

    /// Adds a part, and passes on the calls that it completes. `choice` keeps generated ids distinct.
    pub(super) fn hear(
        &mut self,
        call: &FunctionCall<'_>,
        signature: Option<JsonStr<'_>>,
        memo: &Memo,
        choice: usize,
        each: &mut dyn FnMut(Call),
    ) {
        if let Some(name) = &call.name {
            self.close(each);
            let id = match call.id.filter(|id| !id.is_empty()).and_then(JsonStr::decode) {
                Some(id) => id.into_owned(),
                None => made_id(memo, choice, self.count),
            };
            self.count += 1;
            let signature = signature.filter(|signature| !signature.is_empty());
            self.open = Some(Open {
                id: signature.map_or_else(|| JsonString::new(&id), |signature| signed_id(&id, signature)),
                name: name.to_string(),
                signature: signature.and_then(JsonStr::decode).map(|signature| JsonString::new(&signature)),
                arguments: Node::Unset,
            });
        }
        let Some(open) = &mut self.open else { return };
        if let Some(args) = call.args {
            open.arguments = Node::Whole(compact(args.get()));
        }
        for piece in call.partial_args.iter().flatten() {
            open.arguments.put(piece);
        }
        if call.will_continue != Some(true) {
            self.close(each);
        }
    }

    /// Ends the response, and with it a call without an end marker.
    pub(super) fn close(&mut self, each: &mut dyn FnMut(Call)) {
        let Some(open) = self.open.take() else { return };
        let mut arguments = Vec::new();
        match &open.arguments {
            Node::Unset => arguments.extend_from_slice(b"{}"),
            node => node.write(&mut Writer::new(&mut arguments)),
        }
        each(Call {
            id: open.id,
            name: open.name,
            arguments: String::from_utf8(arguments).unwrap_or_default(),
            signature: open.signature,
        });
    }
}

/// An id for models that send none, which is the case before the third generation.
fn made_id(memo: &Memo, choice: usize, count: usize) -> String {
    let letters: Vec<char> = memo.answer_id().chars().filter(char::is_ascii_alphanumeric).collect();
    let last: String = letters.iter().skip(letters.len().saturating_sub(20)).collect();
    format!("call_{last}_{choice}{count}")
}

/// Removes white space between JSON tokens, because complete responses are indented.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string || !c.is_ascii_whitespace() {
            out.push(c);
        }
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

/// A partial value.
enum Node {
    Unset,
    /// JSON text.
    Whole(String),
    /// JSON-escaped contents of a string.
    Words(String),
    /// Keys are decoded.
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
}

impl Node {
    fn put(&mut self, piece: &Piece<'_>) {
        let Some(place) = self.at(&piece.json_path) else { return };
        if let Some(words) = piece.string_value {
            match place {
                Self::Words(so_far) => so_far.push_str(words.inner()),
                place => *place = Self::Words(words.inner().to_owned()),
            }
        } else if let Some(number) = piece.number_value {
            *place = Self::Whole(number.get().to_owned());
        } else if let Some(value) = piece.bool_value {
            *place = Self::Whole(value.to_string());
        } else {
            *place = Self::Whole("null".to_owned());
        }
    }

    /// The value at a path (`$.a[0]['b c']`), inserted if absent.
    fn at(&mut self, path: &str) -> Option<&mut Self> {
        let mut rest = path.strip_prefix('$')?;
        let mut node = self;
        for _ in 0..DEPTH_LIMIT {
            if rest.is_empty() {
                return Some(node);
            }
            let (step, after) = Step::parse(rest)?;
            node = match step {
                Step::Key(key) => node.member(key),
                Step::Index(index) => node.item(index)?,
            };
            rest = after;
        }
        None
    }

    fn member(&mut self, key: &str) -> &mut Self {
        if !matches!(self, Self::Object(_)) {
            *self = Self::Object(Vec::new());
        }
        let Self::Object(members) = self else { return self };
        let at = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            members.push((key.to_owned(), Self::Unset));
            members.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the entry was found or inserted above")]
        &mut members[at].1
    }

    fn item(&mut self, index: usize) -> Option<&mut Self> {
        if !matches!(self, Self::Array(_)) {
            *self = Self::Array(Vec::new());
        }
        let Self::Array(items) = self else { return None };
        while items.len() <= index {
            items.push(Self::Unset);
        }
        items.get_mut(index)
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::Unset => {
                w.raw("null");
            }
            Self::Whole(json) => {
                w.raw(json);
            }
            Self::Words(words) => {
                w.escaped(words);
            }
            Self::Object(members) => {
                w.object();
                for (key, node) in members {
                    w.string(key).bytes().push(b':');
                    node.write(w);
                }
                w.end_object();
            }
            Self::Array(items) => {
                w.array();
                for node in items {
                    node.write(w);
                }
                w.end_array();
            }
        }
    }
}

/// A step of a path.
enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

impl<'p> Step<'p> {
    fn parse(path: &'p str) -> Option<(Self, &'p str)> {
        if let Some(rest) = path.strip_prefix('.') {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at_checked(end)?;
            return (!key.is_empty()).then_some((Self::Key(key), after));
        }
        let rest = path.strip_prefix('[')?;
        if let Some(quote) = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"')) {
            let (key, after) = rest.get(1..)?.split_once(quote)?;
            return Some((Self::Key(key), after.strip_prefix(']')?));
        }
        let (index, after) = rest.split_once(']')?;
        let index = index.parse().ok().filter(|index| *index < LENGTH_LIMIT)?;
        Some((Self::Index(index), after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::Operation;

    fn memo() -> Memo {
        Memo {
            names: None,
            prompt_estimate: 0,
            echo: None,
            wire: None,
            counts: false,
            operation: Operation::Chat,
            model: "m".into(),
            stream: true,
            include_usage: false,
            base64: false,
            created: 0,
            id: "0123456789".into(),
            function_call: false,
            json_tool: None,
            renamed: Vec::new(),
            headers: Vec::new(),
        }
    }

    fn heard(parts: &[&str]) -> Vec<(String, String)> {
        let mut calls = Calls::default();
        let mut seen = Vec::new();
        let mut each = |call: Call| seen.push((call.name, call.arguments));
        for part in parts {
            calls.hear(&crate::json::read(*part).unwrap(), None, &memo(), 0, &mut each);
        }
        calls.close(&mut each);
        seen
    }

    #[test]
    fn pieces_are_put_together_at_their_places() {
        let seen = heard(&[
            r#"{"name":"f","willContinue":true}"#,
            r#"{"partialArgs":[{"jsonPath":"$.list[0].a b","stringValue":"x\"","willContinue":true}],"willContinue":true}"#,
            r#"{"partialArgs":[{"jsonPath":"$.list[0].a b","stringValue":"\ud83d"},{"jsonPath":"$.list[1]['k.l']","numberValue":1.50}],"willContinue":true}"#,
            r#"{"partialArgs":[{"jsonPath":"$.on","boolValue":true},{"jsonPath":"$.no","nullValue":"NULL_VALUE"}],"willContinue":true}"#,
            "{}",
            r#"{"name":"g","args":{"z":1}}"#,
        ]);
        let expected = [
            ("f", r#"{"list":[{"a b":"x\"\ud83d"},{"k.l":1.50}],"on":true,"no":null}"#),
            ("g", r#"{"z":1}"#),
        ];
        assert_eq!(seen, expected.map(|(name, arguments)| (name.to_owned(), arguments.to_owned())));
    }

    #[test]
    fn a_call_without_an_end_ends_with_the_next_one_or_the_answer() {
        let seen = heard(&[r#"{"name":"f","willContinue":true}"#, r#"{"name":"g","willContinue":true}"#]);
        assert_eq!(seen, [("f".to_owned(), "{}".to_owned()), ("g".to_owned(), "{}".to_owned())]);
    }

    #[test]
    fn white_space_stays_in_strings_only() {
        assert_eq!(compact("{\n  \"a b\": \"\\\" \\\\\", \"c\" : [ 1 ]\n}"), r#"{"a b":"\" \\","c":[1]}"#);
    }

    #[test]
    fn a_path_that_cannot_be_is_passed_over() {
        let seen = heard(&[
            r#"{"name":"f","willContinue":true}"#,
            r#"{"partialArgs":[{"jsonPath":"$.a[99999999]","boolValue":true},{"jsonPath":"a","boolValue":true},{"jsonPath":"$.","boolValue":true}]}"#,
        ]);
        assert!(seen[0].1.len() < 16, "{seen:?}");
    }
}
