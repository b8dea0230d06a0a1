//! Removes members by their paths, such as `tools[*].function.strict`.
//!
//! The syntax is that of `LiteLLM`'s `additional_drop_params`: names separated by dots (`\.` is a dot in a
//! name), `[*]` for every item of an array, `[2]` for one.

use super::{Object, Raw, Splice, read};

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
    EveryItem,
}

/// Removes the members at `path`. `None` if the source is not an object, or nothing matches.
pub fn without(source: &[u8], path: &str) -> Option<Vec<u8>> {
    let steps = steps(path)?;
    let object = Object::parse(source).ok()?;
    let mut splice = Splice::new(source);
    take_out(&object, &steps, &mut splice);
    (!splice.is_empty()).then(|| splice.write())
}

fn take_out(object: &Object<'_>, steps: &[Step], splice: &mut Splice<'_>) {
    let Some((Step::Member(name), rest)) = steps.split_first() else { return };
    for member in object.members().iter().filter(|member| member.is(name)) {
        if rest.is_empty() {
            splice.remove(member);
        } else {
            go_into(member.value, rest, splice);
        }
    }
}

fn go_into(value: Raw<'_>, steps: &[Step], splice: &mut Splice<'_>) {
    let items = || read::<Vec<Raw<'_>>>(value).unwrap_or_default();
    match steps.split_first() {
        Some((Step::Member(_), _)) => {
            if let Some(object) = Object::of(value) {
                take_out(&object, steps, splice);
            }
        }
        // Items themselves are not removed, because the indices of the others would change.
        Some((Step::EveryItem, rest)) => items().iter().for_each(|item| go_into(*item, rest, splice)),
        Some((Step::Item(at), rest)) => {
            if let Some(item) = items().get(*at) {
                go_into(*item, rest, splice);
            }
        }
        None => {}
    }
}

/// `None` for an invalid path.
fn steps(path: &str) -> Option<Vec<Step>> {
    /// Deeper than any request.
    const DEEPEST: usize = 20;
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() && steps.len() < DEEPEST {
        if let Some(inside) = rest.strip_prefix('[') {
            let (index, after) = inside.split_once(']')?;
            steps.push(if index == "*" { Step::EveryItem } else { Step::Item(index.parse().ok()?) });
            rest = after.strip_prefix('.').unwrap_or(after);
            continue;
        }
        let mut name = String::new();
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if rest.get(at + 1..).is_some_and(|after| after.starts_with('.')) => {
                    name.push('.');
                    chars.next();
                }
                '.' | '[' => {
                    end = at;
                    break;
                }
                c => name.push(c),
            }
        }
        steps.push(Step::Member(name));
        let after = rest.get(end..).unwrap_or_default();
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    rest.is_empty().then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"model":"m","tools":[{"type":"function","function":{"name":"f","strict":true}},
        {"function":{"strict":false,"x.y":1}},7],"a":{"b":{"c":1}}}"#;

    fn after(path: &str) -> Option<String> {
        without(BODY.as_bytes(), path).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_path_takes_a_member_out_wherever_it_leads() {
        let all = after("tools[*].function.strict").unwrap();
        assert!(!all.contains("strict") && all.contains(r#"{"name":"f"}"#), "{all}");
        let one = after("tools[1].function.strict").unwrap();
        assert!(one.contains(r#""strict":true"#) && !one.contains(r#""strict":false"#), "{one}");
        assert!(after("a.b.c").unwrap().ends_with(r#""a":{"b":{}}}"#));
        assert!(!after("tools[1].function.x\\.y").unwrap().contains("x.y"));
        assert!(!after("tools").unwrap().contains("tools"));
    }

    #[test]
    fn a_path_that_leads_nowhere_changes_nothing() {
        for path in
            ["", "b", "tools[9].function", "tools[*]", "tools[x]", "tools[", "a.b.c.d", "tools.function"]
        {
            assert_eq!(after(path), None, "{path}");
        }
        assert_eq!(without(b"[1]", "a"), None);
    }
}
