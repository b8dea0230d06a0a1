//! The text of files with secrets: one value, or lines `NAME=value`.

/// The value in a file, which editors end with a line break; `None` if it is empty.
pub fn value(text: &str) -> Option<&str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    (!text.is_empty()).then_some(text)
}

/// A line `NAME=value`, with or without `export` and quotes.
pub fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let value = value.trim();
    let bare = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = bare('"').or_else(|| bare('\'')).unwrap_or(value);
    Some((name.trim(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_ends_of_lines_are_not_part_of_a_value() {
        assert_eq!([value("a\r\n"), value("a\nb"), value("\n")], [Some("a"), Some("a\nb"), None]);
        assert_eq!(assignment("export A = \"b c\" "), Some(("A", "b c")));
        assert_eq!(
            [assignment("# A=b"), assignment("A"), assignment("A='b")],
            [None, None, Some(("A", "'b"))]
        );
    }
}
