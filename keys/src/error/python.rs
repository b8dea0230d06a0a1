//! Formats values in error messages like Python, because scripts match on them.

/// A masked user id: only the first six and the last two characters of a long one are shown, nothing of a
/// short one.
pub(super) fn starred(user_id: &str) -> String {
    let count = user_id.chars().count();
    user_id
        .chars()
        .enumerate()
        .map(|(at, character)| if count > 8 && (at < 6 || at + 2 >= count) { character } else { '*' })
        .collect()
}

/// A string as formatted by Python's `repr`: in single quotes, unless it contains some and no double quotes.
pub(super) fn text(value: &str) -> String {
    let quote = if value.contains('\'') && !value.contains('"') { '"' } else { '\'' };
    let mut repr = String::with_capacity(value.len() + 2);
    repr.push(quote);
    for character in value.chars() {
        match character {
            '\\' => repr.push_str(r"\\"),
            '\n' => repr.push_str(r"\n"),
            '\r' => repr.push_str(r"\r"),
            '\t' => repr.push_str(r"\t"),
            _ if character == quote => repr.extend(['\\', character]),
            _ => repr.push(character),
        }
    }
    repr.push(quote);
    repr
}

/// The text in `{'error': '…'}`, or the message itself if it has another form.
pub(super) fn unwrapped(message: &str) -> String {
    let literal = message.strip_prefix("{'error': ").and_then(|rest| rest.strip_suffix('}'));
    let quoted = |text: &'_ str, quote: char| Some(text.strip_prefix(quote)?.strip_suffix(quote)?.to_owned());
    let Some(inner) = literal.and_then(|text| quoted(text, '\'').or_else(|| quoted(text, '"'))) else {
        return message.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n' | 'r') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            _ => text.push(character),
        }
    }
    text
}

/// A number as formatted by Python's `repr`: `-1.0`, `1e-06`, `1e+16`.
pub(super) fn float(value: f64) -> String {
    let repr = format!("{value:?}");
    let Some((digits, exponent)) = repr.split_once('e') else { return repr };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |positive| ('-', positive));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_strings_are_quoted_as_python_quotes_them() {
        assert_eq!(text("No keys found"), "'No keys found'");
        assert_eq!(text("with 'sk-'"), r#""with 'sk-'""#);
        assert_eq!(text(r#"'both' and ""#), r#"'\'both\' and "'"#);
        assert_eq!(text("a\\b\n"), r"'a\\b\n'");
    }

    #[test]
    fn an_error_in_a_dictionary_is_read_back() {
        for message in ["No keys found", "with 'sk-'", r#"'both' and ""#, "a\\b\nc"] {
            assert_eq!(unwrapped(&format!("{{'error': {}}}", text(message))), message);
        }
        assert_eq!(unwrapped("Key not found."), "Key not found.");
    }

    #[test]
    fn python_numbers_have_a_point_or_a_signed_exponent_of_two_digits() {
        for (value, repr) in [(-1.0, "-1.0"), (-1e-6, "-1e-06"), (-1e16, "-1e+16"), (-1e-300, "-1e-300")] {
            assert_eq!(float(value), repr);
        }
    }

    #[test]
    fn of_a_user_id_little_is_shown() {
        assert_eq!(starred("unknown"), "*******");
        assert_eq!(starred("alice-in-wonderland"), "alice-***********nd");
    }
}
