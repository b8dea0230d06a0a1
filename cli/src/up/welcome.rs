//! What `switchboard up` prints when it is ready: the address, where the key is, a request to copy, and what to do next.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::{Options, base_url};
use switchboard_compile::plan::{MASTER_KEY_ENV, Plan};

/// Width of the rules above and below.
const WIDTH: usize = 80;

/// Prints it to standard error. Write errors are ignored, as for every log line.
pub(super) fn print(plan: &Plan, options: &Options) {
    let key = Key::find(plan, options);
    let text = text(&base_url(&options.site), &key, model(plan), &options.config);
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Where the master key is.
enum Key {
    /// In the file that `up` generated.
    File(String),
    /// In a variable of the operator's shell.
    Variable(String),
    /// In `config.yaml`.
    Configuration,
}

impl Key {
    fn find(plan: &Plan, options: &Options) -> Self {
        if options.keys.is_none() && std::env::var_os(MASTER_KEY_ENV).is_some() {
            return Self::Variable(MASTER_KEY_ENV.to_owned());
        }
        // The file's `environment_variables` may set the variable, too; the operator's shell does not have it then.
        let in_shell = plan.master_key_env.as_ref().filter(|name| std::env::var_os(name).is_some());
        match (in_shell, &plan.master_key) {
            (Some(name), _) => Self::Variable(name.clone()),
            (None, Some(_)) => Self::Configuration,
            (None, None) => Self::File(options.data_dir.join("master_key").display().to_string()),
        }
    }

    /// For a person.
    fn place(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Variable(name) => format!("${name}"),
            Self::Configuration => "general_settings.master_key; export it as MASTER_KEY".to_owned(),
        }
    }

    /// For a shell.
    fn expression(&self) -> String {
        match self {
            Self::File(path) if path.contains(' ') => format!("$(cat '{path}')"),
            Self::File(path) => format!("$(cat {path})"),
            Self::Variable(name) => format!("${name}"),
            Self::Configuration => "$MASTER_KEY".to_owned(),
        }
    }
}

/// A model that a first request can use: served, for chat, and not a wildcard.
fn model(plan: &Plan) -> Option<&str> {
    let groups = plan.document.groups.iter().filter(|group| {
        group.unserved.is_none()
            && group.part_of.is_none()
            && !group.name.contains(['*', '"', '\'', '\\'])
            && group.mode.as_deref().is_none_or(|mode| mode == "chat")
    });
    groups.map(|group| group.name.as_str()).next()
}

fn text(base: &str, key: &Key, model: Option<&str>, config: &Path) -> String {
    let authorization = format!("-H \"Authorization: Bearer {}\"", key.expression());
    let title = "── Switchboard is ready ";
    let mut text = format!("{title}{}\n\n", "─".repeat(WIDTH.saturating_sub(title.chars().count())));
    let _ = writeln!(text, "  Address      {base}   (OpenAI API: {base}/v1)");
    let _ = writeln!(text, "  Master key   {}", key.place());
    let _ = writeln!(text, "  Config       {}   (reloaded when it changes)", config.display());
    text.push_str("\nSend a request from another terminal:\n\n");
    match model {
        Some(model) => {
            let _ = writeln!(
                text,
                "  curl {base}/v1/chat/completions \\\n    {authorization} \\\n    \
                 -H \"Content-Type: application/json\" \\\n    \
                 -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}]}}'"
            );
        }
        None => {
            let _ = writeln!(text, "  curl {base}/v1/models {authorization}");
        }
    }
    let _ = writeln!(
        text,
        "\nNext:\n  Add a provider          edit {}; README.md, \"Add a real provider\"\n  \
         Create a key            POST {base}/key/generate; README.md, \"Create a key\"\n  \
         Read the API reference  {base}/openapi.json\n  \
         Stop                    Ctrl-C\n{}",
        config.display(),
        "─".repeat(WIDTH)
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_to_copy_is_one_that_a_shell_runs() {
        let key = Key::File(".switchboard/master_key".to_owned());
        let text = text("http://127.0.0.1:4000", &key, Some("demo"), Path::new("config.yaml"));
        let (_, command) = text.split_once("  curl ").unwrap();
        let (command, _) = command.split_once("\n\nNext:").unwrap();
        // `-n` parses only.
        let parsed = std::process::Command::new("sh").args(["-n", "-c", &format!("curl {command}")]).status();
        assert!(parsed.unwrap().success(), "{command}");
        let (_, body) = command.split_once("-d '").unwrap();
        let body: serde_json::Value = serde_json::from_str(body.trim_end_matches('\'')).unwrap();
        assert_eq!(body["model"], "demo");
        assert!(command.contains("Bearer $(cat .switchboard/master_key)\""), "{command}");
        let readme = include_str!("../../../README.md");
        for title in text.split("README.md, \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(readme.contains(&format!("\n## {title}\n")), "{title}");
        }
    }

    #[test]
    fn without_a_model_to_name_the_request_lists_them() {
        let key = Key::Variable("LITELLM_MASTER_KEY".to_owned());
        let text = text("http://[::1]:4000", &key, None, Path::new("my.yaml"));
        assert!(
            text.contains(
                "curl http://[::1]:4000/v1/models -H \"Authorization: Bearer $LITELLM_MASTER_KEY\""
            ),
            "{text}"
        );
    }
}
