//! LiteLLM Proxy and Switchboard on the same core, one after the other: what those who come here have now, and what
//! they get.
//!
//! The same provider answers both, from the other core, where the load generator runs too. LiteLLM runs as its
//! documentation has it, with one worker and a master key, and without a database: with one it is slower.

use std::error::Error;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use fake_provider::canned;
use serde_json::json;
use switchboard_bench::load::{self, Outcome, Request};
use switchboard_e2e::{Child, Config, MASTER_KEY, Setup, free_port, openai, process};

/// How many times as many requests a second there should be.
const TARGET: f64 = 120.0;

/// Measures `LiteLLM` Proxy and Switchboard on the same core: requests per second, and memory.
///
/// Exits with 1 if the target is missed and `BENCH_STRICT=1` is set.
#[derive(Debug, Parser)]
struct Args {
    /// Directory that `scripts/fetch-litellm` installed it to
    #[arg(long, default_value = ".tools/litellm")]
    litellm: PathBuf,
    /// Rounds for each side; the result is the best one, because other load can only slow it down
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Length of a round in seconds
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Clients, each with one request at a time
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

/// Lets a process, all of its threads, run on one core only.
fn pin(pid: u32, core: u32) -> Result<(), Box<dyn Error>> {
    let mut taskset = Command::new("taskset");
    let pinned =
        taskset.args(["-acp", &core.to_string(), &pid.to_string()]).stdout(Stdio::null()).status()?;
    if pinned.success() { Ok(()) } else { Err("taskset, of util-linux, cannot pin a process".into()) }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&args))
}

async fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let provider = canned::start()?;
    let base = format!("http://127.0.0.1:{provider}");
    let config = Config::new().model("gpt-4o", openai("gpt-4o", &base, "sk-openai-bench"));
    let mut stack = Setup::new(&config).start();
    let key = stack.key().await;
    let (litellm, port) = start_litellm(args, &config)?;
    pin(std::process::id(), 0)?;
    pin(stack.envoy_pid(), 1)?;
    pin(litellm.pid(), 1)?;

    let sides = [
        ("LiteLLM Proxy", litellm.pid(), port, request(MASTER_KEY)),
        ("Switchboard", stack.envoy_pid(), stack.port, request(&key)),
    ];
    let time = Duration::from_secs_f64(args.seconds);
    let mut best: [Outcome; 2] = Default::default();
    for round in 0..=args.rounds {
        for (side, (name, _, port, request)) in sides.iter().enumerate() {
            eprintln!("{name}: round {round} of {} …", args.rounds);
            let outcome = load::run(*port, request, args.connections, time).await?;
            // The turn before the first makes connections and compiles code.
            if round > 0 && (best[side].requests == 0 || outcome.rate() > best[side].rate()) {
                best[side] = outcome;
            }
        }
    }
    println!("| | requests/s | p50 ms | p99 ms | memory MB |\n|---|--:|--:|--:|--:|");
    for ((name, pid, ..), outcome) in sides.iter().zip(&best) {
        let millis = |percent| outcome.quantile(percent).as_secs_f64() * 1e3;
        let memory = process::resident_kib(*pid)? / 1024;
        println!("| {name} | {:.0} | {:.2} | {:.2} | {memory} |", outcome.rate(), millis(50), millis(99));
    }
    let ratio = best[1].rate() / best[0].rate();
    let met = ratio >= TARGET;
    println!("\n{ratio:.0} × (target {TARGET:.0} ×: {})", if met { "met" } else { "missed" });
    drop(litellm);
    stack.stop();
    let strict = std::env::var_os("BENCH_STRICT").is_some_and(|value| value == "1");
    Ok(if strict && !met { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn request(key: &str) -> Request {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(18);
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": text }] });
    Request::new("/v1/chat/completions", &[("authorization", &format!("Bearer {key}"))], &body)
}

/// Starts it with the same configuration, and waits until it serves.
fn start_litellm(args: &Args, config: &Config) -> Result<(Child, u16), Box<dyn Error>> {
    let folder = std::fs::canonicalize(&args.litellm).map_err(|error| {
        format!("{}: {error}; `make bench-litellm` downloads LiteLLM", args.litellm.display())
    })?;
    let file = folder.join("bench.yaml");
    std::fs::write(&file, config.text())?;
    let port = free_port();
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let program = "from litellm import run_server; run_server()";
    let arguments = ["-c", program, "--config", &text(&file), "--port", &port.to_string()].map(str::to_owned);
    let arguments =
        [&arguments[..], &["--host", "127.0.0.1", "--num_workers", "1"].map(str::to_owned)].concat();
    let environment = [
        ("PYTHONPATH", text(&folder)),
        ("LITELLM_MASTER_KEY", MASTER_KEY.to_owned()),
        ("LITELLM_LOG", "ERROR".to_owned()),
        // What it looks up in the net at its start is in the package too.
        ("LITELLM_LOCAL_MODEL_COST_MAP", "True".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let mut child = Child::start(&python()?, &arguments, &environment);
    let begun = Instant::now();
    eprintln!("Starting LiteLLM Proxy …");
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if child.ended().is_some() || begun.elapsed() > Duration::from_mins(3) {
            return Err(format!("LiteLLM Proxy did not start:\n{}", child.stderr.text()).into());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok((child, port))
}

fn python() -> Result<PathBuf, Box<dyn Error>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|file| file.is_file());
    found.ok_or_else(|| "python3 is not on the PATH".into())
}
