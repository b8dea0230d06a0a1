//! The examples of docs/security.md for each way to give credentials, run with clouds on loopback, and the commands of
//! docs/deployment.md and docs/from-litellm.md.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use fake_clouds::{Clouds, PRIVATE_KEY};
use fake_provider::Provider;
use serde_json::{Value, json};
use switchboard_e2e::{
    Child, Client, Config, MASTER_KEY, Setup, envoy, filter, free_port, free_ports, is_native, launcher,
    module, openai, question,
};

const SECURITY: &str = include_str!("../../../docs/security.md");

const DEPLOYMENT: &str = include_str!("../../../docs/deployment.md");
const FROM_LITELLM: &str = include_str!("../../../docs/from-litellm.md");

/// The first example in a language under a heading of docs/security.md.
fn example(heading: &str, language: &str) -> &'static str {
    example_of(SECURITY, &format!("### {heading}"), language)
}

/// The same, of another page.
fn example_of(page: &'static str, heading: &str, language: &str) -> &'static str {
    let (_, section) = page.split_once(&format!("\n{heading}\n")).expect("the heading");
    let section = section.split("\n## ").next().expect("a section");
    let section = section.split("\n### ").next().expect("a section");
    let (_, after) = section.split_once(&format!("```{language}\n")).expect("an example");
    after.split_once("```").expect("an end").0
}

/// Options of `render` for what is not where users have it.
fn rendering() -> String {
    let host = if is_native() { "native" } else { "wasm" };
    format!("--admin-port {} --filter {host} --wasm {}", free_port(), filter().display())
}

/// The same, of `up`.
fn usual() -> String {
    let module = if is_native() { format!("--module {}", module().display()) } else { String::new() };
    format!("{} --envoy {} {module}", rendering(), envoy().display())
}

/// Starts commands in a folder, with a shell that knows these functions.
fn shell(folder: &Path, functions: &str, code: &str, environment: &[(&str, &str)]) -> Child {
    let script = format!("cd {}\n{functions}\n{code}", folder.display());
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Child::start(Path::new("/bin/bash"), &["-euc".to_owned(), script], &environment)
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
    let (port, keys) = (free_port(), free_ports(2));
    let place = format!("--port {port} --keys-port {keys} {}", usual());
    // The program takes the place of the shell, and the variable is gone by then.
    let function =
        format!("switchboard() {{ unset OPENAI_API_KEY; exec {} \"$@\" {place}; }}", launcher().display());
    let environment = [("OPENAI_API_KEY", "sk-openai-of-a-file"), ("LITELLM_MASTER_KEY", MASTER_KEY)];
    let mut child = shell(folder.path(), &function, example("Files", "sh"), &environment);
    child.wait_for_line(&format!("ready http://127.0.0.1:{port}"), Duration::from_secs(30));
    let case = provider.case();
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    let asked = question("m", &case.prompt("Hello"));
    client.post("/v1/chat/completions", &asked).key(MASTER_KEY).send().await.expect(200);
    assert!(case.requests()[0].head_text().contains("sk-openai-of-a-file"));
    child.signal(rustix::process::Signal::TERM);
    child.wait(Duration::from_secs(30));
}

#[tokio::test]
async fn the_commands_for_several_envoys_start_one_that_serves() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new().model("m", openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY"));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.yaml"), config.text()).expect("a file");
    let (port, keys) = (free_port(), free_ports(2));
    let programs = launcher().parent().expect("a folder").display().to_string();
    let place = format!("--port {port} --keys-port {keys} {}", rendering());
    let functions = format!(
        "PATH={programs}:$PATH\nswitchboard() {{ {}/switchboard \"$@\" {place}; }}\nenvoy() {{ exec {} \"$@\"; }}",
        programs,
        envoy().display(),
    );
    let code = example_of(DEPLOYMENT, "## Several Envoys", "sh");
    let code = code.replace("keys.example", "127.0.0.1").replace("0.0.0.0", "127.0.0.1");
    let code = code.replace(":4001", &format!(":{keys}")).replace(":4002", &format!(":{}", keys + 1));
    let modules = module().parent().expect("a folder").display().to_string();
    let environment = [
        ("OPENAI_API_KEY", "sk-openai-of-the-key-service"),
        ("SWITCHBOARD_MASTER_KEY", MASTER_KEY),
        ("SWITCHBOARD_INTERNAL_TOKEN", "a-long-random-text"),
        ("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", &modules),
    ];
    // Each line is for another machine, or for later.
    let [serve, render, run]: [&str; 3] =
        code.lines().collect::<Vec<_>>().try_into().expect("three commands");
    let _service = shell(folder.path(), &functions, &format!("exec {serve}"), &environment);
    let status = shell(folder.path(), &functions, render, &environment).wait(Duration::from_secs(30));
    assert!(status.success(), "{status}");
    let running = shell(folder.path(), &functions, run, &environment);
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    let begun = Instant::now();
    while !client.get("/health/readiness").try_send().await.is_ok_and(|answer| answer.status == 200) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", running.stderr.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let case = provider.case();
    let asked = question("m", &case.prompt("Hello"));
    client.post("/v1/chat/completions", &asked).key(MASTER_KEY).send().await.expect(200);
    assert!(case.requests()[0].head_text().contains("sk-openai-of-the-key-service"));
}

#[tokio::test]
async fn the_ten_minutes_from_litellm_end_with_an_answer() {
    let provider = Provider::start().expect("a provider");
    let config =
        Config::new().model("gpt-4o", openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY"));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.yaml"), config.text()).expect("a file");
    let (port, keys) = (free_port(), free_ports(2));
    let step = |heading: &str, language: &str| example_of(FROM_LITELLM, heading, language);
    let check = format!("switchboard() {{ {} \"$@\"; }}", launcher().display());
    let mut checked = shell(folder.path(), &check, step("## 1. Check the configuration", "sh"), &[]);
    assert!(checked.wait(Duration::from_secs(30)).success(), "{}", checked.stderr.text());

    // No such database is here; the command is understood, and says so.
    let import = step("## 2. Import the keys", "sh").replace("db.example", "127.0.0.1:1");
    let program = launcher().with_file_name("switchboard-keys").display().to_string();
    let mut imported =
        shell(folder.path(), &format!("switchboard-keys() {{ {program} \"$@\"; }}"), &import, &[]);
    assert!(!imported.wait(Duration::from_secs(30)).success());
    let told = imported.stderr.text();
    assert!(told.contains("database") && !told.contains("password") && !told.contains("Usage"), "{told}");

    let start = step("## 3. Start it", "sh").replacen("sk-…", MASTER_KEY, 1);
    let start = start.replace("sk-…", "sk-openai-of-the-shell").replace("4000", &port.to_string());
    let function =
        format!("switchboard() {{ exec {} \"$@\" --keys-port {keys} {}; }}", launcher().display(), usual());
    let mut child = shell(folder.path(), &function, &start, &[]);
    child.wait_for_line(&format!("ready http://127.0.0.1:{port}"), Duration::from_secs(30));

    let case = provider.case();
    let code = step("## 4. Change the address in a client", "python").replace("4000", &port.to_string());
    let code =
        code.replace("sk-your-existing-virtual-key", MASTER_KEY).replace("Hello!", &case.prompt("Hello!"));
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/python");
    let packages = std::env::var_os("PYTHONPATH").unwrap_or_else(|| packages.into());
    let output = Command::new("python3")
        .args(["-c", &code])
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(case.requests()[0].head_text().contains("sk-openai-of-the-shell"));
    child.signal(rustix::process::Signal::TERM);
    child.wait(Duration::from_secs(30));
}
