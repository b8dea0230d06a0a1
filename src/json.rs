//! The only clever JSON: tokens that are never decoded, a body that is edited in place, a writer without a tree.
//!
//! The house's signature trick is [`JsonStr`]: a JSON string that stays the token it was. A model's words travel
//! from a provider's answer into `OpenAI`'s `content` verbatim. That is faster than decoding, and more correct:
//! half of a surrogate pair (`"\ud83d"`, as a delta cut inside an emoji carries) is no Rust string, but it is a
//! JSON token that the client's parser joins with the next one.

use core::fmt;
use std::borrow::Cow;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Reads JSON bytes: the one door for them.
///
/// `serde_json::from_slice` would compile every type a second time for its own reader, which is a fifth of the
/// `.wasm`, and check the encoding string by string.
///
/// # Errors
/// The bytes are no UTF-8, no JSON, or not of that type.
pub fn parse<'a, T: Deserialize<'a>>(source: &'a [u8]) -> Result<T, serde_json::Error> {
    match core::str::from_utf8(source) {
        Ok(text) => serde_json::from_str(text),
        Err(error) => Err(de::Error::custom(error)),
    }
}

/// A JSON string token, quotes and escapes included.
#[derive(Clone, Copy)]
pub struct JsonStr<'a>(&'a str);

impl<'a> JsonStr<'a> {
    /// The token `""`.
    pub const EMPTY: Self = JsonStr("\"\"");

    /// Takes a token that is known to be a string.
    pub fn of(raw: &'a RawValue) -> Option<Self> {
        raw.get().starts_with('"').then(|| Self(raw.get()))
    }

    /// The token, quoted.
    pub fn token(self) -> &'a str {
        self.0
    }

    /// What stands between the quotes, still escaped.
    pub fn inner(self) -> &'a str {
        self.0.get(1..self.0.len().saturating_sub(1)).unwrap_or_default()
    }

    /// Whether the string has no character.
    pub fn is_empty(self) -> bool {
        self.0.len() <= 2
    }

    /// Whether the string has nothing but white space. Half a surrogate pair is something.
    pub fn is_blank(self) -> bool {
        match self.inner().trim_start().as_bytes().first() {
            None => true,
            // Only an escape can still be white space: a long text is not decoded to find out.
            Some(b'\\') => self.decode().is_some_and(|text| text.trim().is_empty()),
            Some(_) => false,
        }
    }

    /// How many Unicode code points the string has, counted without decoding it. Of a surrogate pair the second
    /// half counts, so a pair that is cut in two counts once in the sum of both tokens.
    pub fn chars(self) -> u64 {
        let mut count = 0;
        let mut rest = self.inner();
        while let Some((plain, escape)) = rest.split_once('\\') {
            count += plain.chars().count() as u64;
            let long = escape.starts_with('u');
            let high = long
                && escape.get(1..3).is_some_and(|hex| {
                    matches!(hex.as_bytes(), [b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B'])
                });
            count += u64::from(!high);
            rest = escape.get(if long { 5 } else { 1 }..).unwrap_or_default();
        }
        count + rest.chars().count() as u64
    }

    /// The text, for names and ids that must be compared; `None` when it is no Unicode text (half a surrogate).
    pub fn decode(self) -> Option<Cow<'a, str>> {
        if memchr::memchr(b'\\', self.0.as_bytes()).is_none() {
            return Some(Cow::Borrowed(self.inner()));
        }
        serde_json::from_str(self.0).ok().map(Cow::Owned)
    }
}

/// A JSON string token that was made here.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonString(String);

impl JsonString {
    /// The token of that text.
    pub fn new(text: &str) -> Self {
        let mut token = Vec::with_capacity(text.len() + 2);
        Writer::new(&mut token).string(text);
        Self(String::from_utf8(token).unwrap_or_default())
    }

    /// The token, borrowed.
    pub fn as_str(&self) -> JsonStr<'_> {
        JsonStr(&self.0)
    }

    /// The token's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

impl fmt::Debug for JsonString {
    /// Silent, as [`JsonStr`]'s.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for JsonStr<'_> {
    /// Silent: the token may be a person's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonStr({} bytes)", self.0.len())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonStr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::of(raw).ok_or_else(|| de::Error::custom("expected a string"))
    }
}

/// A decoded string that borrows where it can.
///
/// The newtype is needed: `Option<Cow<str>>` and `Vec<Cow<str>>` own silently, `Option<Text>` borrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl core::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// One member of an object: both tokens as they stand in the source.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// The quoted key.
    pub key: JsonStr<'a>,
    /// The value.
    pub value: &'a RawValue,
}

impl Member<'_> {
    /// Whether the key is `name`, however it is escaped.
    pub fn is(&self, name: &str) -> bool {
        self.key.inner() == name
            || (self.key.inner().len() > name.len() && self.key.decode().is_some_and(|key| key == name))
    }
}

