//! Edits of a source text in place.

use core::ops::Range;
use std::borrow::Cow;

use super::Member;
use crate::sorted::sort_by_key;

/// Edits of an object's source text that leave all other bytes unchanged.
///
/// An edit outside the source, or one that overlaps an earlier edit, is a bug: it is skipped, and caught by a
/// debug assertion.
pub struct Splice<'a> {
    source: &'a [u8],
    edits: Vec<(usize, usize, Cow<'a, [u8]>)>,
}

impl<'a> Splice<'a> {
    /// Creates a splice of a source text.
    pub fn new(source: &'a [u8]) -> Self {
        Self { source, edits: Vec::with_capacity(4) }
    }

    /// Replaces a token of the source with `text`.
    pub fn replace(&mut self, token: &str, text: impl Into<Cow<'a, [u8]>>) {
        if let Some(start) = offset_in(self.source, token) {
            self.edits.push((start, start + token.len(), text.into()));
        }
    }

    /// Removes a member, and the comma that is no longer needed.
    pub fn remove(&mut self, member: &Member<'_>) {
        let (Some(start), Some(value)) =
            (offset_in(self.source, member.key.token()), offset_in(self.source, member.value.get()))
        else {
            return;
        };
        self.cut(start, value + member.value.get().len());
    }

    /// Removes an item of an array, and the comma that is no longer needed.
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
            // The last item: the preceding comma is removed, too. If the item before is also removed, its
            // edit ends where this one starts, so `write` removes the comma.
            self.edits.push((start, end, Cow::Borrowed(b"")));
        }
    }

    /// Appends members to the object, written as `"key":value` and separated by commas.
    pub fn append(&mut self, members: impl Into<Cow<'a, [u8]>>) {
        if let Some(close) = memchr::memrchr(b'}', self.source) {
            self.edits.push((close, close, members.into()));
        }
    }

    /// Appends members to an object, or items to an array, inside the source.
    pub fn append_to(&mut self, token: &str, written: impl Into<Cow<'a, [u8]>>) {
        if let Some(start) = offset_in(self.source, token) {
            let close = start + token.len().saturating_sub(1);
            self.edits.push((close, close, written.into()));
        }
    }

    /// Prepends an item to an array inside the source.
    pub fn prepend_to(&mut self, array: &str, mut item: Vec<u8>) {
        if let Some(start) = offset_in(self.source, array) {
            if self.source.get(self.skip_space(start + 1)) != Some(&b']') {
                item.push(b',');
            }
            self.edits.push((start + 1, start + 1, item.into()));
        }
    }

    /// Whether there are no edits.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The edited text.
    pub fn write(self) -> Vec<u8> {
        let source = self.source;
        self.edits().write(source)
    }

    /// The edits, detached from the source.
    pub fn edits(mut self) -> Edits {
        sort_by_key(&mut self.edits, |(start, end, _)| (*start, *end));
        let mut out = Pieces { source: self.source, pieces: Vec::with_capacity(2 * self.edits.len() + 1) };
        let mut at = 0;
        for (start, end, text) in core::mem::take(&mut self.edits) {
            debug_assert!(start >= at, "edits overlap");
            if start < at || end > self.source.len() {
                continue;
            }
            out.keep(at..start);
            at = end;
            let closes = matches!(self.source.get(self.skip_space(end)), Some(b'}' | b']'));
            if text.is_empty() {
                if closes {
                    out.trim_comma();
                }
                continue;
            }
            let appended = start == end;
            if appended {
                out.trim_comma();
                if !matches!(out.last(), Some((_, _, b'{' | b'['))) {
                    out.pieces.push(Piece::Text(b",".to_vec()));
                }
            }
            out.pieces.push(Piece::Text(text.into_owned()));
        }
        out.keep(at..self.source.len());
        Edits(out.pieces)
    }

    fn skip_space(&self, from: usize) -> usize {
        let rest = self.source.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
    }
}

/// The text before and after a token that was borrowed from `source`: a splice without an allocation.
pub fn around<'s>(source: &'s [u8], token: &str) -> Option<(&'s [u8], &'s [u8])> {
    let start = offset_in(source, token)?;
    Some((source.get(..start)?, source.get(start + token.len()..)?))
}

/// The offset of a token that was borrowed from `source`.
fn offset_in(source: &[u8], token: &str) -> Option<usize> {
    let range = range_in(source, token);
    debug_assert!(range.is_some(), "the token does not come from this source");
    range.map(|range| range.start)
}

/// The range of a token that was borrowed from `source`; `None` if it was borrowed elsewhere.
pub(crate) fn range_in(source: &[u8], token: &str) -> Option<Range<usize>> {
    let start = (token.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    let end = start.checked_add(token.len())?;
    (end <= source.len()).then_some(start..end)
}

/// An edited text, as pieces of its source and insertions. It borrows nothing, so the source can be edited in
/// place by its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edits(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Kept(Range<usize>),
    Text(Vec<u8>),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Kept(range) => range.len(),
            Self::Text(text) => text.len(),
        }
    }
}

