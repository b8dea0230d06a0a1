//! The words of a model's name, for searching tables of models.
//!
//! Every request checks every row of a table, and names are short. The standard library prepares a searcher
//! for each word, which takes longer in WebAssembly than checking the positions where words begin.

/// The rest of a name at each start of a word, which is after any character that is neither letter nor digit.
pub(super) struct Words<'n>(Vec<&'n str>);

impl<'n> Words<'n> {
    /// The words of a name.
    pub(super) fn of(name: &'n str) -> Self {
        let mut in_word = false;
        let begins = name.bytes().enumerate().filter_map(|(at, byte)| {
            let was_in_word = core::mem::replace(&mut in_word, byte.is_ascii_alphanumeric());
            (!was_in_word).then(|| name.get(at..)).flatten()
        });
        let mut rests = Vec::with_capacity(8);
        rests.extend(begins);
        Self(rests)
    }

    /// Whether the name contains these words.
    #[inline]
    pub(super) fn hold(&self, words: &str) -> bool {
        self.after(words).next().is_some()
    }

    /// What follows each occurrence of these words in the name.
    pub(super) fn after(&self, words: &str) -> impl Iterator<Item = &'n str> {
        let first = words.as_bytes().first();
        // Comparing one byte rules out nearly every row.
        self.0
            .iter()
            .filter(move |rest| rest.as_bytes().first() == first)
            .filter_map(move |rest| rest.strip_prefix(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_where_they_begin_and_nowhere_else() {
        let words = Words::of("eu.anthropic.claude-opus-4-8@é");
        for held in ["eu", "anthropic.claude", "opus-4-8", "4", "8@", "é"] {
            assert!(words.hold(held), "{held}");
        }
        for other in ["laude", "opus-4-9", "pus", "-4", "u.", "8@é!"] {
            assert!(!words.hold(other), "{other}");
        }
        assert_eq!(words.after("opus-").collect::<Vec<_>>(), ["4-8@é"]);
    }
}
