//! `docs/clients.md`: its code is run, or at least parsed, and what it says is not supported is asked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use http::Method;
use switchboard_e2e::world;

const PAGE: &str = include_str!("../../../docs/clients.md");

/// A block of code: the name in the comment before it, its language, and its text.
struct Block {
    name: Option<&'static str>,
    language: &'static str,
    code: &'static str,
}

fn blocks() -> Vec<Block> {
    let mut found = Vec::new();
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("```") {
        let (language, after) = after.split_once('\n').expect("a language");
        let (code, after) = after.split_once("```").expect("an end");
        let comment = before.trim_end().rsplit_once("<!-- run: ");
        let name =
            comment.and_then(|(_, name)| name.strip_suffix(" -->")).filter(|name| !name.contains('\n'));
        found.push(Block { name, language, code });
        rest = after;
    }
    assert!(found.len() > 15, "only {} blocks", found.len());
    found
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A variable of the environment, or where `make sdks` leaves what it would name.
fn or_private(name: &str, private: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| repository().join(".tools").join(private).into())
}

/// Runs a program; gives what it prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\nIf the SDK is missing, run `make sdks`.");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn what_the_page_shows_of_curl_and_of_the_official_sdks_works() {
    let world = world();
    let key = world.key().await;
    let folder = tempfile::tempdir().expect("a folder");
    // Modules do not look at NODE_PATH.
    let modules = or_private("NODE_PATH", "node/node_modules");
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).expect("a link");
    let mut count = 0;
    for block in blocks() {
        let code = block.code.replace("http://127.0.0.1:4000", &world.stack.base());
        let mut command = match block.name {
            Some("curl") => Command::new("bash"),
            Some("openai-python" | "openai-responses" | "anthropic" | "agents" | "google-genai") => {
                Command::new("python3")
            }
            Some(
                "openai-node" | "ai-sdk" | "ai-sdk-anthropic-google" | "anthropic-node" | "google-genai-node",
            ) => Command::new("node"),
            _ => continue,
        };
        let file = folder.path().join(if block.language == "js" { "block.mjs" } else { "block" });
        std::fs::write(&file, code).expect("a file");
        command.arg(&file).env("SWITCHBOARD_KEY", key).current_dir(folder.path());
        command.env("PYTHONPATH", or_private("PYTHONPATH", "python")).env("PYTHONDONTWRITEBYTECODE", "1");
        let told = run(&mut command);
        assert!(told.contains("Hello from the demo model."), "{:?}: {told}", block.name);
        count += 1;
    }
    assert_eq!(count, 11);
}

#[test]
fn every_other_block_of_the_page_parses() {
    let folder = tempfile::tempdir().expect("a folder");
    for Block { name, language, code } in blocks() {
        let file = folder.path().join(if language == "js" { "block.mjs" } else { "block" });
        std::fs::write(&file, code).expect("a file");
        let command = |program: &str, arguments: &[&str]| {
            run(Command::new(program).args(arguments).arg(&file).current_dir(folder.path()));
        };
        match language {
            "python" => command("python3", &["-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"]),
            "js" => command("node", &["--check"]),
            "sh" => command("bash", &["-n"]),
            "yaml" => {
                let read: Result<serde_json::Value, _> = serde_saphyr::from_str(code);
                read.unwrap_or_else(|error| panic!("{name:?}: {error}"));
            }
            "toml" => assert!(
                code.lines().all(|line| line.is_empty() || line.starts_with('[') || line.contains(" = ")),
                "{code}"
            ),
            "json" => drop(serde_json::from_str::<serde_json::Value>(code).expect("JSON")),
            "nginx" => assert_eq!(code.matches('{').count(), code.matches('}').count()),
            other => panic!("{other} is not checked"),
        }
    }
}

#[tokio::test]
async fn what_is_not_supported_is_answered_as_the_page_says() {
    let (_, list) = PAGE.split_once("## What is not supported").expect("the list");
    let rows: Vec<&str> = list.lines().filter(|line| line.contains("| `")).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, _, asked, said, _] = cells[..] else { panic!("{row}") };
        let (method, path) = asked.trim_matches('`').split_once(' ').expect("a method and a path");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let client = world().stack.client();
        let call = client.request(method, path).header("content-type", "application/json").body("{}");
        let error = call.key(world().key().await).send().await.expect(404).error();
        assert_eq!(error["type"], "not_found_error", "{row}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(said), "{row}: {message}");
    }
}