impl Edits {
    /// The edited text. `source` must be the text that the edits were made for.
    pub fn write(&self, source: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        for piece in &self.0 {
            match piece {
                Piece::Kept(range) => out.extend_from_slice(source.get(range.clone()).unwrap_or_default()),
                Piece::Text(text) => out.extend_from_slice(text),
            }
        }
        out
    }

    /// Like [`Self::write`], but in place, so that a large request is not in memory twice.
    pub fn apply(self, mut source: Vec<u8>) -> Vec<u8> {
        let (before, after) = (source.len(), self.len());
        let mut to = 0;
        let (mut is_right, mut is_left) = (true, true);
        for piece in &self.0 {
            if let Piece::Kept(range) = piece {
                is_right &= to >= range.start && range.end <= before;
                is_left &= to <= range.start && range.end <= before;
            }
            to += piece.len();
        }
        // Pieces that move to the right are moved starting from the end, so that nothing is overwritten
        // before it has moved; pieces that move to the left, from the beginning. If there are both, the text
        // is written to a new buffer.
        if is_right {
            source.resize(after.max(before), 0);
            let mut end = after;
            for piece in self.0.iter().rev() {
                end = end.saturating_sub(piece.len());
                piece.put(&mut source, end);
            }
        } else if is_left {
            let mut start = 0;
            for piece in &self.0 {
                piece.put(&mut source, start);
                start += piece.len();
            }
        } else {
            return self.write(&source);
        }
        source.truncate(after);
        source
    }

    fn len(&self) -> usize {
        self.0.iter().map(Piece::len).sum()
    }
}

impl Piece {
    fn put(&self, text: &mut [u8], at: usize) {
        match self {
            Self::Kept(range) if range.start == at => {}
            Self::Kept(range) if at + range.len() <= text.len() => text.copy_within(range.clone(), at),
            Self::Kept(_) => {}
            Self::Text(written) => {
                if let Some(place) = text.get_mut(at..at + written.len()) {
                    place.copy_from_slice(written);
                }
            }
        }
    }
}

/// What has been written so far.
struct Pieces<'a> {
    source: &'a [u8],
    pieces: Vec<Piece>,
}

impl Pieces<'_> {
    fn keep(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.pieces.push(Piece::Kept(range));
        }
    }

    /// The last byte that is not white space: its piece, its position in the piece, and its value.
    fn last(&self) -> Option<(usize, usize, u8)> {
        self.pieces.iter().enumerate().rev().find_map(|(piece, bytes)| {
            let bytes = match bytes {
                Piece::Kept(range) => self.source.get(range.clone()).unwrap_or_default(),
                Piece::Text(text) => text,
            };
            let at = bytes.trim_ascii_end().len().checked_sub(1)?;
            Some((piece, at, *bytes.get(at)?))
        })
    }

    fn trim_comma(&mut self) {
        let Some((last, at, b',')) = self.last() else { return };
        self.pieces.truncate(last + 1);
        match self.pieces.last_mut() {
            Some(Piece::Kept(range)) => range.end = range.start + at,
            Some(Piece::Text(text)) => text.truncate(at),
            None => {}
        }
    }
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
        /// Whatever is removed and appended, the result is JSON with exactly the expected members.
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

        /// Values that become longer and shorter, in any order: editing in place gives the same result as
        /// writing.
        #[test]
        fn a_source_that_is_edited_in_place_is_the_edited_source(
            values in proptest::collection::vec((0_usize..12, proptest::option::of(0_usize..12)), 0..7),
            add in any::<bool>(),
        ) {
            let members: Vec<String> = values.iter().enumerate()
                .map(|(at, (length, _))| format!("\"{at}\":\"{}\"", "o".repeat(*length))).collect();
            let source = format!("{{{}}}", members.join(", "));
            let object = Object::parse(source.as_bytes()).unwrap();
            let mut splice = Splice::new(source.as_bytes());
            for (member, (length, edit)) in object.members().iter().zip(&values) {
                match edit {
                    Some(0) => splice.remove(member),
                    Some(edit) if edit != length => {
                        splice.replace(member.value.get(), format!("\"{}\"", "n".repeat(*edit)).into_bytes());
                    }
                    _ => {}
                }
            }
            if add {
                splice.append(&b"\"added\":1"[..]);
            }
            let edits = splice.edits();
            let written = String::from_utf8(edits.write(source.as_bytes())).unwrap();
            prop_assert_eq!(&String::from_utf8(edits.apply(source.clone().into_bytes())).unwrap(), &written);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok(), "{} from {}", written, source);
        }
    }
}
