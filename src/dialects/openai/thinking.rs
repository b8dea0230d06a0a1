//! Reasoning between `<think>` and `</think>` at the start of a text: the output of a reasoning model on a
//! server without a reasoning parser.
//!
//! Text stays JSON-escaped. Tags are recognized however the server escapes them (`\u003cthink\u003e`), and
//! however the stream is split.

const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// The state of a text.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    place: Place,
    /// Possibly the beginning of a tag.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Only white space so far.
    #[default]
    Start,
    /// After an opening tag, before any text.
    Opened(&'static str),
    /// In the thoughts, which end with this tag.
    Inside(&'static str),
    /// After the closing tag, before any text.
    Closed,
    /// In the text.
    Text,
}

/// The contents of a piece of text, JSON-escaped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) reasoning: String,
    pub(super) text: String,
}

impl core::ops::AddAssign for Split {
    fn add_assign(&mut self, more: Self) {
        self.reasoning.push_str(&more.reasoning);
        self.text.push_str(&more.text);
    }
}

impl Thoughts {
    /// Whether everything that follows is text.
    pub(super) fn are_passed(&self) -> bool {
        self.place == Place::Text
    }

    /// Whether every following piece is text. `next` is the next piece.
    pub(super) fn are_over(&mut self, next: &str) -> bool {
        // Nearly every text starts with a word.
        if self.place == Place::Start
            && self.held.is_empty()
            && !matches!(next.as_bytes().first(), None | Some(b'<' | b'\\' | b' '))
        {
            self.place = Place::Text;
        }
        self.place == Place::Text
    }

    /// The server separates thoughts from text itself.
    pub(super) fn pass(&mut self) {
        self.place = Place::Text;
    }

    /// Splits the next piece.
    pub(super) fn split(&mut self, piece: &str) -> Split {
        let mut split = Split::default();
        let whole = core::mem::take(&mut self.held) + &plain_angles(piece);
        let mut rest = &*whole;
        loop {
            match self.place {
                Place::Start => {
                    let word = skip_space(rest);
                    if let Some((open, close)) = TAGS.iter().find(|(open, _)| word.starts_with(open)) {
                        self.place = Place::Opened(close);
                        rest = word.get(open.len()..).unwrap_or_default();
                    } else if TAGS.iter().any(|(open, _)| open.starts_with(word)) {
                        rest.clone_into(&mut self.held);
                        return split;
                    } else {
                        self.place = Place::Text;
                    }
                }
                Place::Opened(close) => {
                    rest = skip_space(rest);
                    if rest.is_empty() {
                        return split;
                    }
                    self.place = Place::Inside(close);
                }
                Place::Inside(close) => {
                    if let Some((before, after)) = rest.split_once(close) {
                        split.reasoning.push_str(before);
                        rest = after;
                        self.place = Place::Closed;
                        continue;
                    }
                    let cut = (1..close.len())
                        .rev()
                        .find(|len| close.get(..*len).is_some_and(|tag| rest.ends_with(tag)));
                    let (thought, held) =
                        rest.split_at_checked(rest.len() - cut.unwrap_or(0)).unwrap_or_default();
                    split.reasoning.push_str(thought);
                    held.clone_into(&mut self.held);
                    return split;
                }
                Place::Closed => {
                    let word = skip_space(rest);
                    if !word.is_empty() {
                        split.text.push_str(word);
                        self.place = Place::Text;
                    }
                    return split;
                }
                Place::Text => {
                    split.text.push_str(rest);
                    return split;
                }
            }
        }
    }

    /// The text that was held for a tag that did not come.
    pub(super) fn end(&mut self) -> Split {
        let held = core::mem::take(&mut self.held);
        let place = core::mem::replace(&mut self.place, Place::Text);
        match place {
            Place::Inside(_) => Split { reasoning: held, ..Split::default() },
            _ => Split { text: held, ..Split::default() },
        }
    }
}

