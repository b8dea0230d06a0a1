//! Edits of a source text in place.

use core::ops::Range;
use std::borrow::Cow;

use super::Member;

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
    let range = range_in(source, token);
    debug_assert!(range.is_some(), "the token is not of this source");
    range.map(|range| range.start)
}

/// Where a token that was borrowed from `source` lies in it; nothing if it was borrowed elsewhere.
pub(super) fn range_in(source: &[u8], token: &str) -> Option<Range<usize>> {
    let start = (token.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    let end = start.checked_add(token.len())?;
    (end <= source.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Object, Raw, read};
    use super::*;

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
        let items: Vec<Raw<'_>> = read(array).unwrap();
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

    proptest! {
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
