//! Tools that come and go in the middle of a conversation (`tool_addition`, `tool_removal`). Other providers have one list of
//! tools for a whole request: what is left at the end.

use super::content::Turn;
use crate::json::{JsonStr, Object, Raw, Text, fields, read};

struct Change<'a> {
    kind: Text<'a>,
    tool: Option<Changed<'a>>,
    tool_changes: Option<Raw<'a>>,
}
fields!(Change<'a> { kind = "type", tool, tool_changes });

struct Changed<'a> {
    name: Option<JsonStr<'a>>,
    definition: Option<Raw<'a>>,
}
fields!(Changed<'a> { name, definition });

/// What a change looks like in the text of a message.
const MARK: &[u8] = b"tool_";

/// The tools after all changes.
pub(super) fn in_effect<'a>(tools: &[Raw<'a>], turns: &[Turn<'a>]) -> Vec<Raw<'a>> {
    let mut known = tools.to_vec();
    let mut left = tools.to_vec();
    for content in turns.iter().filter_map(|turn| turn.content) {
        if memchr::memmem::find(content.get().as_bytes(), MARK).is_some() {
            change(content, &mut known, &mut left);
        }
    }
    left
}

fn change<'a>(blocks: Raw<'a>, known: &mut Vec<Raw<'a>>, left: &mut Vec<Raw<'a>>) {
    for raw in read::<Vec<Raw<'a>>>(blocks).unwrap_or_default() {
        let Ok(change) = read::<Change<'a>>(raw) else { continue };
        match (&*change.kind, &change.tool) {
            // A compaction repeats the changes that it stands for.
            ("compaction", _) => {
                if let Some(changes) = change.tool_changes {
                    self::change(changes, known, left);
                }
            }
            ("tool_addition", Some(tool)) => {
                let defined = tool.definition;
                known.extend(defined);
                let named = || known.iter().copied().rfind(|known| name_of(*known) == name(tool.name));
                if let Some(added) = defined.or_else(named) {
                    left.retain(|tool| name_of(*tool) != name_of(added));
                    left.push(added);
                }
            }
            ("tool_removal", Some(tool)) => left.retain(|known| name_of(*known) != name(tool.name)),
            _ => {}
        }
    }
}

fn name_of(tool: Raw<'_>) -> Option<String> {
    name(Object::of(tool).and_then(|tool| JsonStr::of(tool.get("name")?)))
}

fn name(name: Option<JsonStr<'_>>) -> Option<String> {
    Some(name?.decode()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(turns: &str) -> String {
        let tools = [r#"{"name":"a","x":1}"#, r#"{"name":"b"}"#].map(|tool| Raw::parse(tool).unwrap());
        let turns: Vec<Turn<'_>> = read(turns).unwrap();
        in_effect(&tools, &turns).iter().map(|tool| tool.get()).collect::<Vec<_>>().join(" ")
    }

    fn turn(kind: &str, tool: &str) -> String {
        format!(r#"{{"role":"system","content":[{{"type":"{kind}","tool":{tool}}}]}}"#)
    }

    #[test]
    fn a_definition_joins_and_a_removed_tool_leaves_until_it_is_added_again() {
        let (a, b) = (r#"{"name":"a","x":1}"#, r#"{"name":"b"}"#);
        let reference = |name: &str| format!(r#"{{"type":"tool_reference","name":"{name}"}}"#);
        let definition = |tool: &str| format!(r#"{{"type":"tool_definition","definition":{tool}}}"#);
        let (remove, add) = (turn("tool_removal", &reference("a")), turn("tool_addition", &reference("a")));
        let c = r#"{"name":"c","input_schema":{}}"#;
        let define = turn("tool_addition", &definition(c));
        let anew = r#"{"name":"a","x":2}"#;
        let redefine = turn("tool_addition", &definition(anew));
        for (turns, expected) in [
            (String::new(), format!("{a} {b}")),
            (r#"{"role":"user","content":"tool_removal of a"}"#.to_owned(), format!("{a} {b}")),
            (remove.clone(), b.to_owned()),
            (format!("{remove},{add}"), format!("{b} {a}")),
            (define.clone(), format!("{a} {b} {c}")),
            (format!("{define},{}", turn("tool_removal", &reference("c"))), format!("{a} {b}")),
            (format!("{redefine},{remove},{add}"), format!("{b} {anew}")),
            (turn("tool_addition", &reference("unknown")), format!("{a} {b}")),
        ] {
            assert_eq!(left(&format!("[{turns}]")), expected, "{turns}");
        }
        let compaction = format!(
            r#"[{{"role":"assistant","content":[{{"type":"compaction","content":"x","tool_changes":[{{"type":"tool_removal","tool":{}}}]}}]}}]"#,
            reference("b")
        );
        assert_eq!(left(&compaction), a);
    }
}
