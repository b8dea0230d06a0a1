//! Estimates the number of tokens of a text: for requests before they are served, and for streams that ended
//! before they reported usage.
//!
//! Every vendor has a different tokenizer, several megabytes in size. Their counts for the same text differ
//! by a fifth, or by half for rare scripts. This estimate takes one pass over the text and stays within a
//! quarter of them (`tests/tokens.rs`). It models how their vocabularies split text: a common word is one
//! token together with the space before it, a long word takes one more; consecutive punctuation is often one;
//! three digits are one; a Chinese character is slightly less than one.

/// Counts the tokens of a text that comes in pieces. How it is split makes no difference.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokens {
    /// Thousandths of a token.
    milli: u64,
    last: Class,
    /// Letters of the current word.
    word: u32,
}

/// Character classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Class {
    #[default]
    Space,
    Line,
    Lower,
    Upper,
    Digit,
    Sign,
    /// Latin letters with accents.
    Accented,
    /// Alphabets with two bytes per letter in UTF-8: Greek, Cyrillic, Hebrew, Arabic.
    Alphabet,
    /// Scripts of India and Southeast Asia.
    Abugida,
    Hangul,
    /// Chinese characters, kana, and other wide characters.
    Wide,
    Emoji,
}

/// Letters of a word that form one token.
const WORD: u32 = 7;

impl Tokens {
    /// Adds the contents of a JSON string, which may contain escapes.
    pub fn add(&mut self, text: &str) {
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            if char == '\\' {
                let class = match chars.next() {
                    Some('n' | 'r' | 't') => Class::Line,
                    Some('u') => {
                        let hex = (0..4).filter_map(|_| chars.next()?.to_digit(16));
                        match hex.fold(0, |code, digit| code << 4 | digit) {
                            // The other half of a pair counts.
                            0xd800..=0xdbff => continue,
                            0xdc00..=0xdfff => Class::Emoji,
                            code => Class::of(code),
                        }
                    }
                    _ => Class::Sign,
                };
                self.next(class);
            } else {
                self.next(Class::of(char.into()));
            }
        }
    }

    fn next(&mut self, class: Class) {
        use Class::{
            Abugida, Accented, Alphabet, Digit, Emoji, Hangul, Line, Lower, Sign, Space, Upper, Wide,
        };
        let last = core::mem::replace(&mut self.last, class);
        self.milli += match class {
            Space => 0,
            Line if last == Line => 0,
            Line => 800,
            Lower | Upper => {
                let begins = match last {
                    Lower if class == Upper => Some(750),
                    Lower | Upper | Accented => None,
                    Sign => Some(800),
                    _ => Some(1_000),
                };
                self.word = if begins.is_some() { 1 } else { self.word + 1 };
                begins.unwrap_or(if self.word > WORD { 380 } else { 0 })
            }
            Digit => 560,
            Sign if last == Sign => 200,
            Sign => 850,
            Accented => 300,
            Alphabet if last == Alphabet => 210,
            Alphabet => 660,
            Abugida => 370,
            Hangul => 760,
            Wide => 720,
            Emoji => 1_650,
        };
    }

    /// Adds thousandths of a token.
    fn add_milli(&mut self, milli: u64) {
        self.milli = self.milli.saturating_add(milli);
    }

    /// Whole tokens; 0 for an empty text.
    pub fn count(self) -> u64 {
        self.milli.div_ceil(1_000)
    }
}

impl Class {
    fn of(code: u32) -> Self {
        match code {
            0x61..=0x7a => Self::Lower,
            0x41..=0x5a => Self::Upper,
            0x20 => Self::Space,
            0x09 | 0x0a | 0x0d => Self::Line,
            0x30..=0x39 => Self::Digit,
            0..=0x7f => Self::Sign,
            0x80..=0x24f => Self::Accented,
            0x250..=0x7ff => Self::Alphabet,
            0x800..=0x2e7f => Self::Abugida,
            0xac00..=0xd7af => Self::Hangul,
            0x2e80..=0xffff => Self::Wide,
            _ => Self::Emoji,
        }
    }
}

/// Bytes of each text that are inspected, from its beginning.
const SAMPLE: usize = 2_048;

/// Bytes that are inspected in total.
const SAMPLES: usize = 16_384;

/// Counts the tokens of many texts, inspecting at most `SAMPLES` bytes: the rest of a long text is assumed to
/// be like its beginning.
#[derive(Debug, Default)]
pub struct Sampled {
    tokens: Tokens,
    seen: usize,
    unseen: usize,
    flat: u64,
}

impl Sampled {
    /// Adds a text as [`Tokens::add`] does.
    pub fn add(&mut self, text: &str) {
        let most = SAMPLE.min(SAMPLES.saturating_sub(self.seen));
        let (sample, rest) = text.split_at(text.floor_char_boundary(most));
        self.tokens.add(sample);
        self.tokens.last = Class::Space;
        self.seen += sample.len();
        self.unseen += rest.len();
    }

    /// Adds a number of tokens for content that is not text.
    pub fn add_flat(&mut self, tokens: u64) {
        self.flat = self.flat.saturating_add(tokens);
    }

    /// Whole tokens.
    pub fn count(self) -> u64 {
        let Self { mut tokens, seen, unseen, flat } = self;
        // Nothing was inspected only if the text was empty.
        let rest = u128::from(tokens.milli) * (unseen as u128) / (seen.max(1) as u128);
        tokens.add_milli(u64::try_from(rest).unwrap_or(u64::MAX));
        tokens.count().saturating_add(flat)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(text: &str) -> u64 {
        let mut tokens = Tokens::default();
        tokens.add(text);
        tokens.count()
    }

    #[test]
    fn an_escape_counts_as_the_character_that_it_is() {
        for (escaped, text) in [(r"\u4e2d\u6587", "中文"), (r"\ud83c\udf89", "🎉"), (r"a\u0020b", "a b")]
        {
            assert_eq!(count(escaped), count(text), "{text}");
        }
        assert_eq!(count(r"one\ntwo"), count("one\ntwo"));
    }

    #[test]
    fn a_long_text_counts_as_its_beginning_promises() {
        let text = "These are some of the usual words of an answer. ".repeat(2_000);
        let mut sampled = Sampled::default();
        sampled.add(&text);
        let (sampled, exact) = (sampled.count(), count(&text));
        assert!(sampled.abs_diff(exact) * 50 < exact, "{sampled}, not {exact}");
        let mut none = Sampled::default();
        none.add("");
        assert_eq!(none.count(), 0);
    }

    proptest! {
        #[test]
        fn cuts_make_no_difference(text in "[a-zA-Z0-9 .,é中\n]{0,60}", at in any::<prop::sample::Index>()) {
            let mut tokens = Tokens::default();
            let at = text.floor_char_boundary(at.index(text.len() + 1));
            let (before, after) = text.split_at(at);
            tokens.add(before);
            tokens.add(after);
            prop_assert_eq!(tokens.count(), count(&text));
        }
    }
}
