//! The table.

use std::fmt;

use serde_json::{Value, json};

use switchboard_bench::measure::{Measured, median};
use switchboard_bench::rows::{Row, Target};

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
    memory_kib: Option<(u64, u64)>,
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
    target: Target,
    bare: Figures,
    gateway: Figures,
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
    fn ratio(&self) -> f64 {
        self.gateway.cpu_micros / self.bare.cpu_micros
    }

    /// What is compared with the target, and the target.
    fn against_target(&self) -> (f64, f64) {
        match self.target {
            Target::Ratio(ratio) => (self.ratio(), ratio),
            Target::PerEvent { micros, events } => {
                ((self.gateway.cpu_micros - self.bare.cpu_micros) / f64::from(events), micros)
            }
        }
    }

    fn missed(&self) -> bool {
        let (figure, target) = self.against_target();
        figure > target
    }
}

impl Report {
    /// One without lines.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds what the turns of bare Envoy and of the gateway gave.
    pub(crate) fn add(&mut self, row: &Row, turns: &[Vec<Measured>; 2]) {
        let (bare, gateway) = (Figures::of(&turns[0]), Figures::of(&turns[1]));
        self.lines.push(Line { name: row.name, target: row.target, bare, gateway });
    }

    /// Adds the memory in use after all rows: bare Envoy's and the gateway's.
    pub(crate) fn memory(&mut self, bare_kib: u64, gateway_kib: u64) {
        self.memory_kib = Some((bare_kib, gateway_kib));
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
                let (figure, target) = line.against_target();
                let unit = match line.target {
                    Target::Ratio(_) => "times bare Envoy's CPU per request",
                    Target::PerEvent { .. } => "added microseconds of CPU per event",
                };
                json!({
                    "row": line.name,
                    "unit": unit,
                    "target": target,
                    "figure": figure,
                    "missed": line.missed(),
                    "bare": line.bare.json(),
                    "switchboard": line.gateway.json(),
                })
            })
            .collect();
        let aim = |aim: &Aim| json!({ "aim": aim.name, "unit": aim.unit, "target": aim.target, "figure": aim.figure, "missed": aim.missed() });
        let memory = self.memory_kib.map(|(bare, gateway)| json!({ "bare": bare, "switchboard": gateway }));
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
            "| {:<26} | {:>12} | {:>12} | {:>12} | {:>6} | {:>6} | {:>11} | {:>11} |",
            "work", "target", "figure", "verdict", "bare", "ours", "p50 / p99", "requests/s"
        )?;
        writeln!(
            f,
            "|{:-<28}|{:->14}|{:->14}|{:->14}|{:->8}|{:->8}|{:->13}|{:->13}|",
            "", ":", ":", ":", ":", ":", ":", ":"
        )?;
        for line in &self.lines {
            let (figure, target) = line.against_target();
            let unit = match line.target {
                Target::Ratio(_) => "×",
                Target::PerEvent { .. } => "µs/event",
            };
            writeln!(
                f,
                "| {:<26} | {:>12} | {:>12} | {:>12} | {:>6.0} | {:>6.0} | {:>11} | {:>11.0} |",
                line.name,
                format!("{target:.1} {unit}"),
                format!("{figure:.2} {unit}"),
                if line.missed() { "missed" } else { "met" },
                line.bare.cpu_micros,
                line.gateway.cpu_micros,
                format!("{:.2} / {:.2}", line.gateway.p50_millis, line.gateway.p99_millis),
                line.gateway.rate,
            )?;
        }
        writeln!(
            f,
            "\nbare, ours: CPU of the Envoy process per request, µs; p50 / p99: ms, through the gateway"
        )?;
        if !self.aims.is_empty() {
            writeln!(f, "\n| besides | target | figure | verdict |\n|---|--:|--:|--:|")?;
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
            writeln!(f, "the provider without anybody between: {rate:.0} requests/s")?;
        }
        if let Some((bare, gateway)) = self.memory_kib {
            writeln!(f, "memory after all rows: bare {} MiB, ours {} MiB", bare / 1024, gateway / 1024)?;
        }
        Ok(())
    }
}
