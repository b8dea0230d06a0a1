//! Rewrites names and ids of tools to the characters that providers accept. Most reject names that `OpenAI`
//! or an MCP server allows.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};

/// Tool names as a provider accepts them: `[a-zA-Z0-9_-]`, up to a maximum length.
///
/// Valid names stay unchanged. In others, invalid characters become `_`, and a number is appended if the
/// result is taken, so two tools never get the same name.
#[derive(Clone, Debug, Default)]
pub struct ToolNames {
    limit: usize,
    /// Names may not start with a digit or hyphen.
    letter_first: bool,
    /// Pairs of the sent name and the client's name, as in [`Memo::renamed`](super::Memo::renamed).
    renamed: Vec<(String, String)>,
    /// Where each of the client's names is in it: a request may have many tools and calls.
    places: HashMap<String, usize>,
}

impl ToolNames {
    /// The names of a request's tools. `limit` is the maximum length in bytes.
    pub fn of(names: &[&str], limit: usize) -> Self {
        Self { limit, ..Self::default() }.with(names)
    }

    /// Like [`Self::of`], for providers whose names must start with a letter or `_`.
    pub fn letter_first(names: &[&str], limit: usize) -> Self {
        Self { limit, letter_first: true, ..Self::default() }.with(names)
    }

    fn with(mut self, names: &[&str]) -> Self {
        let mut taken: Option<HashSet<String>> = None;
        // The next number for names that differ in invalid characters only.
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for &name in names {
            if self.is_fine(name) || self.places.contains_key(name) {
                continue;
            }
            let taken = taken.get_or_insert_with(|| names.iter().map(|&name| name.to_owned()).collect());
            let first = self.lettered(name, "");
            let mut sent = first.clone();
            if taken.contains(&sent) {
                let number = numbers.entry(first).or_insert(2);
                while taken.contains(&sent) {
                    sent = self.lettered(name, &format!("_{number}"));
                    *number += 1;
                }
            }
            taken.insert(sent.clone());
            self.places.insert(name.to_owned(), self.renamed.len());
            self.renamed.push((sent, name.to_owned()));
        }
        self
    }

    /// The name as sent. A name that is not a tool of the request (it occurs only in the history) is
    /// rewritten, too.
    pub fn sent<'n>(&'n self, name: &'n str) -> Cow<'n, str> {
        match self.places.get(name).and_then(|at| self.renamed.get(*at)) {
            Some((sent, _)) => Cow::Borrowed(sent),
            None if self.is_fine(name) => Cow::Borrowed(name),
            None => Cow::Owned(self.lettered(name, "")),
        }
    }

    /// The pairs that translating the response needs.
    pub fn into_renamed(self) -> Vec<(String, String)> {
        self.renamed
    }

    fn is_fine(&self, name: &str) -> bool {
        !name.is_empty()
            && name.len() <= self.limit
            && name.bytes().all(is_fine_letter)
            && !name.chars().next().is_some_and(|first| self.cannot_be_first(first))
    }

    fn cannot_be_first(&self, letter: char) -> bool {
        self.letter_first && !letter.is_ascii_alphabetic() && letter != '_'
    }

    fn lettered(&self, name: &str, suffix: &str) -> String {
        let letters = name.chars().map(|c| if c.is_ascii() && is_fine_letter(c as u8) { c } else { '_' });
        let mut letters = letters.peekable();
        let before = letters.peek().filter(|first| self.cannot_be_first(**first)).map(|_| '_');
        let letters = before.into_iter().chain(letters);
        let mut sent: String = letters.take(self.limit.saturating_sub(suffix.len())).collect();
        sent.push_str(suffix);
        if sent.is_empty() { "_".to_owned() } else { sent }
    }
}

/// Rewrites the id of a tool call to `[a-zA-Z0-9_-]`: an invalid character becomes `_` and its code point in
/// hexadecimal.
///
/// The ids of a call and its result both pass through here in every turn, so the same id always gives the
/// same result.
pub fn safe_id(id: &str) -> Cow<'_, str> {
    use core::fmt::Write as _;

    if id.bytes().all(is_fine_letter) {
        return Cow::Borrowed(id);
    }
    let mut safe = String::with_capacity(id.len() + 8);
    for c in id.chars() {
        if c.is_ascii() && is_fine_letter(c as u8) {
            safe.push(c);
        } else {
            let written = write!(safe, "_{:x}", u32::from(c));
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
    }
    Cow::Owned(safe)
}

