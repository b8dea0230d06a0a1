//! Turns: who is measured, in which order, and what is made of it.

use std::io;
use std::time::Duration;

use crate::load::{self, Request};
use switchboard_e2e::process;

/// What one turn gave.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// CPU of Envoy per request, microseconds.
    pub cpu_micros: f64,
    /// Requests per second.
    pub rate: f64,
    /// Median time of a request, milliseconds.
    pub p50_millis: f64,
    /// Time that one request of a hundred exceeds, milliseconds.
    pub p99_millis: f64,
}

/// Sends requests to an Envoy for that time.
async fn measure(
    pid: u32,
    port: u16,
    request: &Request,
    connections: usize,
    time: Duration,
) -> io::Result<Measured> {
    let before = process::cpu(pid)?;
    let outcome = load::run(port, request, connections, time).await?;
    let cpu = process::cpu(pid)?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a bench does not send 2^52 requests")]
    let requests = outcome.requests.max(1) as f64;
    let millis = |percent| outcome.quantile(percent).as_secs_f64() * 1e3;
    Ok(Measured {
        cpu_micros: cpu.as_secs_f64() * 1e6 / requests,
        rate: outcome.rate(),
        p50_millis: millis(50),
        p99_millis: millis(99),
    })
}

/// One of those that are measured beside each other.
pub struct Side {
    /// Its Envoy's process.
    pub pid: u32,
    /// Where that listens.
    pub port: u16,
    /// What it is sent.
    pub request: Request,
}

/// Measures all in short turns, in another order in each round, so that whatever else the machine does hits all alike.
/// What each gave, round by round.
///
/// # Errors
/// A side cannot be asked, or its process is gone.
pub async fn take_turns(
    sides: &[Side],
    connections: usize,
    rounds: usize,
    turn: Duration,
    mut begun: impl FnMut(usize),
) -> io::Result<Vec<Vec<Measured>>> {
    let mut turns = vec![Vec::new(); sides.len()];
    for round in 0..=rounds {
        begun(round);
        // The first does not count: connections are made, code is compiled.
        let time = if round == 0 { Duration::from_secs(1) } else { turn };
        for place in 0..sides.len() {
            let at = (place + round) % sides.len();
            let Side { pid, port, request } = &sides[at];
            let measured = measure(*pid, *port, request, connections, time).await?;
            if round > 0 {
                turns[at].push(measured);
            }
        }
    }
    Ok(turns)
}

/// The middle of what the turns gave.
pub fn median(turns: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    middle(turns.iter().map(figure).collect())
}

/// The middle one of some figures.
pub fn middle(figures: Vec<f64>) -> f64 {
    ranked(figures, 2)
}

/// The figure that a fifth of them are below: what a thing costs while nobody disturbs it, for who shares the machine only
/// ever adds to it.
pub fn undisturbed(figures: Vec<f64>) -> f64 {
    ranked(figures, 5)
}

fn ranked(mut figures: Vec<f64>, part: usize) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / part).copied().unwrap_or_default()
}
