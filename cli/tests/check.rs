//! `switchboard check`: what it prints, and its exit status.

use std::process::{Command, Output};

fn check(file: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.yaml"), file).unwrap();
    Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["check", "--config", "config.yaml"])
        .current_dir(folder.path())
        .output()
        .unwrap()
}

#[test]
fn check_exits_with_two_and_tells_the_line_when_there_is_a_mistake() {
    let output = check("model_list:\n- model_name: m\n  litellm_params: {model: opnai/m, api_key: k}\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .starts_with("config.yaml:3:27: error: unknown provider 'opnai'")
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn check_exits_with_zero_when_there_are_only_warnings() {
    let output = check(
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k}\nguardrails: []\n",
    );
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("guardrails is not supported"));
    // An OpenAI model that nobody knows: what it costs, only an answer can tell.
    assert!(
        told.contains("config.yaml:3:27: warning: model_list[0]: no price found for openai/m: "),
        "{told}"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "config.yaml is valid: models: 1, deployments: 1\n");
}

#[test]
fn check_exits_with_two_when_there_is_no_file() {
    let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["check", "--config", "/nowhere/config.yaml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .starts_with("/nowhere/config.yaml: error: cannot read the file")
    );
}
