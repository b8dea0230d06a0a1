//! Other gateways and Switchboard in turns, on one core, in front of the same provider, with the same request: what each
//! spends on a chat of 1 KB.
//!
//! The others run as their documentation has it, without keys, limits and accounting, which need a database in all of them.
//! Switchboard has a virtual key, and records every request: both of its processes are counted, until all is recorded.

use std::error::Error;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use fake_provider::canned;
use serde_json::{Value, json};
use switchboard_bench::bare::Bare;
use switchboard_bench::gateway;
use switchboard_bench::load::Request;
use switchboard_bench::measure::{Side, median, take_turns};
use switchboard_bench::recording::Reading;
use switchboard_e2e::{Child, Config, MASTER_KEY, Stack, free_port, openai, process};

/// Measures bare Envoy, Switchboard on both hosts, `TensorZero`, `Portkey` and `LiteLLM` on one core, in turns.
#[derive(Debug, Parser)]
struct Args {
    /// Directory that `scripts/fetch-rivals` installed them to
    #[arg(long, default_value = ".tools/rivals")]
    rivals: PathBuf,
    /// Directory that `scripts/fetch-litellm` installed LiteLLM to
    #[arg(long, default_value = ".tools/litellm")]
    litellm: PathBuf,
    /// Rounds; the result is the median
    #[arg(long, default_value_t = 8)]
    rounds: usize,
    /// Length of a turn in seconds
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Clients, each with one request at a time
    #[arg(long, default_value_t = 8)]
    connections: usize,
}

/// One that is measured.
struct Contestant {
    name: String,
    side: Side,
    /// Whether it checks keys and records requests.
    accounts: bool,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&args))
}

async fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let provider = canned::start()?;
    let address = format!("http://127.0.0.1:{provider}");
    let mut stacks = Vec::new();
    for host in ["wasm", "native"] {
        let stack = gateway::setup(&address).native(host == "native").start();
        let key = stack.key().await;
        stacks.push((host, stack, key));
    }
    let bare = Bare::start(&stacks.first().ok_or("no gateway")?.1)?;
    let others = [tensorzero(args, &address)?, portkey(args, &address)?, litellm(args, &address)?];

    let bearer = |key: &str| format!("Bearer {key}");
    let mut contestants = vec![contestant("bare Envoy", bare.pid(), bare.port, "gpt-4o", &[])];
    for (host, stack, key) in &stacks {
        let name = format!("Switchboard, {host}");
        let headers = [("authorization", &*bearer(key))];
        let one = contestant(&name, stack.envoy_pid(), stack.port, "gpt-4o", &headers);
        contestants.push(Contestant { accounts: true, ..one });
    }
    for (other, child) in &others {
        let headers: Vec<_> = other.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut one = contestant(&other.name, child.pid(), other.port, other.model, &headers);
        one.side.request = request(other.path, other.model, &headers);
        contestants.push(one);
    }
    // The load and the provider have the other core.
    pin(std::process::id(), 0)?;
    for contestant in &contestants {
        pin(contestant.side.pid, 1)?;
    }
    let mut before = Vec::new();
    for (_, stack, _) in &stacks {
        pin(stack.keys_pid().ok_or("no key service")?, 1)?;
        before.push(Reading::take(stack).await?);
    }

    let names: Vec<_> =
        contestants.iter().map(|one| (one.name.clone(), one.accounts, one.side.pid)).collect();
    let sides: Vec<_> = contestants.into_iter().map(|one| one.side).collect();
    let turn = Duration::from_secs_f64(args.seconds);
    let said = |round| eprintln!("round {round} of {} …", args.rounds);
    let turns = take_turns(&sides, args.connections, args.rounds, turn, said).await?;
    let mut recording = Vec::new();
    for ((_, stack, _), before) in stacks.iter().zip(&before) {
        recording.push(Reading::take(stack).await?.cost_since(before));
    }

    println!("| | CPU µs | recording, µs | × bare Envoy | requests/s | p50 ms | p99 ms | memory MB |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    let bare_cpu = turns.first().map_or(1.0, |turns| median(turns, |one| one.cpu_micros));
    let mut recording = recording.into_iter();
    for ((name, accounts, pid), turns) in names.iter().zip(&turns) {
        let of = |figure: fn(&switchboard_bench::measure::Measured) -> f64| median(turns, figure);
        let (cpu, own) = (of(|one| one.cpu_micros), if *accounts { recording.next() } else { None });
        let recorded = own.map_or("-".to_owned(), |own| format!("{own:.1}"));
        println!(
            "| {name} | {cpu:.1} | {recorded} | {:.2} | {:.0} | {:.2} | {:.2} | {} |",
            (cpu + own.unwrap_or_default()) / bare_cpu,
            of(|one| one.rate),
            of(|one| one.p50_millis),
            of(|one| one.p99_millis),
            process::resident_kib(*pid)? / 1024,
        );
    }
    drop((bare, others));
    for (_, stack, _) in &mut stacks {
        Stack::stop(stack);
    }
    Ok(ExitCode::SUCCESS)
}

fn contestant(name: &str, pid: u32, port: u16, model: &str, headers: &[(&str, &str)]) -> Contestant {
    let side = Side { pid, port, request: request("/v1/chat/completions", model, headers) };
    Contestant { name: name.to_owned(), side, accounts: false }
}

