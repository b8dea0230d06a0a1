//! An object's members as tokens of the source.

use core::ops::Range;
use std::borrow::Cow;

use hashbrown::HashSet;
use serde::de;

use super::scan::Scanner;
use super::splice::range_in;
use super::{JsonStr, Raw, Source};

/// A member of an object: both tokens verbatim.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// The quoted key.
    pub key: JsonStr<'a>,
    /// The value.
    pub value: Raw<'a>,
    /// Whether the key contains an escape and must be decoded. Determined once, because every lookup needs
    /// it.
    is_escaped: bool,
}

impl<'a> Member<'a> {
    /// Whether the key is `name`, in any escaping.
    pub fn is(&self, name: &str) -> bool {
        if self.is_escaped {
            return self.key.decode().is_some_and(|key| key == name);
        }
        // Lookups compare the name with every member. Nearly all differ in length, which is known immediately
        // because of the quotes.
        let key = self.key.token().as_bytes();
        key.len() == name.len() + 2 && key.get(1..=name.len()) == Some(name.as_bytes())
    }

    /// Whether the key is `name` in upper or lower case.
    fn resembles(&self, name: &str) -> bool {
        if self.is_escaped {
            return self.key.decode().is_some_and(|key| key.eq_ignore_ascii_case(name));
        }
        self.key.inner().eq_ignore_ascii_case(name)
    }

    /// The mark of the name; all bits if the key contains an escape.
    fn mark(&self) -> u64 {
        if self.is_escaped { u64::MAX } else { mark(self.key.inner()) }
    }

    /// The decoded key; `None` if it is not valid Unicode (half a surrogate pair).
    pub fn name(&self) -> Option<Cow<'a, str>> {
        if self.is_escaped { self.key.decode() } else { Some(Cow::Borrowed(self.key.inner())) }
    }
}

/// The positions of a member's tokens in the source.
#[derive(Clone, Debug)]
pub struct Span {
    key: Range<usize>,
    value: Range<usize>,
    is_escaped: bool,
}

/// The members of an object in source order, including duplicates.
#[derive(Clone, Default)]
pub struct Object<'a> {
    members: Vec<Member<'a>>,
    /// The marks of all names. A dialect looks up dozens of names that a request does not have, and this
    /// rules out most of them.
    marks: u64,
}

/// Objects with more members are searched for duplicates with a set.
const FEW: usize = 64;

/// One bit per name; other names may have the same.
#[inline]
fn mark(name: &str) -> u64 {
    let name = name.as_bytes();
    let end = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    1 << ((end(name.first()) * 5 + end(name.last()) * 11 + name.len() * 3) % 64)
}

impl<'a> Object<'a> {
    /// Parses an object's members without parsing their values.
    ///
    /// # Errors
    /// The source is not UTF-8, not JSON, or not an object.
    pub fn parse(source: &'a [u8]) -> Result<Self, serde_json::Error> {
        Self::parse_text(source.text()?)
    }

    /// Like [`Self::parse`], for text that is known to be UTF-8.
    ///
    /// # Errors
    /// The source is not JSON, or not an object.
    pub fn parse_text(text: &'a str) -> Result<Self, serde_json::Error> {
        let mut scanner = Scanner::new(text);
        if let Some(object) = Self::scan(&mut scanner).filter(|_| scanner.is_at_end()) {
            return Ok(object);
        }
        let value = Raw::parse(text)?;
        debug_assert!(!value.get().starts_with('{'), "the object was validated as JSON");
        Err(de::Error::custom("expected an object"))
    }

    /// The members of a value, if it is an object.
    pub fn of(value: Raw<'a>) -> Option<Self> {
        Self::scan(&mut Scanner::new(value.get()))
    }

    fn scan(scanner: &mut Scanner<'a>) -> Option<Self> {
        scanner.take(b'{')?;
        let mut members = Vec::with_capacity(8);
        let mut marks = 0;
        while scanner.more(b'}', members.is_empty())? {
            let (key, is_escaped) = scanner.key()?;
            let member = Member { key, value: scanner.value()?, is_escaped };
            marks |= member.mark();
            members.push(member);
        }
        Some(Self { members, marks })
    }

