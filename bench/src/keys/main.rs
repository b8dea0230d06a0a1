//! How fast is the key service? Measured over HTTP on loopback, on SQLite and on Postgres (where its programs are
//! installed), each as in production: Postgres waits for the disk with every commit.
//!
//! What recording a request costs is CPU time of the service's process, and of all processes of Postgres.
//!
//! The load generator runs on the same machine and takes its share of it.

mod recording;
mod reports;
mod revocation;
mod service;

use std::cell::Cell;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use local_postgres::Server;
use serde_json::json;
use switchboard_bench::load::{Outcome, Request, run_each};

use crate::service::{INTERNAL_TOKEN, MASTER_KEY, Service};

/// Measures the key service: recording usage, creating keys, verifying them, listing a million of them, revoking one, and reports.
///
/// Exits with 1 if a target is missed and `BENCH_STRICT=1` is set.
#[derive(Debug, Parser)]
struct Args {
    /// Length of each measurement
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Connections of the load generator for rows with a rate
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Number of keys for the rows that need many
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Length of the spend log for the rows that need a long one, and for reports, requests
    #[arg(long, default_value_t = 1_000_000)]
    log: u64,
    /// Only what recording costs
    #[arg(long)]
    recording: bool,
    /// Only how long reports take
    #[arg(long)]
    reports: bool,
}

/// What a figure is to be.
#[derive(Clone, Copy)]
enum Aim {
    /// So many per second, or more.
    Rate(f64),
    /// 99 of a hundred within so many milliseconds.
    Within(f64),
}

struct Table {
    missed: bool,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut table = Table { missed: false };
    runtime.block_on(async {
        if !args.reports {
            recording::measure(&args, &mut table).await?;
        }
        if args.recording {
            return Ok(());
        }
        Table::begin();
        if !args.reports {
            measure(&args, "SQLite", None, &mut table).await?;
        }
        reports::measure(&args, None, "SQLite", &mut table).await?;
        if local_postgres::programs().is_some() {
            if !args.reports {
                let server = Server::start_durable()?;
                measure(&args, "Postgres", Some(&server), &mut table).await?;
            }
            let server = Server::start_durable()?;
            reports::measure(&args, Some(&server), "Postgres", &mut table).await?;
        } else {
            println!("Postgres is not installed: skipped");
        }
        if args.reports {
            return Ok(());
        }
        let latest = revocation::measure().await;
        table.say(
            "from revocation to the last admitted request",
            "2 Envoys × 2 workers",
            Aim::Within(1_200.0),
            &latest,
        );
        Ok::<(), Box<dyn Error>>(())
    })?;
    let strict = std::env::var_os("BENCH_STRICT").is_some_and(|value| value == "1");
    Ok(if strict && table.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn measure(
    args: &Args,
    name: &str,
    server: Option<&Server>,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    let time = Duration::from_secs_f64(args.seconds);
    let service = Service::start(server).await?;
    let bearer = format!("Bearer {MASTER_KEY}");
    let ticket = format!("Bearer {INTERNAL_TOKEN}");

    let generate = Request::new("/key/generate", &[("authorization", &bearer)], &json!({}));
    let again = generate.clone();
    let outcome = run_each(service.port, args.connections, time, move || again.clone()).await?;
    table.say("/key/generate", name, Aim::Rate(1_500.0), &outcome);

    service.fill(args.keys, false, server)?;
    service.arranged(args.keys).await?;
    // A step that shares no factor with the number of keys comes by every key.
    let walk = |many: u64| {
        let at = Cell::new(0_u64);
        move || {
            at.set((at.get() + 7_919) % many);
            at.get()
        }
    };
    let verify = |many: u64| {
        let (next, ticket) = (walk(many), ticket.clone());
        move || {
            let body = json!({ "token": service::token(next()) });
            Request::new("/internal/verify", &[("authorization", &ticket)], &body)
        }
    };
    let hot = args.keys.min(10_000);
    let outcome = run_each(service.internal_port, args.connections, time, verify(hot)).await?;
    table.say(&format!("verify, {hot} keys in turn"), name, Aim::Rate(10_000.0), &outcome);
    let outcome = run_each(service.internal_port, 1, time, verify(args.keys)).await?;
    table.say(&format!("verify, {} keys in turn, one by one", args.keys), name, Aim::Within(5.0), &outcome);

    let (number, ticket) = (Cell::new(0_u64), ticket.clone());
    let report = move || {
        number.set(number.get() + 1);
        service::report(number.get(), 2_000, 1_000, &ticket)
    };
    let outcome = run_each(service.internal_port, 2, time, report).await?;
    // Six thousand requests a second.
    table.say("usage, reports of 2000 requests", name, Aim::Rate(3.0), &outcome);

    let pages = (args.keys / 100).max(1);
    for (what, first) in [("first page", true), ("any page", false)] {
        let (next, bearer) = (walk(pages), bearer.clone());
        let list = move || {
            let page = if first { 1 } else { next() + 1 };
            let path = format!("/key/list?size=100&page={page}");
            Request::get(&path, &[("authorization", &bearer)])
        };
        let outcome = run_each(service.port, 1, time, list).await?;
        let what = format!("/key/list, {what} of {} keys", args.keys);
        table.say(&what, name, Aim::Within(5.0), &outcome);
    }
    Ok(())
}

impl Table {
    fn begin() {
        println!("| operation | database | target | per second | p50 ms | p99 ms | |");
        println!("|---|---|---|--:|--:|--:|---|");
    }

    fn say(&mut self, what: &str, on: &str, aim: Aim, outcome: &Outcome) {
        let millis = |percent| outcome.quantile(percent).as_secs_f64() * 1e3;
        let (aim, met) = match aim {
            Aim::Rate(rate) => (format!("≥ {rate} per second"), outcome.rate() >= rate),
            Aim::Within(most) => (format!("p99 ≤ {most} ms"), millis(99) <= most),
        };
        self.missed |= !met;
        println!(
            "| {what} | {on} | {aim} | {:.0} | {:.2} | {:.2} | {} |",
            outcome.rate(),
            millis(50),
            millis(99),
            if met { "met" } else { "missed" },
        );
    }
}
