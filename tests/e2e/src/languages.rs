//! One running stack with a group for every way of speaking, in front of a provider that replays what is scripted.
//!
//! The groups are those that the golden fixtures ask the rich request of: each has a folder's name.

use std::path::PathBuf;
use std::sync::OnceLock;

use fake_provider::{Case, Provider};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::artefacts::workspace;
use crate::client::Call;
use crate::config::Config;
use crate::stack::{Setup, Stack};

/// Access key of the group [`SIGNED`].
pub const AWS_ACCESS_KEY: &str = "AKIDEXAMPLE";
/// See [`AWS_ACCESS_KEY`].
pub const AWS_SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// See [`AWS_ACCESS_KEY`].
pub const AWS_SESSION_TOKEN: &str = "TOKEN/+=";
/// The group of a model with a long name, whose requests are signed.
pub const SIGNED: &str = "signed";
/// Its model.
pub const SIGNED_MODEL: &str =
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6";
/// The group of a deployment of Azure's that is reached by its newer address.
pub const AZURE_V1: &str = "azure-v1";

/// A stack, and the provider behind it.
#[derive(Debug)]
pub struct Languages {
    /// The provider.
    pub provider: Provider,
    /// The stack.
    pub stack: Stack,
    key: OnceCell<String>,
}

/// The shared one; started by the first test that asks for it.
pub fn languages() -> &'static Languages {
    static LANGUAGES: OnceLock<Languages> = OnceLock::new();
    LANGUAGES.get_or_init(|| Languages::start(config))
}

impl Languages {
    /// Starts both; `config` is made for the provider's address.
    pub(crate) fn start(config: impl FnOnce(&str) -> Config) -> Self {
        let provider = Provider::start().expect("a provider");
        let stack = Setup::new(&config(&provider.base())).start();
        Self { provider, stack, key: OnceCell::new() }
    }

    /// A case of the provider.
    pub fn case(&self) -> Case {
        self.provider.case()
    }

    /// A key that may do everything; the same for all tests.
    pub async fn key(&self) -> &str {
        self.key.get_or_init(|| self.stack.key()).await
    }

    /// Begins a POST request.
    pub async fn post(&self, path: &str, body: &Value) -> Call {
        self.stack.client().post(path, body).key(self.key().await)
    }
}

/// `tests/golden/`
pub fn golden() -> PathBuf {
    workspace().join("tests/golden")
}

/// The folders of `tests/golden/request` that have the rich request, sorted.
pub fn speakers() -> Vec<String> {
    let folders = std::fs::read_dir(golden().join("request")).expect("fixtures").flatten();
    let mut names: Vec<String> = folders
        .filter(|folder| folder.path().join("rich.with.json").is_file())
        .map(|folder| folder.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The credential of a group.
pub fn key_of(group: &str) -> String {
    format!("key-of-{group}")
}

fn config(base: &str) -> Config {
    let mut config = Config::new();
    for name in speakers() {
        let with =
            std::fs::read(golden().join("request").join(&name).join("rich.with.json")).expect("a file");
        let with: Value = serde_json::from_slice(&with).expect("JSON");
        let deployment = &with["deployment"];
        let model = deployment["model"].as_str().unwrap_or("the-model");
        let mut params = json!({
            "model": format!("{name}/{model}"),
            "api_base": format!("{base}/scripted/{name}"),
            "api_key": key_of(&name),
            "drop_params": deployment["drop_params"],
        });
        let mut info = json!({});
        for option in deployment["options"].as_array().into_iter().flatten() {
            let (option, value) = (option[0].as_str().expect("a name"), &option[1]);
            if option == "base_model" { info[option] = value.clone() } else { params[option] = value.clone() }
        }
        config = config.model_with(&name, params, info);
    }
    let signed = json!({
        "model": format!("bedrock/{SIGNED_MODEL}"),
        "api_base": format!("{base}/scripted/{SIGNED}"),
        "aws_access_key_id": AWS_ACCESS_KEY,
        "aws_secret_access_key": AWS_SECRET_KEY,
        "aws_session_token": AWS_SESSION_TOKEN,
        "aws_region_name": "eu-central-1",
    });
    let azure = json!({
        "model": "azure/my-deployment",
        "api_base": format!("{base}/scripted/{AZURE_V1}"),
        "api_version": "v1",
        "api_key": key_of(AZURE_V1),
    });
    config.model(SIGNED, signed).model(AZURE_V1, azure)
}