    /// The positions of the members in the source, for [`Self::at`]. `None` if `source` is another text.
    pub fn spans(&self, source: &str) -> Option<Vec<Span>> {
        let span = |member: &Member<'_>| {
            let of = |token| range_in(source.as_bytes(), token);
            let (key, value) = (of(member.key.token())?, of(member.value.get())?);
            Some(Span { key, value, is_escaped: member.is_escaped })
        };
        self.members.iter().map(span).collect()
    }

    /// Rebuilds the members without parsing. `None` if the spans belong to another text.
    pub fn at(source: &'a str, spans: &[Span]) -> Option<Self> {
        let member = |span: &Span| {
            let key = JsonStr::token_of(source.get(span.key.clone())?);
            let value = Raw(source.get(span.value.clone())?);
            Some(Member { key, value, is_escaped: span.is_escaped })
        };
        let members: Vec<Member<'a>> = spans.iter().map(member).collect::<Option<_>>()?;
        let marks = members.iter().fold(0, |marks, member| marks | member.mark());
        Some(Self { members, marks })
    }

    /// All members.
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// The value of the last member with that name, as `read` and nearly every provider's parser take it; JSON `null`
    /// counts as absent.
    pub fn get(&self, name: &str) -> Option<Raw<'a>> {
        if self.marks & mark(name) == 0 {
            return None;
        }
        self.members
            .iter()
            .rfind(|member| member.is(name))
            .map(|member| member.value)
            .filter(|value| !value.is_null())
    }

    /// A key that another member has as well, whose meaning would depend on the reader. Readers written in Go
    /// (`encoding/json`) do not distinguish upper and lower case, so `Model` is a duplicate of `model`.
    pub fn duplicate(&self) -> Option<Cow<'a, str>> {
        if self.members.len() > FEW {
            // Comparing each with each would occupy a worker for minutes.
            let mut names = HashSet::with_capacity(self.members.len());
            let mut names_anew = |name: &str| names.insert(name.to_ascii_lowercase());
            return self.members.iter().filter_map(Member::name).find(|name| !names_anew(name));
        }
        self.members.iter().enumerate().find_map(|(at, member)| {
            let name = member.name()?;
            self.members.get(..at)?.iter().any(|earlier| earlier.resembles(&name)).then_some(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_key_is_found_and_a_duplicate_is_seen_through_its_escape() {
        let object = Object::parse(br#"{"mod\u0065l":"a","x":1,"model":"b"}"#).unwrap();
        assert_eq!(object.get("model").unwrap().get(), r#""b""#);
        assert_eq!(object.duplicate().as_deref(), Some("model"));
    }

    #[test]
    fn a_key_in_another_case_is_a_duplicate_and_another_key_is_none() {
        let duplicate = |json: &str| Object::parse(json.as_bytes()).unwrap().duplicate().map(Cow::into_owned);
        assert_eq!(duplicate(r#"{"model":"a","MODEL":"b"}"#).as_deref(), Some("MODEL"));
        assert_eq!(duplicate(r#"{"Mod\u0065l":"a","model":"b"}"#).as_deref(), Some("model"));
        assert_eq!(duplicate(r#"{"model":"a","models":"b","Top_P":1}"#), None);
        let many: Vec<String> = (0..100).map(|n| format!(r#""m{n}":1"#)).collect();
        let many = format!(r#"{{{},"M7":2}}"#, many.join(","));
        assert_eq!(duplicate(&many).as_deref(), Some("M7"));
    }

    #[test]
    fn the_last_of_two_members_counts_as_for_other_readers() {
        let object = Object::parse(br#"{"a":1,"b":3,"a":2,"b":null}"#).unwrap();
        assert_eq!(object.get("a").unwrap().get(), "2");
        assert!(object.get("b").is_none());
    }

    #[test]
    fn a_duplicate_among_many_members_is_found_in_a_moment() {
        let members: Vec<String> = (0..300_000).map(|n| format!(r#""m{n}":1"#)).collect();
        let once = format!("{{{}}}", members.join(","));
        assert_eq!(Object::parse(once.as_bytes()).unwrap().duplicate(), None);
        let twice = once.replacen('{', r#"{"m2999\u00399":2,"#, 1);
        assert_eq!(Object::parse(twice.as_bytes()).unwrap().duplicate().as_deref(), Some("m299999"));
    }

    #[test]
    fn members_are_found_again_where_they_lay_and_not_in_another_text() {
        let text = r#"{ "model" : "é" , "x":[1, {"y":2}] }"#;
        let read = Object::parse(text.as_bytes()).unwrap();
        let spans = read.spans(text).unwrap();
        let again = Object::at(text, &spans).unwrap();
        let tokens = |object: &Object<'_>| -> Vec<(String, String)> {
            let members = object.members().iter();
            members.map(|member| (member.key.token().to_owned(), member.value.get().to_owned())).collect()
        };
        assert_eq!(tokens(&again), tokens(&read));
        assert!(Object::at("{}", &spans).is_none());
        let other = text.to_owned();
        assert!(read.spans(&other).is_none());
    }

    #[test]
    fn null_counts_as_absent() {
        assert!(Object::parse(br#"{"a":null}"#).unwrap().get("a").is_none());
    }
}
