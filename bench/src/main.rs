//! What does the gateway cost? The limit is bare Envoy: the same binary, the same listener and clusters, the same
//! provider behind them, one worker, no filter.
//!
//! Both run at the same time and are measured in short turns (A B, B A, …), so that whatever else the machine does hits
//! both alike; the figure is the median of what the rounds gave. The provider and the load generator are in this process
//! and cost less than what they measure. CPU is user and system time of the Envoy process, from `/proc`; what the key service
//! spends beside it, until the last request of a row is recorded, has a column of its own.
//!
//! `rows.rs` is what is measured, and the targets.

mod fallback;
mod first;
mod report;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use fake_provider::canned;
use switchboard_bench::bare::Bare;
use switchboard_bench::measure::{Side, take_turns};
use switchboard_bench::recording::Reading;
use switchboard_bench::rows::rows;
use switchboard_bench::{gateway, load};
use switchboard_e2e::{Stack, filter, process};

use crate::report::{Aim, Report};

/// Measures bare Envoy and Switchboard side by side, one worker each.
///
/// Exits with 1 if a target is missed and `BENCH_STRICT=1` is set.
#[derive(Debug, Parser)]
struct Args {
    /// Rounds for each side; the result is the median. On a machine that others share, many short ones tell more than a few long
    #[arg(long, default_value_t = 25)]
    rounds: usize,
    /// Length of a round
    #[arg(long, default_value_t = 0.4)]
    seconds: f64,
    /// Connections of the load generator, each with one request at a time
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Only rows whose name contains this
    #[arg(long)]
    row: Option<String>,
    /// Where the filter runs: both at the same time, for a comparison
    #[arg(long, value_enum, default_value_t = Host::Both)]
    host: Host,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Host {
    Wasm,
    Native,
    Both,
}

impl Host {
    fn all(self) -> &'static [&'static str] {
        match self {
            Self::Wasm => &["wasm"],
            Self::Native => &["native"],
            Self::Both => &["wasm", "native"],
        }
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(run(&args))?;
    if args.json {
        println!("{:#}", report.json());
    } else {
        print!("{report}");
    }
    let strict = std::env::var_os("BENCH_STRICT").is_some_and(|value| value == "1");
    Ok(if strict && report.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn run(args: &Args) -> Result<Report, Box<dyn Error>> {
    let provider = canned::start()?;
    let mut gateways = Vec::new();
    for host in args.host.all() {
        let setup = gateway::setup(&format!("http://127.0.0.1:{provider}"));
        let stack = setup.native(*host == "native").start();
        let key = stack.key().await;
        gateways.push((*host, stack, key));
    }
    let Some((_, first, _)) = gateways.first() else { return Err("no host".into()) };
    let bare = Bare::start(first)?;
    let mut report = Report::new();
    let mut before = Vec::new();
    for (_, stack, _) in &gateways {
        before.push(Reading::take(stack).await?);
    }
    for row in rows() {
        if args.row.as_ref().is_some_and(|wanted| !row.name.contains(wanted.as_str())) {
            continue;
        }
        eprintln!("{} …", row.name);
        let mut sides = vec![Side { pid: bare.pid(), port: bare.port, request: row.bare() }];
        sides.extend(gateways.iter().map(|(_, stack, key)| Side {
            pid: stack.envoy_pid(),
            port: stack.port,
            request: row.gateway(key),
        }));
        let turn = Duration::from_secs_f64(args.seconds);
        let connections = args.connections.min(row.connections);
        let turns = take_turns(&sides, connections, args.rounds, turn, |_| ()).await?;
        for (place, (host, stack, _)) in gateways.iter().enumerate() {
            let after = Reading::take(stack).await?;
            report.add(&row, host, (&turns[0], &turns[place + 1]), after.cost_since(&before[place]));
            before[place] = after;
        }
    }
    if args.row.as_ref().is_none_or(|wanted| "fallback".contains(wanted.as_str())) {
        eprintln!("fallback …");
        let time = Duration::from_secs_f64(args.seconds / 2.0);
        report.aim(Aim {
            name: "a fallback, in addition to the time of the failed attempt",
            unit: "ms",
            target: fallback::TARGET_MILLIS,
            figure: fallback::added(args.rounds, time).await?,
        });
    }
    if args.row.as_ref().is_none_or(|wanted| "first event".contains(wanted.as_str())) {
        eprintln!("Measuring the first event …");
        report.aim(Aim {
            name: "delay of the first event of a stream, compared to bare Envoy",
            unit: "ms",
            target: first::TARGET_MILLIS,
            figure: first::added().await?,
        });
    }
    if args.row.is_none() {
        besides(&mut report, first)?;
    }
    // What the instrument itself can do: it must be well above what it measures.
    if let Some(row) = rows().first() {
        let time = Duration::from_secs(1);
        report.provider(load::run(provider, &row.bare(), args.connections, time).await?.rate());
    }
    for (host, stack, _) in &gateways {
        let (bare, own) = (process::resident_kib(bare.pid())?, process::resident_kib(stack.envoy_pid())?);
        report.memory(host, bare, own);
    }
    drop(bare);
    for (_, stack, _) in &mut gateways {
        stack.stop();
    }
    Ok(report)
}

/// What is no row of requests.
fn besides(report: &mut Report, stack: &Stack) -> Result<(), Box<dyn Error>> {
    #[expect(clippy::cast_precision_loss, reason = "a module is no 2^52 bytes long")]
    let size = std::fs::metadata(filter())?.len() as f64 / 1e3;
    report.aim(Aim { name: "size of the module", unit: "KB", target: 700.0, figure: size });
    let figure = stack.ready_after.as_secs_f64();
    let name = "startup of launcher, key service and Envoy, until all are ready";
    report.aim(Aim { name, unit: "s", target: 1.0, figure });
    Ok(())
}
