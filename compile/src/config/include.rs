//! `include`: settings from other files.

use std::collections::{BTreeSet, VecDeque};

use super::diagnostic::Report;
use super::table::{At, expected};
use super::yaml::{self, Key, Node, Value};

/// The key at the top of a file.
const INCLUDE: &str = "include";

/// Reads an included file, whose path is relative to the directory of `config.yaml`: its text, or why it cannot be read.
pub type Read<'a> = &'a mut dyn FnMut(&str) -> Result<String, String>;

/// Adds the settings of included files to those of `root`: lists are extended, everything else is replaced.
pub(super) fn include(mut root: Node, report: &Report, read: Read<'_>) -> Node {
    let Value::Map(entries) = &mut root.value else { return root };
    let (mut waiting, mut known) = (VecDeque::new(), BTreeSet::new());
    take(entries, report, &mut waiting);
    while let Some(path) = waiting.pop_front() {
        if !known.insert(path.value.clone()) {
            report.error(path.at, format!("{} is included twice", path.value), None);
            continue;
        }
        let text = match read(&path.value) {
            Ok(text) => text,
            Err(problem) => {
                let help = "paths are relative to the directory of config.yaml".to_owned();
                report.error(path.at, format!("cannot include {}: {problem}", path.value), Some(help));
                continue;
            }
        };
        let file = report.add_file(&path.value);
        let mut included = match yaml::parse_file(&text, file) {
            Ok(included) => included,
            Err((at, message)) => {
                report.error(at, format!("not valid YAML: {message}"), None);
                continue;
            }
        };
        match &mut included.value {
            Value::Null => {}
            Value::Map(more) => {
                // Paths in it are relative to the same directory.
                take(more, report, &mut waiting);
                more.drain(..).for_each(|entry| merge(entries, entry, report));
            }
            other => report.error(included.at, expected("", "a mapping", other), None),
        }
    }
    root
}

/// Moves the paths of `include` to those that wait.
fn take(entries: &mut Vec<(Key, Node)>, report: &Report, waiting: &mut VecDeque<At<String>>) {
    let Some(index) = entries.iter().position(|(key, _)| key.name == INCLUDE) else { return };
    let (_, node) = entries.remove(index);
    let items = match node.value {
        Value::Null => return,
        Value::List(items) => items,
        other => return report.error(node.at, expected(INCLUDE, "a list of file paths", &other), None),
    };
    for item in items {
        match item.value {
            Value::Text(value) => waiting.push_back(At { at: item.at, value }),
            other => report.error(item.at, expected(INCLUDE, "a list of file paths", &other), None),
        }
    }
}

fn merge(entries: &mut Vec<(Key, Node)>, (key, node): (Key, Node), report: &Report) {
    let Some((_, known)) = entries.iter_mut().find(|(known, _)| known.name == key.name) else {
        return entries.push((key, node));
    };
    match (&mut known.value, node.value) {
        (_, Value::Null) => {}
        (Value::List(items), Value::List(more)) => items.extend(more),
        (old, new) => {
            if !matches!(old, Value::Null) {
                let message = format!("{} replaces that of the file which includes this one", key.name);
                report.warning(key.at, message, Some("keep it in one of the files".to_owned()));
            }
            *known = Node { at: node.at, value: new };
        }
    }
}
