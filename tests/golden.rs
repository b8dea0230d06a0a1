//! Every fixture gives its bytes. `UPDATE=1` rewrites them; review the difference.

mod fixtures;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fixtures::{Kind, cases, rich, root};

#[test]
fn requests_give_their_bytes() {
    check(Kind::Request);
}

#[test]
fn responses_give_their_bytes() {
    check(Kind::Response);
}

#[test]
fn streams_give_their_bytes() {
    check(Kind::Stream);
}

#[test]
fn errors_give_their_bytes() {
    check(Kind::Error);
}

#[test]
fn what_openai_says_is_the_same_by_way_of_any_server() {
    for case in [Kind::Response, Kind::Stream].into_iter().flat_map(cases) {
        // One that has no id is not OpenAI's, and gets one.
        let has_id = String::from_utf8_lossy(&case.input).contains("\"id\"");
        if case.provider.name == "openai" && has_id {
            let elsewhere = case.at("http://127.0.0.1:8000/v1").translate();
            let (here, there) = (case.translate().body, elsewhere.body);
            assert_eq!(String::from_utf8_lossy(&here), String::from_utf8_lossy(&there), "{}", case.path());
        }
    }
}

#[test]
fn no_file_is_left_over() {
    let mut expected = BTreeSet::new();
    for kind in Kind::ALL {
        for case in cases(kind) {
            let outcome = case.translate();
            expected.insert(body_file(&case.folder, &case.name, &outcome.body));
            if !outcome.head.is_empty() {
                expected.insert(head_file(&case.folder, &case.name));
            }
            for file in files(&case.folder) {
                let name = file.file_name().unwrap().to_str().unwrap();
                if name.starts_with(&format!("{}.in.", case.name))
                    || *name == format!("{}.with.json", case.name)
                {
                    expected.insert(file);
                }
            }
        }
    }
    expected.extend([root().join("README.md"), rich()]);
    let left_over: Vec<PathBuf> =
        files(&root()).into_iter().filter(|file| !expected.contains(file)).collect();
    assert!(left_over.is_empty(), "nothing reads or writes these: {left_over:#?}");
}

fn check(kind: Kind) {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases(kind) {
        count += 1;
        let outcome = case.translate();
        let mut compare = |file: &Path, bytes: &[u8]| {
            if update {
                fs::write(file, bytes).unwrap();
            } else if fs::read(file).ok().as_deref() != Some(bytes) {
                wrong.push(format!("{}\n  gives {}", file.display(), String::from_utf8_lossy(bytes)));
            }
        };
        compare(&body_file(&case.folder, &case.name, &outcome.body), &outcome.body);
        if !outcome.head.is_empty() {
            compare(&head_file(&case.folder, &case.name), outcome.head.as_bytes());
        }
    }
    assert!(count > 0, "there is no fixture");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ; UPDATE=1 rewrites them:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn body_file(folder: &Path, name: &str, body: &[u8]) -> PathBuf {
    let extension = if body.starts_with(b"data: ") { "sse" } else { "json" };
    folder.join(format!("{name}.out.{extension}"))
}

fn head_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.out.head"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
