//! `docs/configuration.md` is what the code says.

mod support;

use std::path::Path;

use support::plan;
use switchboard_compile::config::reference;

#[test]
fn the_reference_in_the_repository_is_that_of_the_settings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = reference::markdown();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/configuration.md is old; `UPDATE=1 cargo test -p switchboard-compile --test reference` writes it anew"
    );
}

/// The default in the line of a setting, which is the last word there.
fn default(section: &str, setting: &str) -> String {
    let page = reference::markdown();
    let (_, section) = page.split_once(&format!("\n## `{section}`\n")).unwrap();
    let line = section.lines().find(|line| line.starts_with(&format!("| `{setting}` |"))).unwrap();
    line.split(" | ").nth(2).unwrap().rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn the_defaults_in_the_reference_are_those_of_an_empty_file() {
    let plan = plan("model_list: []\n");
    let settings = &plan.document.settings;
    assert_eq!(plan.timeout.as_secs_f64().to_string(), default("router_settings", "timeout"));
    assert_eq!(plan.timeout.as_secs_f64().to_string(), default("litellm_settings", "request_timeout"));
    assert_eq!(plan.num_retries.to_string(), default("router_settings", "num_retries"));
    assert_eq!(plan.num_retries.to_string(), default("litellm_settings", "num_retries"));
    assert_eq!(settings.max_fallbacks.to_string(), default("router_settings", "max_fallbacks"));
    assert_eq!(settings.cooldown_s.to_string(), default("router_settings", "cooldown_time"));
    assert_eq!(plan.retry_after.as_secs_f64().to_string(), default("router_settings", "retry_after"));
    assert_eq!(plan.document.keys.grace_s.to_string(), default("general_settings", "user_api_key_cache_ttl"));
    assert_eq!((plan.body_limit >> 20).to_string(), default("general_settings", "max_request_size_mb"));
}

/// Every variable that a source names to the functions which read one stands on the page.
#[test]
fn every_variable_that_is_read_is_in_the_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = reference::markdown();
    let mut found = 0;
    for folder in ["cli/src", "compile/src", "keys/src"] {
        for file in sources(&root.join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for call in ["env::var(\"", "env::var_os(\"", "usual(\"", "env = \""] {
                for (at, _) in text.match_indices(call) {
                    let name = text[at + call.len()..].split('"').next().unwrap();
                    assert!(page.contains(&format!("| `{name}` |")), "{}: {name}", file.display());
                    found += 1;
                }
            }
        }
    }
    assert!(found >= 10, "only {found} were found");
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
