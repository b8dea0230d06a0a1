//! The examples of docs/security.md for each way to give credentials, run with clouds on loopback.

use std::path::Path;
use std::time::{Duration, Instant};

use fake_clouds::{Clouds, PRIVATE_KEY};
use fake_provider::Provider;
use serde_json::{Value, json};
use switchboard_e2e::{
    Child, Client, Config, MASTER_KEY, Setup, envoy, filter, free_port, free_ports, is_native, launcher,
    module, openai, question,
};

const SECURITY: &str = include_str!("../../../docs/security.md");

/// The first example in a language under a heading.
fn example(heading: &str, language: &str) -> &'static str {
    let (_, section) = SECURITY.split_once(&format!("\n### {heading}\n")).expect("the heading");
    let section = section.split("\n### ").next().expect("a section");
    let (_, after) = section.split_once(&format!("```{language}\n")).expect("an example");
    after.split_once("```").expect("an end").0
}

/// What the key service says of the only credential, once it is no longer being fetched.
async fn credential(keys: u16) -> Value {
    let client = Client::new(format!("http://127.0.0.1:{keys}"));
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let ready = client.get("/health/readiness").send().await.json();
        let told = ready["credentials"][0].clone();
        if told["state"] == "ok" || Instant::now() > patience {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn each_example_of_a_cloud_gives_a_credential_with_what_the_text_says() {
    let clouds = Clouds::start("127.0.0.1:0");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("account.json");
    let account = json!({"type": "service_account", "project_id": "p", "private_key_id": "k",
        "private_key": PRIVATE_KEY, "client_email": "a@p.iam.gserviceaccount.com", "client_id": "1",
        "auth_uri": "http://127.0.0.1/auth", "token_uri": format!("http://{}/google/docs/token", clouds.address())});
    std::fs::write(&path, account.to_string()).expect("a file");
    let path = path.to_str().expect("a path in UTF-8");
    let sts = format!("http://{}/sts/", clouds.address());
    let aws: &[(&str, &str)] = &[
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_STS", &sts),
        ("EXTERNAL_ID", "ex"),
    ];
    for (heading, environment) in
        [("AWS", aws), ("Google", &[]), ("Shared credentials", &[("AZURE_API_KEY", "planted")])]
    {
        let text = example(heading, "yaml").replace("/etc/google/account.json", path);
        let mut setup = Setup::of_text(text);
        for (name, value) in environment {
            setup = setup.env(name, *value);
        }
        let stack = setup.start();
        let told = credential(stack.keys).await;
        assert_eq!(told["state"], "ok", "{heading}: {told}\n{}", stack.log());
    }
}

#[tokio::test]
async fn the_commands_for_secrets_in_files_start_a_gateway_that_uses_them() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new().model("m", openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY"));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.yaml"), config.text()).expect("a file");
    let (port, admin, keys) = (free_port(), free_port(), free_ports(2));
    let filter = if is_native() {
        format!("--filter native --module {}", module().display())
    } else {
        format!("--wasm {}", filter().display())
    };
    let place = format!(
        "--port {port} --admin-port {admin} --keys-port {keys} --envoy {} {filter}",
        envoy().display()
    );
    let program = launcher().display().to_string();
    // The program takes the place of the shell, and the variable is gone by then.
    let script = format!(
        "cd {}\nswitchboard() {{ unset OPENAI_API_KEY; exec {program} \"$@\" {place}; }}\n{}",
        folder.path().display(),
        example("Files", "sh")
    );
    let environment = [("OPENAI_API_KEY", "sk-openai-of-a-file"), ("LITELLM_MASTER_KEY", MASTER_KEY)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let arguments = ["-euc", &script].map(str::to_owned);
    let mut child = Child::start(Path::new("/bin/bash"), &arguments, &environment);
    child.wait_for_line(&format!("ready http://127.0.0.1:{port}"), Duration::from_secs(30));
    let case = provider.case();
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    let asked = question("m", &case.prompt("Hello"));
    client.post("/v1/chat/completions", &asked).key(MASTER_KEY).send().await.expect(200);
    assert!(case.requests()[0].head_text().contains("sk-openai-of-a-file"));
    child.signal(rustix::process::Signal::TERM);
    child.wait(Duration::from_secs(30));
}
