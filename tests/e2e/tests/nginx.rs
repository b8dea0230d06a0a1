//! A real nginx in front: as it is without a word about proxies, and with the lines that `docs/deployment.md` gives.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fake_provider::{Fault, Reply, Step};
use http::Method;
use rustix::process::Signal;
use serde_json::json;
use switchboard_e2e::{Child, Client, free_port, question, world};
use tempfile::TempDir;

/// A running nginx; the folder is its own.
struct Nginx {
    process: Child,
    client: Client,
    _folder: TempDir,
}

/// nginx's program, or nothing and a loud word.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = places.map(|folder| folder.join("nginx")).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED, not proven: there is no nginx on this machine (apt-get install nginx)");
    }
    found
}

/// What `docs/deployment.md` says of a location, with the shared stack's port.
fn documented() -> String {
    let text = include_str!("../../../docs/deployment.md");
    let (_, block) = text.split_once("```nginx\n").expect("lines for nginx");
    let (block, _) = block.split_once("```").expect("an end of them");
    let (_, location) = block.split_once("location / {").expect("a location");
    let (location, _) = location.split_once('}').expect("an end of it");
    assert!(location.contains("http://127.0.0.1:4000;"), "{location}");
    location.replace("127.0.0.1:4000", &format!("127.0.0.1:{}", world().stack.port))
}

async fn start(location: &str) -> Option<Nginx> {
    let program = program()?;
    let folder = tempfile::tempdir().expect("a folder");
    let (at, port) = (folder.path().display(), free_port());
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.map(|what| format!("{what}_temp_path {at}/{what};\n")).concat();
    let configuration = format!(
        "daemon off; master_process off; pid {at}/nginx.pid; error_log stderr warn; events {{}}\n\
         http {{ access_log off; {temporary}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }} }}"
    );
    std::fs::write(folder.path().join("nginx.conf"), configuration).expect("a file");
    let arguments = ["-e", "stderr", "-p", &at.to_string(), "-c", &format!("{at}/nginx.conf")];
    let mut process = Child::start(&program, &arguments.map(str::to_owned), &[]);
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    let begun = Instant::now();
    while client.get("/health/liveliness").try_send().await.is_err() {
        let log = process.stderr.text();
        assert!(process.ended().is_none() && begun.elapsed() < Duration::from_secs(10), "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Some(Nginx { process, client, _folder: folder })
}

impl Nginx {
    fn stop(mut self) {
        self.process.signal(Signal::TERM);
        self.process.wait(Duration::from_secs(10));
    }
}

/// A whole answer, a stream, an error, a preflight and a management call.
async fn everything_works_through(nginx: &Nginx) {
    let key = world().key().await;
    for model in ["gpt-4o", "claude", "demo"] {
        let case = world().case();
        let ask = |stream: bool| {
            let mut body = question(model, &case.prompt("Hello"));
            body["stream"] = json!(stream);
            nginx.client.post("/v1/chat/completions", &body).key(key)
        };
        let whole = ask(false).send().await.expect(200).json();
        assert!(whole["choices"][0]["message"]["content"].is_string(), "{model}: {whole}");
        let events = ask(true).send().await.expect(200).events();
        assert!(events.is_done() && !events.text().is_empty(), "{model}: {events:?}");
    }
    let case = world().case();
    case.then(Step::status(400));
    let body = question("gpt-4o", &case.prompt("Hello"));
    let answer = nginx.client.post("/v1/chat/completions", &body).key(key).send().await.expect(400);
    assert!(answer.error()["message"].is_string());
    nginx.client.post("/v1/chat/completions", &body).send().await.expect(401);
    nginx.client.get("/v1/models").key(key).send().await.expect(200);
    nginx.client.get("/key/info").key(key).send().await.expect(200);
    let preflight = nginx.client.request(Method::OPTIONS, "/v1/chat/completions");
    let preflight =
        preflight.header("origin", "https://page.example").header("access-control-request-method", "POST");
    preflight.send().await.expect(200);
}

#[tokio::test]
async fn an_nginx_that_speaks_http_1_0_to_us_passes_everything_on() {
    let gateway = format!("proxy_pass http://127.0.0.1:{};", world().stack.port);
    // The default before 1.29.7.
    let Some(nginx) = start(&format!("{gateway} proxy_http_version 1.0;")).await else { return };
    everything_works_through(&nginx).await;
    nginx.stop();
}

#[tokio::test]
async fn with_the_documented_lines_events_come_as_they_are_said_and_large_bodies_pass() {
    let Some(nginx) = start(&documented()).await else { return };
    everything_works_through(&nginx).await;
    let key = world().key().await;

    let case = world().case();
    case.then(
        Step::reply(Reply::text("one two three four")).with(Fault::Stall { after: 3, ms: Some(1_500) }),
    );
    let mut body = question("gpt-4o", &case.prompt("Hello"));
    body["stream"] = json!(true);
    let begun = Instant::now();
    let mut stream = nginx.client.post("/v1/chat/completions", &body).key(key).open().await;
    stream.next().await.expect("a beginning");
    let first = begun.elapsed();
    let rest = stream.finish().await.text();
    assert!(rest.contains("[DONE]"), "{rest}");
    assert!(first < Duration::from_secs(1) && begun.elapsed() >= Duration::from_millis(1_500), "{first:?}");

    // nginx takes one megabyte by itself.
    let case = world().case();
    let long = format!("{} {}", case.prompt("Hello"), "x".repeat(4 << 20));
    let call = nginx.client.post("/v1/chat/completions", &question("gpt-4o", &long)).key(key);
    call.send().await.expect(200);
    assert!(case.request().body.len() > 4 << 20);
    nginx.stop();
}
