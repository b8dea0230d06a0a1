//! The table of vendors and the house of dialects: a new row or file fails here until all that belongs to it is there.

mod fixtures;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use fixtures::{Case, Kind, RICH, cases, dialects, speak_alike, speakers};
use switchboard::openai::Operation;
use switchboard::providers::{Auth, OWNED_HEADERS, PROVIDERS, Provider, find, names};

/// Names that are words of the code, too: the client's language, `LiteLLM`'s `mock_response`, a field of an answer.
const OWN_WORDS: &[&str] = &["openai", "mock", "meta"];

/// The answer and the stream that have everything in them that the language can say.
const FULL: &str = "full";

/// The head of the table in `docs/providers.md`.
const TABLE_HEAD: &str = "\
| name | dialect | operations | default `api_base` | credential | sent as |
|---|---|---|---|---|---|";

#[test]
fn every_row_is_reached_by_its_name_and_every_dialect_by_a_row_of_its_own() {
    for row in PROVIDERS {
        let found = find(row.name).expect(row.name);
        assert!(std::ptr::eq(found, row), "{} stands twice", row.name);
        assert!(
            dialects().iter().any(|own| own.name == row.dialect.name()),
            "{} speaks {}, which has no row of that name: its fixtures are not read",
            row.name,
            row.dialect.name()
        );
    }
    let sorted: BTreeSet<&str> = names().collect();
    assert!(names().eq(sorted), "rows stand in the order of their names");
}

#[test]
fn the_documented_table_is_that_of_the_rows() {
    let file = repository().join("docs/providers.md");
    let page = fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once(TABLE_HEAD).expect("docs/providers.md has the table's head");
    let end = rest.find("\n\n").expect("a blank line follows the table");
    let mut table = String::from("\n");
    for row in PROVIDERS {
        let shown = |fact: &str| if fact.is_empty() { String::new() } else { format!("`{fact}`") };
        let base = [shown(row.base_env), shown(row.base)].into_iter().filter(|fact| !fact.is_empty());
        let base: Vec<String> = base.collect();
        let keys: Vec<String> =
            [row.key_env].iter().chain(row.other_key_envs).map(|name| shown(name)).collect();
        let auth = match row.auth {
            Auth::Bearer => "`authorization: Bearer`".to_owned(),
            Auth::BearerIfAny => "`authorization: Bearer`, if set".to_owned(),
            Auth::Header(name) => shown(name),
            Auth::HeaderOrToken { header, token } => format!("`{header}`, or `{token}` as a bearer token"),
            Auth::Aws { service } => format!("AWS API key, or a signature for `{service}`"),
            Auth::None => String::new(),
        };
        let mut operations: Vec<&str> =
            row.dialect.operations().iter().map(|operation| operation.mode()).collect();
        operations.dedup();
        let _ = writeln!(
            table,
            "| `{}` | `{}` | {} | {} | {} | {auth} |",
            row.name,
            row.dialect.name(),
            operations.join(", "),
            base.join(", or "),
            keys.join(", "),
        );
    }
    let right = format!("{before}{TABLE_HEAD}{}{}", table.trim_end_matches('\n'), &rest[end..]);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, right).unwrap();
    } else {
        assert!(page == right, "docs/providers.md differs from the rows; UPDATE=1 rewrites its table");
    }
}

#[test]
fn every_header_of_a_provider_is_taken_away_before_the_next_attempt() {
    for row in PROVIDERS {
        let auth = match row.auth {
            Auth::Header(name) | Auth::HeaderOrToken { header: name, .. } => name,
            _ => "authorization",
        };
        for name in row.headers.iter().map(|(name, _)| *name).chain([auth]) {
            assert!(OWNED_HEADERS.contains(&name), "{} sets {name}, which OWNED_HEADERS lacks", row.name);
        }
    }
    for case in cases(Kind::Request) {
        for line in case.translate().head.lines().filter(|line| !line.starts_with(':')) {
            let name = line.split_once(": ").unwrap().0;
            assert!(OWNED_HEADERS.contains(&name), "{} sets {name}, which OWNED_HEADERS lacks", case.path());
        }
    }
}

#[test]
fn every_base_is_one_that_paths_can_be_added_to() {
    for row in PROVIDERS {
        assert!(
            row.base.is_empty() || row.base.starts_with("http") && !row.base.ends_with('/'),
            "{}: {}",
            row.name,
            row.base
        );
    }
}

