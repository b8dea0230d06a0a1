//! The commands in the README and in docs/deployment.md, run unchanged.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use switchboard_e2e::{Child, Setup, Stack, free_port, free_ports};

const README: &str = include_str!("../../../README.md");
const DEPLOYMENT: &str = include_str!("../../../docs/deployment.md");
const SHIPPED: &str = include_str!("../../../config.yaml");

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The block of the README that follows `<!-- run: name -->`.
fn block(name: &str) -> &'static str {
    block_of(README, name)
}

fn block_of(page: &'static str, name: &str) -> &'static str {
    let (_, after) = page.split_once(&format!("<!-- run: {name} -->\n")).expect("the block is on the page");
    let after = after.trim_start().strip_prefix("```").expect("a block follows");
    let (_, code) = after.split_once('\n').expect("a language");
    code.split_once("```").expect("an end").0
}

/// A folder that looks as the repository does after `make run`, and the stack that runs in it.
fn as_after_make_run() -> (tempfile::TempDir, Stack) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join(".switchboard");
    let stack = Setup::of_text(SHIPPED.to_owned()).without_master_key().data_dir(&data).start();
    std::fs::write(folder.path().join("config.yaml"), SHIPPED).expect("a file");
    std::fs::create_dir_all(folder.path().join("target")).expect("a folder");
    let release = switchboard_e2e::launcher().parent().expect("a folder").to_owned();
    std::os::unix::fs::symlink(release, folder.path().join("target/release")).expect("a link");
    (folder, stack)
}

/// Runs a block on that stack; gives what it prints.
fn run(folder: &Path, stack: &Stack, program: &[&str], code: &str) -> String {
    let code = code.replace("http://127.0.0.1:4000", &stack.base());
    let master = std::fs::read_to_string(folder.join(".switchboard/master_key")).expect("a master key");
    let python = std::env::var_os("PYTHONPATH").unwrap_or_else(|| repository().join(".tools/python").into());
    let output = Command::new(program[0])
        .args(&program[1..])
        .arg(code)
        .current_dir(folder)
        .env("MASTER_KEY", master.trim())
        .env("PYTHONPATH", python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program[0]));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).expect("text")
}

const SHELL: &[&str] = &["bash", "-euc"];

#[tokio::test]
async fn the_first_request_and_the_sdk_are_answered_by_the_demo_model() {
    let (folder, stack) = as_after_make_run();
    let answer = run(folder.path(), &stack, SHELL, block("first-request"));
    assert!(answer.contains("Hello from Switchboard!"), "{answer}");
    // Usage is reported within a sync period, and metrics follow it.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !run(folder.path(), &stack, SHELL, block("metrics")).contains("litellm_requests_metric_total{") {
        assert!(std::time::Instant::now() < deadline, "no metrics of the first request");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let streamed = run(folder.path(), &stack, &["python3", "-c"], block("sdk"));
    assert!(streamed.starts_with("Hello from Switchboard!"), "{streamed}");
}

#[tokio::test]
async fn a_key_is_made_and_works() {
    let (folder, stack) = as_after_make_run();
    let answer: serde_json::Value =
        serde_json::from_str(&run(folder.path(), &stack, SHELL, block("keys"))).expect("JSON");
    let key = answer["key"].as_str().expect("a key");
    let body = serde_json::json!({"model": "demo", "messages": [{"role": "user", "content": "Hi"}]});
    stack.client().post("/v1/chat/completions", &body).key(key).send().await.expect(200);

    // Prometheus' key of the compose file.
    let code = block_of(DEPLOYMENT, "metrics-key").replace("SWITCHBOARD_MASTER_KEY", "MASTER_KEY");
    run(folder.path(), &stack, SHELL, &code);
    let key = std::fs::read_to_string(folder.path().join("metrics.key")).expect("a key");
    stack.client().get("/metrics").key(&key).send().await.expect(200);
    stack.client().post("/v1/chat/completions", &body).key(&key).send().await.expect(403);
}

#[tokio::test]
async fn the_configuration_of_a_real_provider_checks_and_renders() {
    let (folder, stack) = as_after_make_run();
    std::fs::write(folder.path().join("config.yaml"), block("provider-config")).expect("a file");
    run(folder.path(), &stack, SHELL, block("check"));
    run(folder.path(), &stack, SHELL, block_of(DEPLOYMENT, "render"));
    assert!(folder.path().join("envoy-config/envoy.yaml").is_file());
}

#[tokio::test]
async fn make_run_starts_everything_and_ends_well() {
    let (port, admin, keys) = (free_port(), free_port(), free_ports(2));
    let data = tempfile::tempdir().expect("a folder");
    let arguments =
        format!("ARGS=--admin-port {admin} --keys-port {keys} --data-dir {}", data.path().display());
    let folder = repository().to_str().expect("text").to_owned();
    // A person's shell has none of the variables that Cargo gives to tests; with them a build script that looks at
    // them (ring's) would run anew, and everything above it.
    let cargos = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("CARGO_"));
    let cargos = cargos.filter(|name| !matches!(name.as_str(), "CARGO_HOME" | "CARGO_TARGET_DIR"));
    let mut make: Vec<String> = cargos.flat_map(|name| ["-u".to_owned(), name]).collect();
    // The programs of the tests instead of a build of their own.
    let programs = switchboard_e2e::launcher().parent().expect("a folder").display().to_string();
    let programs = format!("PROGRAMS={programs}");
    let port_is = format!("PORT={port}");
    make.extend(
        ["make", "-C", &folder, "--assume-old=native", "run", &programs, &port_is, &arguments]
            .map(str::to_owned),
    );
    let mut child = Child::start(Path::new("env"), &make, &[]);
    // `make test` has built the filter; who runs the tests without it waits for the build here.
    child.wait_for_line(&format!("ready http://127.0.0.1:{port}"), Duration::from_mins(15));
    child.signal(rustix::process::Signal::TERM);
    child.wait(Duration::from_secs(30));
}
