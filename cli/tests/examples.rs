//! Configurations in the manner of `LiteLLM`'s documentation start: what cannot be served is a warning with its line, and
//! the rest is served.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::compiled_with;
use switchboard::price_map::PriceMap;
use switchboard_compile::config::{Report, Severity, parse};
use switchboard_compile::plan::{Environment, compile};

/// The keys that their authors have.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("OPENAI_API_KEY", "sk-1"),
    ("ANTHROPIC_API_KEY", "sk-2"),
    ("GEMINI_API_KEY", "sk-3"),
    ("AZURE_API_BASE", "https://example.openai.azure.com"),
    ("AZURE_API_KEY", "sk-4"),
    ("CUSTOM_AWS_REGION_NAME", "eu-central-1"),
    ("VERTEXAI_LOCATION", "europe-west1"),
    ("VERTEXAI_PROJECT", "my-project"),
    ("LITELLM_MASTER_KEY", "sk-a-long-master-key-of-the-examples"),
];

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 13, "{files:?}");
    files
}

#[test]
fn an_example_serves_what_can_be_served_and_warns_of_the_rest_by_line() {
    for file in examples() {
        let (name, text) = (file.display(), fs::read_to_string(&file).unwrap());
        let (plan, diagnostics) = compiled_with(&text, ENVIRONMENT);
        for diagnostic in &diagnostics {
            assert_eq!(diagnostic.severity, Severity::Warning, "{name}: {diagnostic}");
            assert!(diagnostic.at.is_some(), "{name}: {diagnostic}");
        }
        let groups = plan.unwrap().document.groups;
        let served = groups.iter().filter(|group| group.unserved.is_none() && group.part_of.is_none());
        let served: Vec<&str> = served.map(switchboard::config::Group::public_name).collect();
        let told = text.lines().find_map(|line| line.strip_prefix("# serves: ")).unwrap();
        assert_eq!(served.join(", "), told, "{name}");
    }
}

#[test]
fn check_takes_every_example() {
    for file in examples() {
        let mut check = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        let output = check
            .args(["check", "--config"])
            .arg(&file)
            .env_clear()
            .envs(ENVIRONMENT.iter().copied())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_is_not_served_is_known_by_name_and_says_why() {
    let text =
        fs::read_to_string(examples().iter().find(|file| file.ends_with("unserved-providers.yaml")).unwrap())
            .unwrap();
    let (plan, diagnostics) = compiled_with(&text, ENVIRONMENT);
    let groups = plan.unwrap().document.groups;
    let why = |name: &str| groups.iter().find(|group| group.name == name).unwrap().unserved.clone();
    assert_eq!(why("picture").as_deref(), Some("provider 'replicate' is not supported"));
    assert_eq!(why("nameless").as_deref(), Some("model 'some-model' does not name a provider"));
    assert!(why("nowhere").unwrap().contains("api_base is missing"));
    assert_eq!(why("chat"), None);
    let lines: Vec<u64> = diagnostics.iter().filter_map(|told| Some(told.at?.line)).collect();
    for line in [6, 8, 10, 12, 14] {
        assert!(lines.contains(&line), "nothing is told of line {line}");
    }
}

#[test]
fn routes_in_a_models_name_say_what_they_say_to_litellm() {
    let text = |name: &str| {
        fs::read_to_string(examples().iter().find(|file| file.ends_with(name)).unwrap()).unwrap()
    };
    let deployment = |file: &str, group: &str| {
        let deployments = compiled_with(&text(file), ENVIRONMENT).0.unwrap().document.deployments;
        deployments.into_iter().find(|deployment| deployment.group == group).unwrap()
    };
    let option = |file: &str, group: &str, name: &str| {
        let options = deployment(file, group).options;
        options.into_iter().find(|(option, _)| option == name).map(|(_, value)| value)
    };
    let azure = "azure-and-openai.yaml";
    assert_eq!(deployment(azure, "reasoner").model, "my-reasoner");
    assert_eq!(option(azure, "reasoner", "base_model").as_deref(), Some("o1"));
    assert_eq!(deployment(azure, "newest").model, "my-newest");
    assert_eq!(option(azure, "newest", "base_model").as_deref(), Some("gpt-5"));
    assert_eq!(deployment(azure, "foundry").api_base, "https://example.services.ai.azure.com");
    let nova = deployment("clouds.yaml", "nova");
    assert_eq!(nova.model, "us.amazon.nova-pro-v1:0");
    assert_eq!(nova.api_base, "https://bedrock-runtime.us-west-2.amazonaws.com");
    assert_eq!(option("clouds.yaml", "nova", "aws_region_name").as_deref(), Some("us-west-2"));
    assert_eq!(deployment("clouds.yaml", "gemini").provider, "vertex_ai");
}

#[test]
fn what_a_model_can_do_comes_from_model_info_and_from_the_price_map() {
    let text = "model_list:\n- model_name: m\n  litellm_params: {model: openai/mine, api_key: k}\n  \
                model_info: {supports_vision: true}\n";
    let report = Report::new("config.yaml");
    let config = parse(text, &report).unwrap();
    let mut prices = PriceMap::built_in();
    prices.extend(
        PriceMap::parse(
            br#"{"mine": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 9, "max_tokens": 7,
                "supports_reasoning": true, "supports_vision": false}}"#,
        )
        .unwrap(),
    );
    let plan = compile(&config, &Environment::new(&[], |_| None), &prices, &report);
    let group = &plan.document.groups[0];
    assert_eq!(group.mode.as_deref(), Some("chat"));
    assert_eq!((group.max_input_tokens, group.max_output_tokens), (Some(9), Some(7)));
    assert_eq!(group.supports, ["supports_vision", "supports_reasoning"]);
}

#[test]
fn an_entry_that_says_what_its_provider_does_not_is_warned_of() {
    let file = examples().into_iter().find(|file| file.ends_with("other-modes.yaml")).unwrap();
    let text = fs::read_to_string(file).unwrap();
    let (_, diagnostics) = compiled_with(&text, ENVIRONMENT);
    let told = |model: &str| -> Vec<String> {
        let line =
            text.lines().position(|line| line.contains(&format!("model: {model}"))).unwrap() as u64 + 1;
        let here = diagnostics.iter().filter(|told| told.at.is_some_and(|at| at.line == line));
        here.map(ToString::to_string).filter(|told| told.contains("mode")).collect()
    };
    assert!(told("openai/sora-2")[0].contains("mode 'video_generation' is not supported"));
    assert!(told("anthropic/claude-sonnet-4-5")[0].contains("provider 'anthropic' does not support images"));
    for served in ["openai/gpt-image-1", "openai/tts-1", "cohere/rerank-english-v3.0"] {
        assert!(told(served).is_empty(), "{served}");
    }
    assert!(told("voyage/voyage-3.5")[0].contains("provider 'voyage' does not support chats"));
    assert!(told("text-completion-openai/gpt-3.5-turbo-instruct").is_empty());
    assert!(told("text-embedding-3-large").is_empty());
    // Chats are sent to it as prompts.
    let text = text.replace("      mode: completion\n", "      mode: chat\n");
    let (_, diagnostics) = compiled_with(&text, ENVIRONMENT);
    let told =
        |diagnostic: &String| diagnostic.contains("text-completion-openai") && diagnostic.contains("mode");
    assert!(!diagnostics.iter().map(ToString::to_string).any(|diagnostic| told(&diagnostic)));
}
