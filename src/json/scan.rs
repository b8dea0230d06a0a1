//! Finds the boundaries of tokens in JSON text (RFC 8259), without building values.
//!
//! It accepts exactly what `serde_json` accepts, which a property test verifies. Text that it rejects is
//! passed to `serde_json` for an error message. It exists because a gateway reads every byte of every body,
//! mostly to skip it.

use serde::de::{self, IgnoredAny};

use super::plain::plain;
use super::{JsonStr, Raw};

/// A position in JSON text.
///
/// Functions that skip a lot work on a copy, which the compiler can keep in registers. The small steps should
/// be inlined: skipping a body takes a few hundred of them.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// `serde_json`'s error for a text.
pub(super) fn error(text: &str) -> serde_json::Error {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => error,
        Ok(_) => de::Error::custom("invalid JSON"),
    }
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Whether only white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The next byte that is not white space, without consuming it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Consumes that byte, if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Whether another item follows in an array or object that ends with `close`. Consumes the comma or the
    /// end. `is_first`: no item was read yet.
    #[inline]
    pub(super) fn more(&mut self, close: u8, is_first: bool) -> Option<bool> {
        let next = self.peek()?;
        if next == close {
            self.at += 1;
            return Some(false);
        }
        if !is_first {
            self.take(b',')?;
        }
        Some(true)
    }

    /// A member's name; consumes the colon as well. Returns whether the name contains an escape.
    #[inline]
    pub(super) fn key(&mut self) -> Option<(JsonStr<'a>, bool)> {
        self.peek()?;
        let start = self.at;
        let is_escaped = self.string()?;
        let key = self.since(start)?;
        self.take(b':')?;
        Some((JsonStr::token_of(key), is_escaped))
    }

    /// Skips a member's name and the colon.
    #[inline]
    fn pass_key(&mut self) -> Option<()> {
        self.peek()?;
        self.string()?;
        self.take(b':')
    }

    /// A complete value of any depth.
    pub(super) fn value(&mut self) -> Option<Raw<'a>> {
        let mut scan = *self;
        let first = scan.peek()?;
        let start = scan.at;
        match first {
            b'"' => scan.string().map(drop)?,
            b'{' | b'[' => scan.at = scan.nested()?,
            _ => scan.scalar(first)?,
        }
        self.at = scan.at;
        self.since(start).map(Raw)
    }

    /// The position after an object or an array. Not recursive, so that no depth can overflow the stack.
    fn nested(self) -> Option<usize> {
        let mut scan = self;
        let mut open = Open::default();
        loop {
            match scan.peek()? {
                b'"' => scan.string().map(drop)?,
                b'{' => {
                    scan.at += 1;
                    if scan.more(b'}', true)? {
                        scan.pass_key()?;
                        open.push(true);
                        continue;
                    }
                }
                b'[' => {
                    scan.at += 1;
                    if scan.more(b']', true)? {
                        open.push(false);
                        continue;
                    }
                }
                first => scan.scalar(first)?,
            }
            // A value has ended; it may be the last one of its container.
            loop {
                let Some(is_object) = open.last() else { return Some(scan.at) };
                if scan.more(if is_object { b'}' } else { b']' }, false)? {
                    if is_object {
                        scan.pass_key()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    /// Skips a value that is not a string, object or array, and starts with that byte.
    #[inline]
    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    /// Line and column of this position, starting at 1.
    pub(super) fn position(self) -> (usize, usize) {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.len().max(1))
    }

    #[inline]
    fn since(self, start: usize) -> Option<&'a str> {
        self.text.get(start..self.at)
    }

    #[inline]
    fn word(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// Skips a string. Returns whether it contains an escape.
    #[inline]
    fn string(&mut self) -> Option<bool> {
        let (quote, rest) = self.text.as_bytes().get(self.at..)?.split_first()?;
        if *quote != b'"' {
            return None;
        }
        let length = plain(rest);
        let is_escaped = *rest.get(length)? != b'"';
        self.at += 1 + if is_escaped { escaped(rest, length)? } else { length + 1 };
        Some(is_escaped)
    }

    #[inline]
    fn number(&mut self) -> Option<()> {
        if self.next_is(b"-") {
            self.at += 1;
        }
        if self.next_is(b"0") {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.next_is(b".") {
            self.at += 1;
            self.digits()?;
        }
        if self.next_is(b"eE") {
            self.at += 1;
            if self.next_is(b"+-") {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    #[inline]
    fn next_is(self, one_of: &[u8]) -> bool {
        self.text.as_bytes().get(self.at).is_some_and(|byte| one_of.contains(byte))
    }

    #[inline]
    fn digits(&mut self) -> Option<()> {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        while bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// The position after the closing quote of a string that contains escapes from `at` on.
fn escaped(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 1 + escape(text.get(at + 1..)?)?,
            _ => return None,
        }
        at += plain(text.get(at..)?);
    }
}

/// The length of an escape, after the backslash.
fn escape(rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(1),
        b'u' => rest.get(1..5)?.iter().all(u8::is_ascii_hexdigit).then_some(5),
        _ => None,
    }
}

/// The stack of open objects (`true`) and arrays.
#[derive(Default)]
struct Open {
    /// The innermost ones, the last one in the lowest bit.
    bits: u64,
    depth: u32,
    /// The outer ones, sixty-four per word.
    outer: Vec<u64>,
}

impl Open {
    fn push(&mut self, is_object: bool) {
        if self.depth == 64 {
            self.outer.push(self.bits);
            self.depth = 0;
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn last(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.bits & 1 == 1)
    }

    fn pop(&mut self) {
        self.bits >>= 1;
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0
            && let Some(outer) = self.outer.pop()
        {
            (self.bits, self.depth) = (outer, 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn ours(text: &str) -> Option<&str> {
        Raw::parse(text).ok().map(Raw::get)
    }

    fn theirs(text: &str) -> Option<&str> {
        serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
    }

    #[test]
    fn every_form_of_a_value_is_taken_and_every_fault_is_refused_as_serde_json_does() {
        for text in [
            "null",
            " true ",
            "false",
            "0",
            "-0",
            "-1.5e+10",
            "1E9",
            "10",
            r#""""#,
            r#""a\u00e9\n\"\\\/""#,
            r#""\ud83d""#,
            "[]",
            "{}",
            "[ ]",
            "{ }",
            "[1,[2,{\"a\":[]}]]",
            r#"{"a":{"b":null},"c":[1]}"#,
            "\r\n\t [1 , 2] \n",
            // none
            "",
            " ",
            "nul",
            "nulll",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "0x1",
            "tru",
            "\"",
            "\"\\",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12",
            "\"a\nb\"",
            "\"\u{1f}\"",
            "[",
            "]",
            "{",
            "}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{a:1}",
            "{\"a\":1 \"b\":2}",
            "[1}",
            "{\"a\":1]",
            "1 2",
            "[] []",
            "\u{feff}1",
            "'a'",
            "NaN",
        ] {
            assert_eq!(ours(text), theirs(text), "{text}");
        }
    }

    #[test]
    fn no_depth_is_too_deep_and_each_bracket_must_meet_its_own() {
        for depth in [1, 63, 64, 65, 127, 128, 129, 5000] {
            let mixed = |close: &[&str]| {
                let opened: String = (0..depth).map(|at| if at % 3 == 0 { "{\"a\":" } else { "[" }).collect();
                let closed: String = (0..depth).rev().map(|at| close[usize::from(at % 3 != 0)]).collect();
                format!("{opened}1{closed}")
            };
            let right = mixed(&["}", "]"]);
            assert_eq!(ours(&right), Some(right.as_str()), "{depth}");
            assert_eq!(ours(&mixed(&["]", "}"])), None, "{depth}");
            assert_eq!(ours(&right[..right.len() - 1]), None, "{depth}");
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("-1.25e-3".to_owned()),
            any::<u64>().prop_map(|n| n.to_string()),
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| format!("[{}]", items.join(" ,"))),
                proptest::collection::vec(inner, 0..5).prop_map(|items| {
                    let members = items.iter().enumerate().map(|(at, item)| format!("\"k{at}\" : {item}"));
                    format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_text_is_taken_or_refused_as_serde_json_does(text in json(), cut in any::<prop::sample::Index>(), other in "[\\[\\]{}\",:\\\\u0-9eE.ntf \u{1}é-]{0,3}") {
            prop_assert_eq!(ours(&text), theirs(&text));
            let at = cut.index(text.len() + 1);
            if text.is_char_boundary(at) {
                let (before, after) = text.split_at(at);
                prop_assert_eq!(ours(before), theirs(before));
                let changed = format!("{before}{other}{after}");
                prop_assert_eq!(ours(&changed), theirs(&changed), "{}", changed);
            }
        }
    }
}
