//! The header `content-disposition` of a part of a form (RFC 7578, section 4.2).

/// The name of a part, and whether it is a file; `None` if its headers do not say that, or say it twice.
pub(super) fn disposition(headers: &str) -> Option<(String, bool)> {
    let (mut name, mut is_file, mut is_found) = (None, false, false);
    for header in headers.split("\r\n") {
        // A folded line, or a line break that some parsers do not see.
        if header.starts_with([' ', '\t']) || header.contains(['\r', '\n']) {
            return None;
        }
        let (key, value) = header.split_once(':')?;
        if !key.trim().eq_ignore_ascii_case("content-disposition") {
            continue;
        }
        if core::mem::replace(&mut is_found, true) {
            return None;
        }
        for (key, value) in parameters(value)? {
            match &*key.to_ascii_lowercase() {
                "name" if name.is_none() => name = Some(value),
                "filename" | "filename*" => is_file = true,
                _ => return None,
            }
        }
    }
    Some((name?, is_file))
}

/// The parameters of a header's value (RFC 6266), without their quotes and escapes.
fn parameters(value: &str) -> Option<Vec<(&str, String)>> {
    let mut found = Vec::new();
    let mut rest = value.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (text, next) = if let Some(quoted) = after.trim_start().strip_prefix('"') {
            let mut text = String::new();
            let mut chars = quoted.char_indices();
            let end = loop {
                match chars.next()? {
                    (at, '"') => break at,
                    (_, '\\') => text.push(chars.next()?.1),
                    (_, other) => text.push(other),
                }
            };
            (text, quoted.get(end + 1..)?)
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after.get(..end)?.trim().to_owned(), after.get(end..)?)
        };
        found.push((key.trim(), text));
        match next.trim() {
            "" => return Some(found),
            more => rest = more.strip_prefix(';')?,
        }
    }
}
