//! Finds the model's text in a chunk that is relayed unchanged. Responses that end before usage is reported
//! are billed by it.

/// Members whose strings are the model's text.
const WORDS: [&str; 7] =
    ["content", "text", "reasoning_content", "reasoning", "refusal", "arguments", "name"];

/// Passes every string of the model's text in a chunk's choices to `tell`, still escaped. The choices are
/// valid JSON but are not parsed: every unescaped quote starts or ends a string.
pub(super) fn each(choices: &str, mut tell: impl FnMut(&str)) {
    let mut rest = choices;
    let mut key = "";
    while let Some((string, after)) = string(rest) {
        let next = after.trim_ascii_start();
        if let Some(value) = next.strip_prefix(':') {
            // A value that is not a string has no text, or its own keys.
            key = if value.trim_ascii_start().starts_with('"') { string } else { "" };
            rest = value;
        } else {
            if WORDS.contains(&key) {
                tell(string);
            }
            key = "";
            rest = after;
        }
    }
}

/// The next string, and the rest.
fn string(text: &str) -> Option<(&str, &str)> {
    let (_, text) = text.split_once('"')?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.as_bytes().get(at..)?)?;
        if text.as_bytes().get(at) == Some(&b'"') {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_nothing_else() {
        let mut words = Vec::new();
        each(
            r#"[{"index":0,"delta":{"role":"assistant","content" : "a\"b\\","tool_calls":[{"id":"x","type":"function",
               "function":{"name":"f","arguments":"{\"content\":\"no\"}"}}]},"finish_reason":"stop","text":null}]"#,
            |text| words.push(text.to_owned()),
        );
        assert_eq!(words, [r#"a\"b\\"#, "f", r#"{\"content\":\"no\"}"#]);
    }

    #[test]
    fn an_escape_at_the_end_of_a_cut_text_ends_it() {
        each(r#"{"content":"a\"#, |_| panic!("no string ends here"));
    }
}
