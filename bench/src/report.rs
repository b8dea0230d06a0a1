//! The table.

use std::fmt;

use serde_json::{Value, json};

use switchboard_bench::measure::{Measured, median, middle, undisturbed};
use switchboard_bench::rows::{Row, Target};

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
    memory_kib: Vec<(&'static str, u64, u64)>,
    provider_rate: Option<f64>,
    aims: Vec<Aim>,
}

/// A target that is no row of requests.
#[derive(Debug)]
pub(crate) struct Aim {
    /// What was measured.
    pub(crate) name: &'static str,
    /// In what.
    pub(crate) unit: &'static str,
    /// At most so much.
    pub(crate) target: f64,
    /// So much it was.
    pub(crate) figure: f64,
}

impl Aim {
    fn missed(&self) -> bool {
        self.figure > self.target
    }
}

#[derive(Debug)]
struct Line {
    name: &'static str,
    /// `wasm` or `native`.
    host: &'static str,
    target: Target,
    bare: Figures,
    gateway: Figures,
    /// CPU per request of both in each round, microseconds.
    rounds: Vec<(f64, f64)>,
    /// CPU of the key service per request, microseconds.
    recording: f64,
}

#[derive(Debug)]
struct Figures {
    cpu_micros: f64,
    rate: f64,
    p50_millis: f64,
    p99_millis: f64,
}

impl Figures {
    fn of(turns: &[Measured]) -> Self {
        Self {
            cpu_micros: median(turns, |turn| turn.cpu_micros),
            rate: median(turns, |turn| turn.rate),
            p50_millis: median(turns, |turn| turn.p50_millis),
            p99_millis: median(turns, |turn| turn.p99_millis),
        }
    }

    fn json(&self) -> Value {
        json!({
            "cpu_us_per_request": self.cpu_micros,
            "requests_per_second": self.rate,
            "p50_ms": self.p50_millis,
            "p99_ms": self.p99_millis,
        })
    }
}

impl Line {
    /// What is compared with the target: the middle of what the rounds gave, for the machine changes less within one than
    /// from one to the next.
    fn figure(&self) -> f64 {
        middle(self.rounds.iter().map(|&(bare, gateway)| self.beside(bare, gateway)).collect())
    }

    /// The same while nobody disturbed either.
    fn undisturbed(&self) -> f64 {
        let (bare, gateway) = self.rounds.iter().copied().unzip();
        self.beside(undisturbed(bare), undisturbed(gateway))
    }

    fn beside(&self, bare: f64, gateway: f64) -> f64 {
        match self.target {
            Target::Ratio(_) => gateway / bare,
            Target::PerEvent { events, .. } => (gateway - bare) / f64::from(events),
        }
    }

    fn target(&self) -> f64 {
        match self.target {
            Target::Ratio(ratio) => ratio,
            Target::PerEvent { micros, .. } => micros,
        }
    }

    fn missed(&self) -> bool {
        self.figure() > self.target()
    }

    /// CPU of all of the gateway's processes, in that of bare Envoy.
    fn all(&self) -> f64 {
        (self.gateway.cpu_micros + self.recording) / self.bare.cpu_micros
    }
}

impl Report {
    /// One without lines.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds what the turns of bare Envoy and of the gateway on that host gave, and what recording a request cost the key
    /// service, microseconds.
    pub(crate) fn add(
        &mut self,
        row: &Row,
        host: &'static str,
        (bare, gateway): (&[Measured], &[Measured]),
        recording: f64,
    ) {
        let rounds = bare.iter().zip(gateway).map(|(bare, own)| (bare.cpu_micros, own.cpu_micros)).collect();
        let (bare, gateway) = (Figures::of(bare), Figures::of(gateway));
        self.lines.push(Line { name: row.name, host, target: row.target, bare, gateway, rounds, recording });
    }

    /// Adds the memory in use after all rows: bare Envoy's and the gateway's.
    pub(crate) fn memory(&mut self, host: &'static str, bare_kib: u64, gateway_kib: u64) {
        self.memory_kib.push((host, bare_kib, gateway_kib));
    }

    /// Adds the requests per second of the load generator and the provider with nothing between them.
    pub(crate) fn provider(&mut self, rate: f64) {
        self.provider_rate = Some(rate);
    }

