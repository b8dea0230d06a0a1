//! The official SDKs of OpenAI, Anthropic, Google and Vercel, which know nothing of us.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use switchboard_e2e::{families, languages, world};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A variable of the environment, or where `make sdks` leaves what it would name.
fn or_private(name: &str, private: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| repository().join(".tools").join(private).into())
}

async fn run(program: &str, arguments: &[&str], file: &str) {
    let world = world();
    run_with(program, arguments, file, &world.stack.base(), world.key().await, &world.provider.base());
}

pub(crate) fn run_with(program: &str, arguments: &[&str], file: &str, base: &str, key: &str, provider: &str) {
    let output = Command::new(program)
        .args(arguments)
        .arg(repository().join("tests/sdk").join(file))
        .env("PYTHONPATH", or_private("PYTHONPATH", "python"))
        .env("NODE_PATH", or_private("NODE_PATH", "node/node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BASE_URL", format!("{base}/v1"))
        .env("API_KEY", key)
        .env("PROVIDER_URL", provider)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; run `make sdks`"));
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\nIf the SDK is missing, run `make sdks`.");
}

#[tokio::test]
async fn the_sdk_for_python_is_content() {
    run("python3", &[], "python/chat.py").await;
}

#[tokio::test]
async fn the_sdk_for_python_is_content_with_every_dialect() {
    let all = languages();
    let file = "python/dialects.py";
    run_with("python3", &[], file, &all.stack.base(), all.key().await, &all.provider.base());
}

#[tokio::test]
async fn the_sdk_for_node_is_content() {
    run("node", &["--test"], "node/chat.cjs").await;
}

/// Runs a script in front of every kind of provider.
async fn run_with_all(program: &str, arguments: &[&str], file: &str) {
    let all = families();
    run_with(program, arguments, file, &all.stack.base(), all.key().await, &all.provider.base());
}

#[tokio::test]
async fn the_responses_of_the_sdk_for_python_work_with_every_provider() {
    run_with_all("python3", &[], "python/responses_api.py").await;
}

#[tokio::test]
async fn the_responses_of_the_sdk_for_node_work_with_every_provider() {
    run_with_all("node", &["--test"], "node/responses.cjs").await;
}

#[tokio::test]
async fn what_a_provider_keeps_of_responses_is_there_for_the_sdk_for_python() {
    run_with_all("python3", &[], "python/native_responses.py").await;
}

#[tokio::test]
async fn the_agents_sdk_works_with_every_provider() {
    run_with_all("python3", &[], "python/agents_sdk.py").await;
}

#[tokio::test]
async fn anthropics_sdk_for_python_works_with_every_provider() {
    run_with_all("python3", &[], "python/messages.py").await;
}

#[tokio::test]
async fn anthropics_sdk_for_node_works_with_every_provider() {
    run_with_all("node", &["--test"], "node/messages.cjs").await;
}

#[tokio::test]
async fn googles_sdk_for_python_works_with_every_provider() {
    run_with_all("python3", &[], "python/gemini.py").await;
}

#[tokio::test]
async fn googles_sdk_for_node_works_with_every_provider() {
    run_with_all("node", &["--test"], "node/gemini.cjs").await;
}

#[tokio::test]
async fn the_ai_sdk_works_with_every_provider() {
    run_with_all("node", &["--test"], "node/ai.cjs").await;
}
