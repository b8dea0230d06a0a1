//! `scripts/optimize-filter` takes callbacks out of the module that the filter leaves to the SDK. Who implements one of
//! them must put it back, or Envoy never calls it.

use std::fs;
use std::path::{Path, PathBuf};

/// An export, and what the methods of the SDK's traits that it calls begin with.
const METHODS: &[(&str, &str)] = &[
    ("done", "on_done"),
    ("foreign_function", "on_foreign_function"),
    ("response_trailers", "on_http_response_trailers"),
    ("new_connection", "on_new_connection"),
    ("downstream_data", "on_downstream_data"),
    ("downstream_connection_close", "on_downstream_close"),
    ("upstream_data", "on_upstream_data"),
    ("upstream_connection_close", "on_upstream_close"),
    ("grpc_close", "on_grpc"),
    ("grpc_receive", "on_grpc"),
    ("grpc_receive_initial_metadata", "on_grpc"),
    ("grpc_receive_trailing_metadata", "on_grpc"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn unused() -> Vec<String> {
    let script = fs::read_to_string(root().join("scripts/optimize-filter")).unwrap();
    let (_, list) = script.split_once("unused=\"").expect("the list of unused callbacks");
    let (list, _) = list.split_once('"').unwrap();
    list.split_whitespace().map(str::to_owned).collect()
}

/// The files in a directory and in those in it.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn no_callback_is_taken_away_that_the_filter_implements() {
    let unused = unused();
    assert!(!unused.is_empty());
    for callback in unused {
        let Some((_, method)) = METHODS.iter().find(|(export, _)| *export == callback) else {
            panic!("which method does proxy_on_{callback} call?");
        };
        for path in files(&root().join("src/filter")) {
            let source = fs::read_to_string(&path).unwrap();
            assert!(
                !source.contains(&format!("fn {method}")),
                "{} has {method}: take {callback} off the list in scripts/optimize-filter",
                path.display()
            );
        }
    }
}
