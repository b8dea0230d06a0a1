//! The examples of `config.yaml` in the documentation compile, and give the credentials that their sections are about.

mod support;

use std::path::Path;

use support::compiled_with;
use switchboard_compile::config::{Diagnostic, Setting, Severity};
use switchboard_compile::plan::Plan;

/// The examples under a heading of a page.
fn examples(page: &str, heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n### {heading}\n")).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let blocks = section.split("```yaml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// The plan of an example, which has no mistakes and no settings without effect.
fn plan_of(text: &str) -> Plan {
    let (plan, diagnostics) = compiled_with(text, &[]);
    let is_about_the_machine = |one: &Diagnostic| {
        one.severity == Severity::Warning
            && (one.message.contains("not set") || one.message.contains("no price"))
    };
    let mistakes: Vec<_> = diagnostics.iter().filter(|one| !is_about_the_machine(one)).collect();
    assert!(mistakes.is_empty(), "{mistakes:#?}\n{text}");
    plan.unwrap()
}

#[test]
fn each_way_to_give_credentials_is_shown_by_an_example_that_gives_them() {
    let expected: [(&str, &str, &[&str]); 4] = [
        ("AWS", "aws", &["aws_role_name", "aws_session_name", "aws_external_id"]),
        ("Azure", "azure", &["tenant_id", "client_id", "client_secret"]),
        ("Google", "google", &["vertex_credentials"]),
        ("Shared credentials", "key", &["api_key"]),
    ];
    for (heading, kind, settings) in expected {
        let examples = examples("security.md", heading);
        assert!(!examples.is_empty(), "{heading}");
        for example in examples {
            let plan = plan_of(&example);
            let [credential] = plan.credentials.as_slice() else {
                panic!("{heading}: {:?}", plan.credentials)
            };
            assert_eq!(credential.kind.name(), kind, "{heading}");
            for setting in settings {
                let found = credential.settings.iter().find(|(name, _)| name == setting);
                assert!(found.is_some(), "{heading}: {setting}: {:?}", credential.settings);
            }
            assert_eq!(plan.document.deployments[0].credential.as_ref(), Some(&credential.name), "{heading}");
            let is_secret = |name: &str| name.contains("secret") || name == "api_key";
            for (name, setting) in credential.settings.iter().filter(|(name, _)| is_secret(name)) {
                assert!(matches!(setting, Setting::Environment(_)), "{heading}: {name} is written out");
            }
        }
    }
}
