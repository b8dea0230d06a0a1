//! The model's words in a chunk that is relayed as it stands: what an answer is billed by that dies before it is counted.

/// Members whose strings are the model's words.
const WORDS: [&str; 7] =
    ["content", "text", "reasoning_content", "reasoning", "refusal", "arguments", "name"];

/// Gives every string of the model's words in a chunk's choices, still escaped. The choices are JSON, and are not read: in
/// them every quote that is not escaped begins or ends a string.
pub(super) fn each(choices: &str, mut tell: impl FnMut(&str)) {
    let mut rest = choices;
    let mut key = "";
    while let Some((string, after)) = string(rest) {
        let next = after.trim_ascii_start();
        if let Some(value) = next.strip_prefix(':') {
            // Whatever follows and is no string has no words, or keys of its own.
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

/// The next string, and what follows it.
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