/// The members of an object in the order of the source, duplicates included.
#[derive(Clone, Default)]
pub struct Object<'a>(Vec<Member<'a>>);

impl<'a> Object<'a> {
    /// Reads an object's members without reading their values.
    pub fn parse(source: &'a [u8]) -> Result<Self, serde_json::Error> {
        parse(source)
    }

    /// All members.
    pub fn members(&self) -> &[Member<'a>] {
        &self.0
    }

    /// The value of the first member of that name; JSON `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|member| member.is(name)).map(|member| member.value).filter(|v| v.get() != "null")
    }

    /// A key that stands twice, whose meaning would depend on the reader.
    pub fn duplicate(&self) -> Option<Cow<'a, str>> {
        self.0.iter().enumerate().find_map(|(at, member)| {
            let name = member.key.decode()?;
            self.0.get(..at)?.iter().any(|earlier| earlier.is(&name)).then_some(name)
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((key, value)) = map.next_entry::<JsonStr<'de>, &'de RawValue>()? {
                    members.push(Member { key, value });
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Edits of an object's source text that leave every other byte as it was.
///
/// An edit outside the source, or one that overlaps an earlier one, is a fault of ours: it is left out and caught
/// by a debug assertion.
pub struct Splice<'a> {
    source: &'a [u8],
    edits: Vec<(usize, usize, Cow<'a, [u8]>)>,
}

impl<'a> Splice<'a> {
    /// Starts from a source text.
    pub fn new(source: &'a [u8]) -> Self {
        Self { source, edits: Vec::with_capacity(4) }
    }

    /// Puts `text` in the place of a token of the source.
    pub fn replace(&mut self, token: &str, text: impl Into<Cow<'a, [u8]>>) {
        if let Some(start) = offset_in(self.source, token) {
            self.edits.push((start, start + token.len(), text.into()));
        }
    }

    /// Takes a member out, with the comma that it no longer needs.
    pub fn remove(&mut self, member: &Member<'_>) {
        let (Some(start), Some(value)) =
            (offset_in(self.source, member.key.token()), offset_in(self.source, member.value.get()))
        else {
            return;
        };
        self.cut(start, value + member.value.get().len());
    }

    /// Takes an item of an array out, with the comma that it no longer needs.
    pub fn remove_item(&mut self, item: &str) {
        if let Some(start) = offset_in(self.source, item) {
            self.cut(start, start + item.len());
        }
    }

    fn cut(&mut self, start: usize, end: usize) {
        let after = self.skip_space(end);
        if self.source.get(after) == Some(&b',') {
            self.edits.push((start, self.skip_space(after + 1), Cow::Borrowed(b"")));
        } else {
            // The last one: the comma before it goes. If the one before goes too, its edit ends where this one
            // starts, so the comma is taken back by `write`.
            self.edits.push((start, end, Cow::Borrowed(b"")));
        }
    }

    /// Adds members, written as `"key":value` with commas between them, at the end of the object.
    pub fn append(&mut self, members: impl Into<Cow<'a, [u8]>>) {
        if let Some(close) = memchr::memrchr(b'}', self.source) {
            self.edits.push((close, close, members.into()));
        }
    }

    /// Adds members at the end of an object, or items at the end of an array, that lies in the source.
    pub fn append_to(&mut self, token: &str, written: impl Into<Cow<'a, [u8]>>) {
        if let Some(start) = offset_in(self.source, token) {
            let close = start + token.len().saturating_sub(1);
            self.edits.push((close, close, written.into()));
        }
    }

    /// Adds an item at the beginning of an array that lies in the source.
    pub fn prepend_to(&mut self, array: &str, mut item: Vec<u8>) {
        if let Some(start) = offset_in(self.source, array) {
            if self.source.get(self.skip_space(start + 1)) != Some(&b']') {
                item.push(b',');
            }
            self.edits.push((start + 1, start + 1, item.into()));
        }
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The edited text.
    pub fn write(mut self) -> Vec<u8> {
        self.edits.sort_by_key(|(start, end, _)| (*start, *end));
        let added: usize = self.edits.iter().map(|(_, _, text)| text.len() + 1).sum();
        let mut out = Vec::with_capacity(self.source.len() + added);
        let mut at = 0;
        for (start, end, text) in &self.edits {
            debug_assert!(*start >= at, "edits overlap");
            let Some(kept) = self.source.get(at..*start) else { continue };
            out.extend_from_slice(kept);
            at = *end;
            let closes = matches!(self.source.get(self.skip_space(*end)), Some(b'}' | b']'));
            if text.is_empty() {
                if closes {
                    trim_comma(&mut out);
                }
                continue;
            }
            let appended = start == end;
            if appended {
                trim_comma(&mut out);
                if !matches!(out.trim_ascii_end().last(), Some(b'{' | b'[')) {
                    out.push(b',');
                }
            }
            out.extend_from_slice(text);
        }
        out.extend_from_slice(self.source.get(at..).unwrap_or_default());
        out
    }

    fn skip_space(&self, from: usize) -> usize {
        let rest = self.source.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
    }
}

fn trim_comma(out: &mut Vec<u8>) {
    let kept = out.trim_ascii_end().len();
    if kept.checked_sub(1).and_then(|last| out.get(last)) == Some(&b',') {
        out.truncate(kept - 1);
    }
}

/// What stands before and after a token that was borrowed from `source`: a splice without an allocation.
pub fn around<'s>(source: &'s [u8], token: &str) -> Option<(&'s [u8], &'s [u8])> {
    let start = offset_in(source, token)?;
    Some((source.get(..start)?, source.get(start + token.len()..)?))
}

/// Where a token that was borrowed from `source` begins in it.
fn offset_in(source: &[u8], token: &str) -> Option<usize> {
    let start = (token.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    let inside = start.checked_add(token.len())? <= source.len();
    debug_assert!(inside, "the token is not of this source");
    inside.then_some(start)
}

/// Writes JSON straight into bytes; puts the commas.
///
/// A comma is due exactly when the last byte written ends a value. No JSON token ends in `{`, `[`, `:` or a
/// space, so the buffer itself tells, and there is no state to get wrong.
pub struct Writer<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    /// Writes at the end of `out`.
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Begins an object.
    pub fn object(&mut self) -> &mut Self {
        self.open(b'{')
    }

    /// Ends an object.
    pub fn end_object(&mut self) -> &mut Self {
        self.out.push(b'}');
        self
    }

    /// Begins an array.
    pub fn array(&mut self) -> &mut Self {
        self.open(b'[')
    }

    /// Ends an array.
    pub fn end_array(&mut self) -> &mut Self {
        self.out.push(b']');
        self
    }

    /// Writes a key that needs no escaping.
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    /// Writes a value that is JSON already.
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.comma();
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    /// Writes a string, escaped.
    pub fn string(&mut self, text: &str) -> &mut Self {
        self.comma();
        let written = serde_json::to_writer(&mut *self.out, text);
        debug_assert!(written.is_ok(), "a Vec takes every byte");
        self
    }

    /// Writes the concatenation of string tokens as one string.
    pub fn joined<'t>(&mut self, tokens: impl IntoIterator<Item = JsonStr<'t>>) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        for token in tokens {
            self.out.extend_from_slice(token.inner().as_bytes());
        }
        self.out.push(b'"');
        self
    }

    /// Writes a string from text that is escaped already.
    pub fn escaped(&mut self, inner: &str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(inner.as_bytes());
        self.out.push(b'"');
        self
    }

    /// Writes an integer.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.comma();
        let written = serde_json::to_writer(&mut *self.out, &number);
        debug_assert!(written.is_ok(), "a Vec takes every byte");
        self
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// The bytes so far.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        self.out
    }

    fn open(&mut self, bracket: u8) -> &mut Self {
        self.comma();
        self.out.push(bracket);
        self
    }

    fn comma(&mut self) {
        let value_ended = self
            .out
            .last()
            .is_some_and(|byte| matches!(byte, b'"' | b'}' | b']') || byte.is_ascii_alphanumeric());
        if value_ended {
            self.out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_surrogate_pair_passes_as_a_token_and_is_no_text() {
        let token: JsonStr<'_> = serde_json::from_str(r#""\ud83d""#).unwrap();
        assert_eq!(token.token(), r#""\ud83d""#);
        assert_eq!(token.decode(), None);
    }

    #[test]
    fn a_string_is_blank_when_it_decodes_to_white_space_only() {
        for (token, blank) in [
            (r#""""#, true),
            (r#"" \n\t ""#, true),
            (r#""\u0020""#, true),
            (r#""\ud83d""#, false),
            (r#"" \\n""#, false),
            (r#"" x""#, false),
        ] {
            let string: JsonStr<'_> = serde_json::from_str(token).unwrap();
            assert_eq!(string.is_blank(), blank, "{token}");
        }
    }

    #[test]
    fn an_escaped_key_is_found_and_a_duplicate_is_seen_through_its_escape() {
        let object = Object::parse(br#"{"mod\u0065l":"a","x":1,"model":"b"}"#).unwrap();
        assert_eq!(object.get("model").unwrap().get(), r#""a""#);
        assert_eq!(object.duplicate().as_deref(), Some("model"));
    }

    #[test]
    fn null_counts_as_absent() {
        assert!(Object::parse(br#"{"a":null}"#).unwrap().get("a").is_none());
    }

    #[test]
    fn replacing_one_token_leaves_every_other_byte() {
        let source = b"{ \"model\" : \"a\",\n \"n\":123456789012345678901234567890 }";
        let object = Object::parse(source).unwrap();
        let mut splice = Splice::new(source);
        splice.replace(object.get("model").unwrap().get(), &b"\"bb\""[..]);
        assert_eq!(
            String::from_utf8(splice.write()).unwrap(),
            "{ \"model\" : \"bb\",\n \"n\":123456789012345678901234567890 }"
        );
    }

    fn without(source: &str, gone: &[usize], add: &str) -> String {
        let object = Object::parse(source.as_bytes()).unwrap();
        let mut splice = Splice::new(source.as_bytes());
        for at in gone {
            splice.remove(&object.members()[*at]);
        }
        if !add.is_empty() {
            splice.append(add.as_bytes().to_vec());
        }
        String::from_utf8(splice.write()).unwrap()
    }

    #[test]
    fn members_go_with_their_commas_and_new_ones_come_with_theirs() {
        let source = r#"{"a":1, "b":2, "c":3}"#;
        assert_eq!(without(source, &[0], ""), r#"{"b":2, "c":3}"#);
        assert_eq!(without(source, &[2], ""), r#"{"a":1, "b":2}"#);
        assert_eq!(without(source, &[1, 2], ""), r#"{"a":1}"#);
        assert_eq!(without(source, &[0, 1, 2], r#""d":4"#), r#"{"d":4}"#);
        assert_eq!(without(source, &[2], r#""d":4"#), r#"{"a":1, "b":2,"d":4}"#);
        assert_eq!(without("{}", &[], r#""d":4"#), r#"{"d":4}"#);
    }

    #[test]
    fn nested_objects_and_arrays_are_edited_in_place() {
        let source = r#"{"a":[ {"x":1}, {"y":2} , 3],"b":[],"c":{}}"#;
        let object = Object::parse(source.as_bytes()).unwrap();
        let array = object.get("a").unwrap();
        let items: Vec<&RawValue> = serde_json::from_str(array.get()).unwrap();
        let mut splice = Splice::new(source.as_bytes());
        splice.append_to(items[0].get(), &b"\"z\":0"[..]);
        splice.remove_item(items[1].get());
        splice.remove_item(items[2].get());
        splice.append_to(array.get(), &b"4"[..]);
        splice.prepend_to(array.get(), b"0".to_vec());
        splice.prepend_to(object.get("b").unwrap().get(), b"5".to_vec());
        splice.append_to(object.get("c").unwrap().get(), &b"\"d\":6"[..]);
        assert_eq!(
            String::from_utf8(splice.write()).unwrap(),
            r#"{"a":[0, {"x":1,"z":0},4],"b":[5],"c":{"d":6}}"#
        );
    }

    #[test]
    fn the_writer_puts_commas_after_values_only() {
        let mut out = b"data: ".to_vec();
        let mut w = Writer::new(&mut out);
        w.object().key("a").array().number(1).string("x\"").raw("{}").end_array();
        w.key("b").bool(true).key("c").object().end_object().end_object();
        assert_eq!(String::from_utf8(out).unwrap(), r#"data: {"a":[1,"x\"",{}],"b":true,"c":{}}"#);
    }

    proptest! {
        #[test]
        fn characters_are_counted_as_if_decoded(text in "[a-zé😀\\\\\"\n]{0,12}", ascii in any::<bool>()) {
            let mut token = JsonString::new(&text).0;
            if ascii {
                token = token.replace('😀', "\\ud83d\\uDE00").replace('é', "\\u00e9");
            }
            let string: JsonStr<'_> = serde_json::from_str(&token).unwrap();
            prop_assert_eq!(string.chars(), text.chars().count() as u64);
        }

        /// Whatever is removed and appended, the result is JSON with exactly the members that it should have.
        #[test]
        fn any_removal_and_append_gives_the_right_object(
            keys in proptest::collection::btree_set("[a-z]{1,4}", 0..6),
            mask in any::<u8>(),
            add in any::<bool>(),
            space in "[ \n\t]{0,2}",
        ) {
            let members: Vec<String> = keys.iter().map(|key| format!("{space}\"{key}\"{space}:{space}[1,{{}}]")).collect();
            let source = format!("{space}{{{}{space}}}{space}", members.join(","));
            let gone: Vec<usize> = (0..keys.len()).filter(|at| mask >> at & 1 == 1).collect();
            let out = without(&source, &gone, if add { "\"NEW\":4" } else { "" });
            let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&out).unwrap();
            let mut expected: Vec<String> = keys.iter().enumerate()
                .filter(|(at, _)| !gone.contains(at)).map(|(_, key)| key.clone()).collect();
            if add { expected.push("NEW".into()); }
            expected.sort();
            let mut found: Vec<String> = value.keys().cloned().collect();
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
