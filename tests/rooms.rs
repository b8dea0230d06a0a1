//! Rooms, which are the modules at the top of a crate: none uses one that uses it. For those of the filter also: the
//! documentation says what each of them uses, and only some name a host.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Crates and interfaces of hosts.
const HOSTS: [&str; 4] = ["proxy_wasm", "hostcalls", "coarsetime", "envoy_dynamic_module"];

/// Crates whose rooms are free of circles. In the module, Envoy enters by the C interface, which calls the rooms above it.
const CRATES: [(&str, &str); 5] =
    [("src", ""), ("compile/src", ""), ("cli/src", ""), ("keys/src", ""), ("module/src", "abi")];

/// The head of the table in `docs/ARCHITECTURE.md`.
const TABLE_HEAD: &str = "\
| module | uses |
|---|---|";

/// What a room uses, and in which files.
type Uses = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_room_uses_one_that_uses_it() {
    for (folder, entrance) in CRATES {
        let mut rooms = rooms(folder);
        assert!(rooms.len() > 2, "{folder} has {} rooms", rooms.len());
        if let Some(uses) = rooms.get_mut(entrance) {
            uses.clear();
        }
        let mut done = BTreeSet::new();
        for room in rooms.keys() {
            if let Some(circle) = circle(&rooms, room, &mut Vec::new(), &mut done) {
                panic!("rooms in {folder} use each other: {circle}");
            }
        }
    }
}

#[test]
fn the_search_for_circles_finds_them() {
    let uses = |rooms: &[(&str, &str)]| -> BTreeMap<String, Uses> {
        let mut all: BTreeMap<String, Uses> = BTreeMap::new();
        for (room, used) in rooms {
            all.entry((*used).to_owned()).or_default();
            let files = all.entry((*room).to_owned()).or_default();
            files.entry((*used).to_owned()).or_default().insert(format!("{room}.rs"));
        }
        all
    };
    let found = |rooms: &BTreeMap<String, Uses>| {
        let mut done = BTreeSet::new();
        rooms.keys().find_map(|room| circle(rooms, room, &mut Vec::new(), &mut done))
    };
    assert_eq!(found(&uses(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let circle = found(&uses(&[("a", "b"), ("b", "c"), ("c", "b")])).unwrap();
    assert_eq!(circle, "b → c (b.rs) → b (c.rs)");
    let code = "use crate::{facts::Usage, json};\nlet x = crate::uri::encode(y); // crate::key\n#[cfg(test)]\nmod tests { use crate::table; }\n";
    assert_eq!(used(code), ["facts", "json", "uri"].map(str::to_owned).into());
}

#[test]
fn only_hosts_name_a_host() {
    let mut named = Vec::new();
    for file in sources(&repository().join("src")) {
        let path = file.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
        let source = fs::read_to_string(&file).unwrap();
        for host in HOSTS.iter().filter(|host| code_of(&source).contains(**host)) {
            if !path.starts_with("src/hosts/") {
                named.push(format!("{path} names {host}"));
            }
        }
    }
    assert_eq!(named, Vec::<String>::new());
}

#[test]
fn the_documented_table_is_what_the_rooms_use() {
    let rooms = rooms("src");
    let mut table = String::from("\n");
    let mut order: Vec<&String> = rooms.keys().collect();
    order.sort_by_key(|room| (depth(&rooms, room), (*room).clone()));
    for room in order {
        let used: Vec<String> = rooms[room].keys().map(|used| format!("`{used}`")).collect();
        writeln!(table, "| `{room}` | {} |", used.join(", ")).unwrap();
    }
    let file = repository().join("docs/ARCHITECTURE.md");
    let page = fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once(TABLE_HEAD).expect("docs/ARCHITECTURE.md has the table's head");
    let (old, after) = rest.split_at(rest.find("\n\n").expect("a blank line follows the table"));
    if old.trim() == table.trim() {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, [before, TABLE_HEAD, table.trim_end(), after].concat()).unwrap();
        return;
    }
    panic!("docs/ARCHITECTURE.md is out of date; run: UPDATE=1 cargo test --test rooms\n{table}");
}

#[test]
fn every_room_is_on_the_map() {
    let map = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let map: Vec<&str> = map.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let words: BTreeSet<&str> =
        map.iter().flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
    let missing: Vec<String> =
        rooms("src").into_keys().filter(|room| !words.contains(room.as_str())).collect();
    assert_eq!(missing, Vec::<String>::new(), "src/lib.rs has a map");
}

/// The first circle that is reached from a room, as a path.
fn circle(
    rooms: &BTreeMap<String, Uses>,
    room: &str,
    path: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<String> {
    if let Some(at) = path.iter().position(|other| other == room) {
        let mut told = path[at].clone();
        for (from, to) in path[at..].iter().zip(path[at + 1..].iter().map(String::as_str).chain([room])) {
            let files: Vec<&str> = rooms[from][to].iter().map(String::as_str).collect();
            write!(told, " → {to} ({})", files.join(", ")).unwrap();
        }
        return Some(told);
    }
    if done.contains(room) {
        return None;
    }
    path.push(room.to_owned());
    let found = rooms[room].keys().find_map(|used| circle(rooms, used, path, done));
    path.pop();
    done.insert(room.to_owned());
    found
}

/// How many rooms are below a room, one under the other.
fn depth(rooms: &BTreeMap<String, Uses>, room: &str) -> usize {
    rooms[room].keys().map(|used| depth(rooms, used) + 1).max().unwrap_or_default()
}

fn rooms(folder: &str) -> BTreeMap<String, Uses> {
    let folder = repository().join(folder);
    let mut rooms: BTreeMap<String, Uses> = BTreeMap::new();
    let for_tests: BTreeSet<PathBuf> = sources(&folder).iter().flat_map(|file| for_tests(file)).collect();
    for file in sources(&folder) {
        let path = file.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        let room = path.split('/').next().unwrap().trim_end_matches(".rs");
        if matches!(room, "lib" | "main") || for_tests.contains(&file) {
            continue;
        }
        let uses = rooms.entry(room.to_owned()).or_default();
        for used in used(&fs::read_to_string(&file).unwrap()).into_iter().filter(|used| used != room) {
            uses.entry(used).or_default().insert(path.clone());
        }
    }
    let known: BTreeSet<String> = rooms.keys().cloned().collect();
    for uses in rooms.values_mut() {
        uses.retain(|used, _| known.contains(used));
    }
    rooms
}

/// The files that a module has for tests only.
fn for_tests(module: &Path) -> Vec<PathBuf> {
    let source = fs::read_to_string(module).unwrap();
    let after = source.split("#[cfg(test)]\n").skip(1).filter_map(|rest| rest.lines().next());
    let names = after.filter_map(|line| line.strip_suffix(';')?.rsplit("mod ").next());
    names.map(|name| module.with_file_name(format!("{name}.rs"))).collect()
}

/// The first names of all paths that begin with `crate::`.
fn used(source: &str) -> BTreeSet<String> {
    let code = code_of(source);
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let listed = rest.strip_prefix('{').map(top_level);
        for path in listed.unwrap_or_else(|| vec![rest]) {
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
            found.insert(path[..end].to_owned());
        }
    }
    found
}

/// The paths of a list, up to its closing brace.
fn top_level(list: &str) -> Vec<&str> {
    let (mut paths, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                paths.push(list[start..at].trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                paths.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    paths
}

/// A file without its comments and its tests, which are at the end.
fn code_of(source: &str) -> String {
    let end = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
    let lines = source[..end].lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