#[test]
fn every_dialect_has_the_fixtures_that_it_must_have() {
    let mut missing = Vec::new();
    for row in dialects() {
        let of = |kind: Kind| -> Vec<Case> {
            cases(kind).into_iter().filter(|case| case.provider.name == row.name).collect()
        };
        let mut need = |there: bool, what: &str| {
            if !there {
                missing.push(format!("{}: {what}", row.name));
            }
        };
        let requests = of(Kind::Request);
        // Forms have their own tests: tests/exchange/operations.rs.
        for operation in row.dialect.operations().into_iter().filter(|operation| !operation.is_form()) {
            let asked = requests.iter().any(|case| case.memo().operation == operation);
            need(asked, &format!("a request for {}", operation.route()));
        }
        if !is_called(row) {
            continue;
        }
        let chats = row.dialect.operations().contains(&Operation::Chat);
        let [answers, streams, errors] = [Kind::Response, Kind::Stream, Kind::Error].map(of);
        need(!answers.is_empty(), "an answer");
        need(errors.len() > 1, "errors");
        need(answers.iter().any(is_error), "an answer that cannot be read");
        if chats {
            need(requests.iter().any(|case| says(&case.input, "\"tools\"")), "a request with tools");
            need(answers.iter().any(calls), "an answer that calls a tool");
            need(streams.iter().any(calls), "a stream that calls a tool");
            need(streams.iter().any(is_error), "a stream with an error in it");
            let both = |stream: &&Case| answers.iter().any(|answer| answer.name == stream.name);
            need(streams.iter().any(|stream| both(&stream)), "a stream and an answer of the same name");
            need(answers.iter().any(|answer| answer.name == FULL), "the rich answer, `full`");
            need(streams.iter().any(|stream| stream.name == FULL), "the rich stream, `full`");
        }
    }
    assert!(missing.is_empty(), "fixtures are missing:\n{}", missing.join("\n"));
}

#[test]
fn every_way_of_speaking_has_translated_the_rich_request() {
    let all = cases(Kind::Request);
    let rich: Vec<&Case> = all.iter().filter(|case| case.name == RICH).collect();
    let mut missing = Vec::new();
    for row in speakers() {
        if !is_called(row) || !row.dialect.operations().contains(&Operation::Chat) {
            continue;
        }
        let at_home = |case: &&&Case| speak_alike(case.provider, row);
        match rich.iter().find(at_home) {
            None => missing.push(format!("{}: tests/golden/request/{}/rich.with.json", row.name, row.name)),
            // What it lacks is dropped, and nothing in it may be refused.
            Some(case) => assert!(!is_error(case), "{} refuses the rich request", row.name),
        }
    }
    assert!(missing.is_empty(), "the rich request is not translated:\n{}", missing.join("\n"));
}

#[test]
fn every_pitfall_and_every_behavior_is_shown_by_fixtures_and_tests_that_are_there() {
    let known: BTreeSet<String> = Kind::ALL.into_iter().flat_map(cases).map(|case| case.path()).collect();
    for (page, least) in [("docs/pitfalls.md", 50), ("docs/acceptance.md", 80)] {
        let content = fs::read_to_string(repository().join(page)).unwrap();
        let is_head = |line: &str| line.starts_with("| |") || line.starts_with("| behavior |");
        let rows: Vec<&str> =
            content.lines().filter(|line| line.starts_with("| ") && !is_head(line)).collect();
        assert!(rows.len() > least, "{page} has {} rows", rows.len());
        for row in rows {
            let shown = row.rsplit_once('|').unwrap().0.rsplit_once('|').unwrap().1;
            let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty(), "nothing shows it: {row}");
            for name in names {
                let found = match name.split_once("::") {
                    None => known.contains(name) || is_fixture(name),
                    Some((file, test)) => is_test(file, test),
                };
                assert!(found, "{page} names {name}, which is not there");
            }
        }
    }
}

/// Whether a fixture of clients' APIs has that name.
fn is_fixture(name: &str) -> bool {
    let path = repository().join("tests").join(format!("{name}.out.json"));
    name.starts_with("inbound/") && path.is_file()
}

