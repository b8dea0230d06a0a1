//! Does the gateway grow? A million requests of every kind, and Envoy's memory meanwhile.
//!
//! `traffic.rs` is what is sent. Memory is the resident set of the Envoy process, the mean of what is seen during each
//! tenth of the run: the first tenth fills pools and tables, so the last one is held against the second.

mod traffic;

use std::cell::Cell;
use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use fake_provider::canned;
use serde_json::json;
use switchboard_e2e::{Config, Setup, anthropic, openai, process};

use crate::traffic::Traffic;

/// How much more memory than in the second tenth there may be in the last, percent.
const MOST_GROWTH: f64 = 2.0;

/// The memory that Envoy may have at the end, KiB.
const MOST_KIB: u64 = 160 * 1024;

/// Sends mixed traffic, and fails if Envoy's memory grows.
///
/// Chats in every dialect, embeddings, streams, bodies of 100 KB and 10 MB, rejected requests, and clients that
/// disconnect in the middle of a stream. Exits with 1 if Envoy uses over 2 % more memory in the last tenth of the run
/// than in the second, or over 160 MB.
#[derive(Debug, Parser)]
struct Args {
    /// Total number of requests
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// Worker threads of Envoy
    #[arg(long, default_value_t = 2)]
    workers: u32,
    /// Clients, each with one request at a time
    #[arg(long, default_value_t = 32)]
    clients: u64,
}

/// What a tenth of the run gave.
#[derive(Default)]
struct Tenth {
    kib: Vec<u64>,
    elapsed: Duration,
}

impl Tenth {
    fn kib(&self) -> u64 {
        self.kib.iter().sum::<u64>() / (self.kib.len() as u64).max(1)
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(run(&args)))
}

async fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let provider = format!("http://127.0.0.1:{}", canned::start()?);
    let at = |model: &str, path: &str| json!({ "model": model, "api_base": format!("{provider}{path}"), "api_key": "sk-openai-soak" });
    let config = Config::new()
        .model("gpt-4o", openai("gpt-4o", &provider, "sk-openai-soak"))
        .model("claude", anthropic("claude-sonnet-4-5", &provider, "sk-ant-soak"))
        .model("nova", at("bedrock/us.amazon.nova-pro-v1:0", ""))
        .model("gemini", at("gemini/gemini-2.5-flash", "/v1beta"))
        .model("command", at("cohere/command-a-03-2025", ""))
        .model("llama", at("ollama/llama3.2", ""))
        .model("embed", openai("text-embedding-3-small", &provider, "sk-openai-soak"));
    let mut stack = Setup::new(&config).workers(args.workers).start();
    let traffic = Rc::new(Traffic::new(&stack.key().await));

    let done = Rc::new(Cell::new(0_u64));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..args.clients {
        let (traffic, done, port) = (Rc::clone(&traffic), Rc::clone(&done), stack.port);
        let share = args.requests / args.clients;
        clients.spawn_local(async move { traffic.client(client, port, share, &done).await });
    }
    let all = args.requests / args.clients * args.clients;
    let mut tenths: Vec<Tenth> = Vec::new();
    let mut begun = Instant::now();
    let mut current = Tenth::default();
    println!("| requests | Envoy, KiB | requests/s |\n|--:|--:|--:|");
    while tenths.len() < 10 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        while let Some(ended) = clients.try_join_next() {
            ended??;
        }
        current.kib.push(process::resident_kib(stack.envoy_pid())?);
        if done.get() * 10 >= all * (tenths.len() as u64 + 1) {
            current.elapsed = begun.elapsed();
            begun = Instant::now();
            #[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^52 requests")]
            let rate = all as f64 / 10.0 / current.elapsed.as_secs_f64();
            println!("| {} | {} | {rate:.0} |", done.get(), current.kib());
            tenths.push(std::mem::take(&mut current));
        }
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    println!("\n{traffic}");
    stack.stop();

    let (second, last) = (tenths[1].kib(), tenths[9].kib());
    #[expect(clippy::cast_precision_loss, reason = "memory in KiB")]
    let growth = (last as f64 / second as f64 - 1.0) * 100.0;
    println!(
        "growth from the second tenth to the last: {growth:+.2} % (limit {MOST_GROWTH} %); final size: {last} KiB (limit {MOST_KIB} KiB)"
    );
    Ok(if growth > MOST_GROWTH || last > MOST_KIB { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