    /// Adds a target of another kind.
    pub(crate) fn aim(&mut self, aim: Aim) {
        self.aims.push(aim);
    }

    /// Whether some target is missed.
    pub(crate) fn missed(&self) -> bool {
        self.lines.iter().any(Line::missed) || self.aims.iter().any(Aim::missed)
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                let unit = match line.target {
                    Target::Ratio(_) => "times bare Envoy's CPU per request",
                    Target::PerEvent { .. } => "added microseconds of CPU per event",
                };
                json!({
                    "row": line.name,
                    "host": line.host,
                    "unit": unit,
                    "target": line.target(),
                    "figure": line.figure(),
                    "undisturbed": line.undisturbed(),
                    "missed": line.missed(),
                    "bare": line.bare.json(),
                    "switchboard": line.gateway.json(),
                    "key_service_cpu_us_per_request": line.recording,
                    "all_processes_times_bare": line.all(),
                })
            })
            .collect();
        let aim = |aim: &Aim| json!({ "aim": aim.name, "unit": aim.unit, "target": aim.target, "figure": aim.figure, "missed": aim.missed() });
        let memory: Vec<Value> = self
            .memory_kib
            .iter()
            .map(|(host, bare, gateway)| json!({ "host": host, "bare": bare, "switchboard": gateway }))
            .collect();
        json!({
            "rows": lines,
            "aims": self.aims.iter().map(aim).collect::<Vec<_>>(),
            "resident_kib": memory,
            "provider_requests_per_second": self.provider_rate,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| {:<27} | {:<6} | {:>12} | {:>13} | {:>11} | {:>7} | {:>6} | {:>6} | {:>9} | {:>7} | {:>13} | {:>10} |",
            "work",
            "host",
            "target",
            "figure",
            "undisturbed",
            "verdict",
            "bare",
            "ours",
            "recording",
            "all",
            "p50 / p99",
            "requests/s"
        )?;
        writeln!(
            f,
            "|{:-<29}|{:-<8}|{:->14}|{:->15}|{:->13}|{:->9}|{:->8}|{:->8}|{:->11}|{:->9}|{:->15}|{:->12}|",
            "", "", ":", ":", ":", ":", ":", ":", ":", ":", ":", ":"
        )?;
        for line in &self.lines {
            let unit = match line.target {
                Target::Ratio(_) => "×",
                Target::PerEvent { .. } => "µs/event",
            };
            writeln!(
                f,
                "| {:<27} | {:<6} | {:>12} | {:>13} | {:>11.2} | {:>7} | {:>6.0} | {:>6.0} | {:>9.1} | {:>7} | {:>13} | {:>10.0} |",
                line.name,
                line.host,
                format!("{:.1} {unit}", line.target()),
                format!("{:.2} {unit}", line.figure()),
                line.undisturbed(),
                if line.missed() { "missed" } else { "met" },
                line.bare.cpu_micros,
                line.gateway.cpu_micros,
                line.recording,
                format!("{:.2} ×", line.all()),
                format!("{:.2} / {:.2}", line.gateway.p50_millis, line.gateway.p99_millis),
                line.gateway.rate,
            )?;
        }
        writeln!(
            f,
            "\nbare, ours: CPU of the Envoy process per request, µs; recording: CPU of the key service, µs per request that it \
             recorded; all: ours and recording, compared to bare; p50 / p99: ms, through the gateway; undisturbed: by the \
             20th percentile of the rounds"
        )?;
        if !self.aims.is_empty() {
            writeln!(f, "\n| other figures | target | figure | verdict |\n|---|--:|--:|--:|")?;
        }
        for aim in &self.aims {
            let Aim { name, unit, target, figure } = aim;
            let verdict = if aim.missed() { "missed" } else { "met" };
            writeln!(f, "| {name} | {target} {unit} | {figure:.2} {unit} | {verdict} |")?;
        }
        if !self.aims.is_empty() {
            writeln!(f)?;
        }
        if let Some(rate) = self.provider_rate {
            writeln!(f, "the provider, called directly: {rate:.0} requests/s")?;
        }
        for (host, bare, gateway) in &self.memory_kib {
            writeln!(
                f,
                "memory after all rows: bare Envoy {} MiB, Switchboard ({host}) {} MiB",
                bare / 1024,
                gateway / 1024
            )?;
        }
        Ok(())
    }
}