fn request(path: &str, model: &str, headers: &[(&str, &str)]) -> Request {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(18);
    let body: Value = json!({ "model": model, "messages": [{ "role": "user", "content": text }] });
    Request::new(path, headers, &body)
}

/// Another gateway, and how it is asked.
struct Other {
    name: String,
    port: u16,
    path: &'static str,
    model: &'static str,
    headers: Vec<(&'static str, String)>,
}

/// `TensorZero`'s Python package contains the gateway, and starts it on a port of its own.
fn tensorzero(args: &Args, base: &str) -> Result<(Other, Child), Box<dyn Error>> {
    const PROGRAM: &str = "\
import signal, sys, tensorzero
class Client: base_url = None
client = tensorzero.patch_openai_client(Client(), config_file=sys.argv[1], async_setup=False)
print('port', client.base_url, flush=True)
signal.pause()";
    let folder = installed(&args.rivals)?;
    let file = folder.join("tensorzero.toml");
    let config = format!(
        "[gateway]\nobservability.enabled = false\n\n[models.gpt-4o]\nrouting = [\"bench\"]\n\n[models.gpt-4o.providers.bench]\n\
         type = \"openai\"\napi_base = \"{base}/v1\"\nmodel_name = \"gpt-4o\"\napi_key_location = \"none\"\n"
    );
    std::fs::write(&file, config)?;
    let python = vec![("PYTHONPATH".to_owned(), text(&folder.join("python")))];
    let mut child =
        Child::start(&program("python3")?, &["-c".to_owned(), PROGRAM.to_owned(), text(&file)], &python);
    let line = child.wait_for_line("port ", Duration::from_mins(1));
    let port = line.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
    let port = port.ok_or_else(|| format!("TensorZero did not start: {line}\n{}", child.stderr.text()))?;
    let other = Other {
        name: "TensorZero".to_owned(),
        port,
        path: "/openai/v1/chat/completions",
        model: "tensorzero::model_name::gpt-4o",
        headers: Vec::new(),
    };
    Ok((other, child))
}

fn portkey(args: &Args, base: &str) -> Result<(Other, Child), Box<dyn Error>> {
    let server = installed(&args.rivals)?.join("node_modules/@portkey-ai/gateway/build/start-server.js");
    let port = free_port();
    let arguments = [text(&server), format!("--port={port}"), "--headless".to_owned()];
    let mut child = Child::start(&program("node")?, &arguments, &[]);
    serves("Portkey", port, &mut child)?;
    let headers = vec![
        ("x-portkey-provider", "openai".to_owned()),
        ("x-portkey-custom-host", format!("{base}/v1")),
        ("authorization", "Bearer sk-openai-bench".to_owned()),
    ];
    let name = "Portkey".to_owned();
    Ok((Other { name, port, path: "/v1/chat/completions", model: "gpt-4o", headers }, child))
}

fn litellm(args: &Args, base: &str) -> Result<(Other, Child), Box<dyn Error>> {
    let folder = installed(&args.litellm)?;
    let file = folder.join("bench.yaml");
    std::fs::write(&file, Config::new().model("gpt-4o", openai("gpt-4o", base, "sk-openai-bench")).text())?;
    let port = free_port();
    let program_text = "from litellm import run_server; run_server()";
    let arguments =
        ["-c", program_text, "--config", &text(&file), "--port", &port.to_string()].map(str::to_owned);
    let arguments =
        [&arguments[..], &["--host", "127.0.0.1", "--num_workers", "1"].map(str::to_owned)].concat();
    let environment = [
        ("PYTHONPATH", text(&folder)),
        ("LITELLM_MASTER_KEY", MASTER_KEY.to_owned()),
        ("LITELLM_LOG", "ERROR".to_owned()),
        ("LITELLM_LOCAL_MODEL_COST_MAP", "True".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let mut child = Child::start(&program("python3")?, &arguments, &environment);
    serves("LiteLLM Proxy", port, &mut child)?;
    let headers = vec![("authorization", format!("Bearer {MASTER_KEY}"))];
    let name = "LiteLLM Proxy".to_owned();
    Ok((Other { name, port, path: "/v1/chat/completions", model: "gpt-4o", headers }, child))
}

/// Waits until something listens.
fn serves(name: &str, port: u16, child: &mut Child) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    eprintln!("Starting {name} …");
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if child.ended().is_some() || begun.elapsed() > Duration::from_mins(3) {
            return Err(format!("{name} did not start:\n{}", child.stderr.text()).into());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn installed(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let missing = |error| format!("{}: {error}; `make bench-rivals` downloads it", folder.display());
    Ok(std::fs::canonicalize(folder).map_err(missing)?)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn program(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    Ok(found.ok_or_else(|| format!("{name} is not on the PATH"))?)
}

/// Lets a process, all of its threads, run on one core only.
fn pin(pid: u32, core: u32) -> Result<(), Box<dyn Error>> {
    let mut taskset = Command::new("taskset");
    let pinned =
        taskset.args(["-acp", &core.to_string(), &pid.to_string()]).stdout(Stdio::null()).status()?;
    if pinned.success() { Ok(()) } else { Err("taskset, of util-linux, cannot pin a process".into()) }
}
