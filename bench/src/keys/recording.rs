//! What recording a request costs: CPU of the key service, and of Postgres, per request of the reports.

use std::cell::Cell;
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use local_postgres::Server;
use switchboard_bench::load::run_each;
use switchboard_e2e::process;

use crate::service::{self, INTERNAL_TOKEN, Service};
use crate::{Args, Table};

/// CPU of the key service for a request, microseconds.
const TARGET_MICROS: f64 = 10.0;

/// Workers that report at the same time.
const WORKERS: usize = 4;

/// Reports to measure.
#[derive(Clone, Copy)]
struct Kind {
    requests: u64,
    keys: u64,
}

const KINDS: [Kind; 3] = [
    Kind { requests: 2_000, keys: 1 },
    Kind { requests: 2_000, keys: 1_000 },
    Kind { requests: 200, keys: 20 },
];

/// Prints what reports of all kinds cost while the log is short, and again when it is long.
pub(crate) async fn measure(args: &Args, table: &mut Table) -> Result<(), Box<dyn Error>> {
    println!(
        "| reports of | by keys | requests in the log | database | target, µs | key service, µs | Postgres, µs | requests/s | |"
    );
    println!("|--:|--:|--:|---|--:|--:|--:|--:|---|");
    measure_on(args, None, table).await?;
    if local_postgres::programs().is_some() {
        let server = Server::start_durable()?;
        measure_on(args, Some(&server), table).await?;
    }
    println!();
    Ok(())
}

async fn measure_on(args: &Args, server: Option<&Server>, table: &mut Table) -> Result<(), Box<dyn Error>> {
    let service = Service::start(server).await?;
    service.fill(1_000, false, server)?;
    let source = Source { service: &service, server, number: Rc::default(), logged: Cell::new(0) };
    let turn = Duration::from_secs_f64(args.seconds);
    // Prepares the statements.
    source.send(KINDS[1], Duration::from_secs(1)).await?;
    for _ in 0..2 {
        for kind in KINDS {
            let log = source.logged.get();
            let [own, database, rate] = source.send(kind, turn).await?;
            let missed = own > TARGET_MICROS;
            table.missed |= missed;
            println!(
                "| {} | {} | {log} | {} | {TARGET_MICROS} | {own:.1} | {database:.1} | {rate:.0} | {} |",
                kind.requests,
                kind.keys,
                if server.is_some() { "Postgres" } else { "SQLite" },
                if missed { "missed" } else { "met" },
            );
        }
        while source.logged.get() < args.log {
            source.send(KINDS[1], Duration::from_secs(1)).await?;
        }
    }
    Ok(())
}

/// Reports, each with an id of its own.
struct Source<'a> {
    service: &'a Service,
    server: Option<&'a Server>,
    number: Rc<Cell<u64>>,
    /// Requests so far.
    logged: Cell<u64>,
}

impl Source<'_> {
    /// Sends reports for that time. CPU per request of the service and of Postgres, microseconds, and requests per
    /// second.
    async fn send(&self, kind: Kind, time: Duration) -> Result<[f64; 3], Box<dyn Error>> {
        let ticket = format!("Bearer {INTERNAL_TOKEN}");
        let number = Rc::clone(&self.number);
        let next = move || {
            number.set(number.get() + 1);
            service::report(number.get(), kind.requests, kind.keys, &ticket)
        };
        let database = || self.server.map_or(Ok(Duration::ZERO), |server| cpu_below(server.pid()));
        let before = (process::cpu(self.service.pid())?, database()?);
        let outcome = run_each(self.service.internal_port, WORKERS, time, next).await?;
        let after = (process::cpu(self.service.pid())?, database()?);
        let requests = outcome.requests * kind.requests;
        self.logged.set(self.logged.get() + requests);
        #[expect(clippy::cast_precision_loss, reason = "a bench does not send 2^52 requests")]
        let each = |from: Duration, to: Duration| {
            to.saturating_sub(from).as_secs_f64() * 1e6 / requests.max(1) as f64
        };
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let rate = outcome.rate() * kind.requests as f64;
        Ok([each(before.0, after.0), each(before.1, after.1), rate])
    }
}

/// CPU time of all living descendants of a process.
fn cpu_below(pid: u32) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        // One that has just ended has no time.
        sum += process::cpu(child).unwrap_or_default() + cpu_below(child).unwrap_or_default();
    }
    Ok(sum)
}