/// Rewrites the id of a tool call to exactly nine letters and digits. Ids in that form stay unchanged; others
/// map to the same nine characters in every turn, for the call and its result.
pub fn nine_letter_id(id: &str) -> Cow<'_, str> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(id);
    }
    let digest = <sha2::Sha256 as sha2::Digest>::digest(id.as_bytes());
    let mut number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mut nine = String::with_capacity(9);
    for _ in 0..9 {
        let letter = usize::try_from(number % 62).ok().and_then(|at| LETTERS.get(at)).copied();
        nine.push(char::from(letter.unwrap_or(b'0')));
        number /= 62;
    }
    Cow::Owned(nine)
}

fn is_fine_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fine_name_stays_and_another_never_takes_its_place() {
        let names = ToolNames::of(&["a.b", "a_b", "a/b", "fine-1"], 64);
        assert_eq!(names.sent("a.b"), "a_b_2");
        assert_eq!(names.sent("a/b"), "a_b_3");
        assert_eq!(names.sent("a_b"), "a_b");
        assert_eq!(names.sent("fine-1"), "fine-1");
        assert_eq!(names.sent("gone.one"), "gone_one");
        assert_eq!(
            names.into_renamed(),
            [("a_b_2", "a.b"), ("a_b_3", "a/b")].map(|(s, a)| (s.into(), a.into()))
        );
    }

    #[test]
    fn many_names_differ_after_they_are_rewritten() {
        let asked: Vec<String> =
            (0..5_000_u32).map(|n| format!("{n:013b}").replace('0', "!").replace('1', "?")).collect();
        let names = ToolNames::of(&asked.iter().map(String::as_str).collect::<Vec<_>>(), 64);
        let sent: HashSet<Cow<'_, str>> = asked.iter().map(|name| names.sent(name)).collect();
        assert_eq!(sent.len(), asked.len());
        assert!(sent.contains("_____________") && sent.contains("______________5000"), "{}", sent.len());
    }

    #[test]
    fn a_name_begins_with_a_letter_where_it_must() {
        let names = ToolNames::letter_first(&["1st", "_1st", "-x", "x1"], 64);
        assert_eq!(names.sent("1st"), "_1st_2");
        assert_eq!(names.sent("_1st"), "_1st");
        assert_eq!(names.sent("-x"), "_-x");
        assert_eq!(names.sent("x1"), "x1");
        assert_eq!(names.sent("9.of the history"), "_9_of_the_history");
        assert_eq!(ToolNames::of(&["1st"], 64).sent("1st"), "1st");
    }

    #[test]
    fn ids_differ_after_they_are_made_safe() {
        assert_eq!(safe_id("call_1"), "call_1");
        assert_eq!(safe_id("call:1"), "call_3a1");
        assert_eq!(safe_id("call.1"), "call_2e1");
    }

    #[test]
    fn an_id_of_nine_letters_stays_and_another_always_becomes_the_same() {
        assert_eq!(nine_letter_id("gSIMJiOkT"), "gSIMJiOkT");
        let nine = nine_letter_id("call_abc").into_owned();
        assert!(nine.len() == 9 && nine.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{nine}");
        assert_eq!(nine_letter_id("call_abc"), nine);
        assert_eq!(nine_letter_id(&nine), nine);
        assert_ne!(nine_letter_id("call_abd"), nine);
    }

    proptest! {
        #[test]
        fn every_tool_gets_a_fine_name_of_its_own(
            asked in proptest::collection::btree_set("[a-b1._é-]{0,6}", 0..6), limit in 4usize..8, letter_first: bool,
        ) {
            let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
            let of = if letter_first { ToolNames::letter_first } else { ToolNames::of };
            let names = of(&asked, limit);
            let sent: std::collections::BTreeSet<_> = asked.iter().map(|name| names.sent(name).into_owned()).collect();
            prop_assert_eq!(sent.len(), asked.len());
            for name in sent {
                prop_assert!(!name.is_empty() && name.len() <= limit && name.bytes().all(is_fine_letter), "{}", name);
                prop_assert!(!letter_first || !name.starts_with(|c: char| c == '-' || c.is_ascii_digit()), "{}", name);
            }
        }
    }
}