/// Quotes JSON-escaped text.
pub(super) fn quoted(inner: &str) -> Vec<u8> {
    [r#"""#, inner, r#"""#].concat().into_bytes()
}

/// The text with `<` and `>` unescaped.
fn plain_angles(inner: &str) -> String {
    let mut plain = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        let angle = match escape.get(..5) {
            Some(code) if code.eq_ignore_ascii_case("u003c") => Some('<'),
            Some(code) if code.eq_ignore_ascii_case("u003e") => Some('>'),
            _ => None,
        };
        let taken = if let Some(angle) = angle {
            plain.push(angle);
            5
        } else {
            // A backslash and the character that it escapes.
            let one = escape.chars().next().map_or(0, char::len_utf8);
            plain.push('\\');
            plain.push_str(escape.get(..one).unwrap_or_default());
            one
        };
        rest = escape.get(taken..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// The text without leading white space, escaped or not.
fn skip_space(inner: &str) -> &str {
    let mut rest = inner;
    loop {
        let trimmed = rest.trim_start();
        let escapes = [r"\n", r"\r", r"\t"];
        match escapes.iter().find_map(|escape| trimmed.strip_prefix(escape)) {
            Some(after) => rest = after,
            None => return trimmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let mut thoughts = Thoughts::default();
        let (mut reasoning, mut text) = (String::new(), String::new());
        let mut take = |split: Split| {
            reasoning.push_str(&split.reasoning);
            text.push_str(&split.text);
        };
        for piece in pieces {
            if thoughts.are_over(piece) {
                take(Split { text: (*piece).to_owned(), ..Split::default() });
            } else {
                take(thoughts.split(piece));
            }
        }
        take(thoughts.end());
        // How an angle bracket is escaped does not matter.
        (plain_angles(&reasoning), plain_angles(&text))
    }

    const CASES: &[(&str, &str, &str)] = &[
        (r"<think>\nWell.\n</think>\n\nYes.", r"Well.\n", "Yes."),
        (r"\n<think>Well</think>Yes <think>no</think>", "Well", "Yes <think>no</think>"),
        (r"\u003cthink\u003eWell\u003c/think\u003e\nYes", "Well", "Yes"),
        ("<thinking>Well</thinking>Yes", "Well", "Yes"),
        (r"<think>\n\n</think>\n\nYes", "", "Yes"),
        ("<think>cut by the limit", "cut by the limit", ""),
        ("<think>a < b </thin", "a < b </thin", ""),
        ("Say <think>no</think>", "", "Say <think>no</think>"),
        (r"\\u003cthink>", "", r"\\u003cthink>"),
        ("<th", "", "<th"),
        ("<b>bold</b>", "", "<b>bold</b>"),
        (r"\n\nYes", "", r"\n\nYes"),
        ("", "", ""),
    ];

    #[test]
    fn thoughts_are_told_from_the_text_whole_and_cut_anywhere() {
        for (text, reasoning, said) in CASES {
            let expected = ((*reasoning).to_owned(), (*said).to_owned());
            assert_eq!(split(&[text]), expected, "{text}");
            for cut in 0..=text.len() {
                let (before, after) = text.split_at(cut);
                // A JSON token is never split inside an escape.
                let backslashes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
                let in_unicode = before.rfind(r"\u").is_some_and(|at| before.len() - at < 6);
                if backslashes % 2 == 0 && !in_unicode {
                    assert_eq!(split(&[before, after]), expected, "{before} | {after}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn cuts_make_no_difference_and_nothing_but_tags_and_space_is_lost(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec!["<think>", "</think>", "<th", "ink>", "</", r"\n", r"\\", " ", "a", r"\u003c", "é"]),
                0..12,
            ),
        ) {
            let whole = pieces.concat();
            prop_assert_eq!(split(&pieces), split(&[&whole]));
            let letters = |text: &str| text.matches(['a', 'é']).count();
            let (reasoning, text) = split(&[&whole]);
            prop_assert_eq!(letters(&reasoning) + letters(&text), letters(&whole));
        }
    }
}