/// Whether a file has that test. Tasks of clients are run only if they are in the file's table, too.
fn is_test(file: &str, test: &str) -> bool {
    let Ok(source) = fs::read_to_string(repository().join(file)) else { return false };
    if Path::new(file).extension().is_some_and(|extension| extension == "rs") {
        return source.contains(&format!("fn {test}("));
    }
    let is_run = || source.split_once("\nTASKS = [").is_some_and(|(_, tasks)| has_word(tasks, test));
    source.contains(&format!("def {test}(")) && (!file.starts_with("tests/clients/") || is_run())
}

/// Files with what rows and dialects have in common: messages of vendors, and headers that several vendors know.
const SHARED_BY_ROWS: [&str; 2] = ["src/wordings.rs", "src/dialect/provider.rs"];

/// Clients' formats that are a vendor's API, and the vendor.
const APIS_OF_CLIENTS: [(&str, &str); 2] = [("gemini", "gemini"), ("messages", "anthropic")];

#[test]
fn clients_apis_and_providers_dialects_do_not_know_each_other() {
    let names = |folder: &str, forbidden: &[&str]| -> Vec<String> {
        sources(&repository().join("src").join(folder))
            .into_iter()
            .filter_map(|file| {
                let source = fs::read_to_string(&file).unwrap();
                let found = forbidden.iter().find(|room| source.contains(&format!("crate::{room}")))?;
                Some(format!("{} uses {found}", file.display()))
            })
            .collect()
    };
    assert_eq!(names("inbound", &["dialects", "providers", "exchange"]), Vec::<String>::new());
    assert_eq!(names("dialects", &["inbound", "exchange"]), Vec::<String>::new());
    assert_eq!(names("facts", &["openai", "inbound", "dialects"]), Vec::<String>::new());
}

#[test]
fn a_vendor_is_named_in_its_row_and_its_dialect_only() {
    let mut named = Vec::new();
    for file in sources(&repository().join("src")) {
        let path = file.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
        let source = fs::read_to_string(&file).unwrap();
        let code = code_of(&source);
        for row in PROVIDERS.iter().filter(|row| !OWN_WORDS.contains(&row.name)) {
            // The id of a model holds the name of its house, which may be a vendor, too.
            // A client's API has the name of its vendor, too.
            let at_home = path.starts_with("src/providers/")
                || SHARED_BY_ROWS.contains(&path.as_str())
                || path.starts_with("src/inbound/")
                || path.ends_with("/models.rs")
                || APIS_OF_CLIENTS.iter().any(|(api, vendor)| {
                    row.name == *vendor && path.starts_with(&format!("src/inbound/{api}/"))
                })
                || path == format!("src/dialects/{}.rs", row.dialect.name())
                || path.starts_with(&format!("src/dialects/{}/", row.dialect.name()));
            if at_home {
                continue;
            }
            for (number, line) in &code {
                let is_door = ["src/dialects/mod.rs", "src/inbound/mod.rs"].contains(&path.as_str())
                    && (line.starts_with("mod ") || line.starts_with("pub use "));
                if !is_door && has_word(line, row.name) {
                    named.push(format!("{path}:{number}: {line}"));
                }
            }
        }
    }
    assert!(
        named.is_empty(),
        "what is special about a vendor belongs into its row or dialect:\n{}",
        named.join("\n")
    );
}

#[test]
fn the_search_for_names_finds_them_in_code_and_not_in_words_about_it() {
    let code = code_of(
        "// acme\nlet x = \"acme\"; // acme\nlet y = 1; // acme\nAcme::new();\n#[cfg(test)]\nmod tests { acme }\n",
    );
    let found: Vec<usize> =
        code.iter().filter(|(_, line)| has_word(line, "acme")).map(|(number, _)| *number).collect();
    assert_eq!(found, [2, 4]);
    assert!(!has_word("acmeist", "acme"));
}

/// Whether anybody is called: a mock answers by itself.
fn is_called(row: &Provider) -> bool {
    row.auth != Auth::None || !row.base.is_empty()
}

fn is_error(case: &Case) -> bool {
    says(&case.translate().body, "{\"error\":")
}

fn calls(case: &Case) -> bool {
    says(&case.translate().body, "\"tool_calls\"")
}

fn says(bytes: &[u8], words: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(words)
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

/// The numbered lines of a file without its comments and its tests, which stand at the end.
fn code_of(source: &str) -> Vec<(usize, &str)> {
    source
        .lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number, line.split(" // ").next().unwrap_or_default().trim_end()))
        .collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        !is_letter(line[..at].chars().next_back()) && !is_letter(line[at + word.len()..].chars().next())
    })
}
