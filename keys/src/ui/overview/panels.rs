//! The figures, charts and tables of the overview.

use std::collections::BTreeMap;

use super::super::chart::{Chart, Series, Slot, colour};
use super::super::show::{Bar, count, usd};
use super::asked::{Asked, Part};
use super::latency;
use super::read::{MOST_PARTS, Read};
use crate::money::Picodollars;
use crate::store::{Histogram, Sums};

/// Colour of failures.
const FAILED: usize = 7;

/// Rows of the tables of parts and of failures.
const MOST_ROWS: usize = 10;

/// A figure.
#[derive(Debug)]
pub(super) struct Tile {
    pub(super) label: &'static str,
    pub(super) figure: String,
    pub(super) link: Option<String>,
    pub(super) help: String,
}

/// A row of the table of parts.
#[derive(Debug)]
pub(super) struct PartView {
    pub(super) name: String,
    pub(super) link: String,
    pub(super) requests: String,
    pub(super) failures: String,
    pub(super) failures_link: Option<String>,
    pub(super) tokens: String,
    pub(super) spend: String,
    pub(super) share: Bar,
}

/// A row of the table of failures.
#[derive(Debug)]
pub(super) struct FailureView {
    pub(super) status: i64,
    pub(super) class: String,
    pub(super) requests: String,
    pub(super) share: String,
    pub(super) link: String,
}

/// A row of the table of deployments.
#[derive(Debug)]
pub(super) struct DeploymentView {
    pub(super) id: String,
    pub(super) model_group: String,
    pub(super) model: String,
    pub(super) requests: String,
    pub(super) failures: String,
    pub(super) share: String,
    pub(super) link: String,
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
pub(super) fn float(count: i64) -> f64 {
    count as f64
}

fn share(part: i64, all: i64) -> String {
    if all == 0 || part == 0 {
        return "0%".to_owned();
    }
    let share = float(part) / float(all) * 100.0;
    if share < 0.1 { "<0.1%".to_owned() } else { format!("{share:.1}%") }
}

/// How much more or less than before.
fn change(now: f64, before: f64) -> String {
    if before <= 0.0 {
        return String::new();
    }
    let change = (now / before - 1.0) * 100.0;
    match change {
        change if change.abs() < 0.5 => "about as in the period before".to_owned(),
        change if change > 999.0 => "more than ten times the period before".to_owned(),
        change if change > 0.0 => format!("{change:.0}% more than in the period before"),
        change => format!("{:.0}% less than in the period before", change.abs()),
    }
}

/// A duration in milliseconds.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_950.0 => format!("{:.1} s", ms / 1_000.0),
        ms => format!("{:.1} min", ms / 60_000.0),
    }
}

/// A number in few digits.
fn short(number: f64) -> String {
    match number {
        number if number >= 1e9 => format!("{:.1}B", number / 1e9),
        number if number >= 1e6 => format!("{:.1}M", number / 1e6),
        number if number >= 1e4 => format!("{:.0}K", number / 1e3),
        number if number >= 10.0 || number.fract() < 1e-9 => format!("{number:.0}"),
        number => format!("{number:.1}"),
    }
}

fn tokens(count: i64) -> String {
    short(float(count))
}

pub(super) fn tiles(asked: &Asked, read: &Read) -> Vec<Tile> {
    let Read { total, earlier, .. } = read;
    let all = Some(asked.requests(&[]));
    let failures = total.failures();
    let mut tiles = vec![
        Tile {
            label: "Spend",
            figure: usd(total.usd()),
            link: all.clone(),
            help: change(total.usd(), earlier.usd()),
        },
        Tile {
            label: "Requests",
            figure: count(total.requests),
            link: all.clone(),
            help: change(float(total.requests), float(earlier.requests)),
        },
        Tile {
            label: "Errors",
            figure: count(failures),
            link: Some(asked.requests(&[("status", "failure")])),
            help: format!("{} of the requests", share(failures, total.requests)),
        },
        Tile {
            label: "Tokens",
            figure: tokens(total.total_tokens()),
            link: all,
            help: format!(
                "{} prompt, {} completion",
                tokens(total.prompt_tokens),
                tokens(total.completion_tokens)
            ),
        },
        Tile {
            label: "Cached tokens",
            figure: share(total.cached_tokens, total.prompt_tokens),
            link: None,
            help: format!("of the prompt tokens, in {} requests", count(total.cache_hits)),
        },
    ];
    tiles.extend(latency::tiles(read));
    tiles
}

pub(super) fn charts(asked: &Asked, read: &Read) -> Vec<Chart> {
    let slots: Vec<Slot> = asked
        .times
        .iter()
        .map(|time| Slot { label: asked.label(*time), link: asked.requests_at(*time) })
        .collect();
    let mut charts = vec![spend(asked, read, &slots), requests(asked, read, &slots)];
    if let Some(latency) = &read.latency {
        for (at, id, title) in [(0, "duration", "Duration"), (1, "first-token", "Time to the first token")] {
            if let Some(chart) = percentiles(asked, latency, at, (id, title), &slots) {
                charts.push(chart);
            }
        }
    }
    charts
}

fn spend(asked: &Asked, read: &Read, slots: &[Slot]) -> Chart {
    let value = |picodollars: i64| Picodollars::from_stored(picodollars).usd();
    let parts = read.parts.iter().take(MOST_PARTS).filter(|part| part.sums.spend > 0);
    let mut series: Vec<Series> = parts
        .enumerate()
        .map(|(at, part)| Series {
            name: part.name.clone(),
            colour: colour(at, false),
            total: usd(part.sums.usd()),
            link: Some(part_link(asked, &part.id, &[])),
            values: asked
                .times
                .iter()
                .map(|time| Some(value(read.spend.get(&(at, *time)).copied().unwrap_or_default())))
                .collect(),
        })
        .collect();
    // What is left of each time's spend.
    let rest: Vec<i64> = asked
        .times
        .iter()
        .map(|time| {
            let all = read.times.get(time).map_or(0, |sums| sums.spend);
            let shown: i64 = (0..MOST_PARTS).filter_map(|at| read.spend.get(&(at, *time))).sum();
            (all - shown).max(0)
        })
        .collect();
    let left: i64 = rest.iter().sum();
    if left > 0 {
        series.push(Series {
            name: "Others".to_owned(),
            colour: colour(0, true),
            total: usd(value(left)),
            link: None,
            values: rest.into_iter().map(|rest| Some(value(rest))).collect(),
        });
    }
    let summary = format!("{} in total, by {}.", usd(read.total.usd()), asked.by.name());
    Chart::stacked(("spend", "Spend", summary), slots, &series, usd)
}

fn requests(asked: &Asked, read: &Read, slots: &[Slot]) -> Chart {
    let series = |name: &str, colour, status: &str, of: &dyn Fn(&Sums) -> i64| Series {
        name: name.to_owned(),
        colour,
        total: count(of(&read.total)),
        link: Some(asked.requests(&[("status", status)])),
        values: asked.times.iter().map(|time| Some(float(read.times.get(time).map_or(0, of)))).collect(),
    };
    let all = [
        series("Successful", colour(1, false), "success", &|sums| sums.successes),
        series("Failed", FAILED, "failure", &Sums::failures),
    ];
    let summary = format!(
        "{} in total, of which {} failed.",
        count(read.total.requests),
        share(read.total.failures(), read.total.requests)
    );
    Chart::stacked(("requests", "Requests", summary), slots, &all, short)
}

fn percentiles(
    asked: &Asked,
    latency: &BTreeMap<i64, [Histogram; 2]>,
    measure: usize,
    (id, title): (&'static str, &str),
    slots: &[Slot],
) -> Option<Chart> {
    let histogram = |time: &i64| latency.get(time).and_then(|histograms| histograms.get(measure));
    let measured: i64 = asked.times.iter().filter_map(histogram).map(Histogram::requests).sum();
    if measured == 0 {
        return None;
    }
    let series: Vec<Series> = [("p50", 0.5, 1), ("p95", 0.95, 0), ("p99", 0.99, 2)]
        .into_iter()
        .map(|(name, share, colour)| Series {
            name: name.to_owned(),
            colour,
            total: String::new(),
            link: None,
            values: asked
                .times
                .iter()
                .map(|time| histogram(time).and_then(|histogram| histogram.percentile(share)))
                .collect(),
        })
        .collect();
    let summary = format!("Of {} requests that a deployment answered.", count(measured));
    Some(Chart::lines((id, title, summary), slots, &series, duration))
}

/// The requests of a part.
fn part_link(asked: &Asked, id: &str, more: &[(&str, &str)]) -> String {
    let filter = match asked.by {
        Part::Model => "model",
        Part::Provider => "provider",
        Part::Team => "team",
        Part::Key => "key",
        Part::User => "user",
    };
    let mut filters = vec![(filter, id)];
    filters.retain(|(_, id)| !id.is_empty());
    filters.extend(more);
    asked.requests(&filters)
}

pub(super) fn parts(asked: &Asked, read: &Read) -> Vec<PartView> {
    let shown = read.parts.iter().take(MOST_ROWS).map(|part| PartView {
        name: part.name.clone(),
        link: part_link(asked, &part.id, &[]),
        requests: count(part.sums.requests),
        failures: count(part.sums.failures()),
        failures_link: (part.sums.failures() > 0)
            .then(|| part_link(asked, &part.id, &[("status", "failure")])),
        tokens: tokens(part.sums.total_tokens()),
        spend: usd(part.sums.usd()),
        share: Bar { state: "ok", ..Bar::of(part.sums.usd(), read.total.usd().max(f64::MIN_POSITIVE)) },
    });
    shown.collect()
}

pub(super) fn failures(asked: &Asked, read: &Read) -> Vec<FailureView> {
    let mut failures: Vec<_> = read.failures.iter().collect();
    failures.sort_by_key(|failure| core::cmp::Reverse(failure.requests));
    let shown = failures.into_iter().take(MOST_ROWS).map(|failure| {
        let status = failure.status.to_string();
        let mut filters = vec![("status", status.as_str())];
        if !failure.class.is_empty() {
            filters.push(("error", failure.class.as_str()));
        }
        FailureView {
            status: failure.status,
            class: if failure.class.is_empty() { "–".to_owned() } else { failure.class.clone() },
            requests: count(failure.requests),
            share: share(failure.requests, read.total.failures()),
            link: asked.requests(&filters),
        }
    });
    shown.collect()
}

pub(super) fn deployments(read: &Read) -> Option<Vec<DeploymentView>> {
    let shown = read.deployments.as_ref()?.iter().take(MOST_ROWS).map(|deployment| DeploymentView {
        id: deployment.id.clone(),
        model_group: deployment.model_group.clone(),
        model: deployment.model.clone(),
        requests: count(deployment.sums.requests),
        failures: count(deployment.sums.failures()),
        share: share(deployment.sums.failures(), deployment.sums.requests),
        link: format!(
            "/ui/requests?{}",
            form_urlencoded::Serializer::new(String::new())
                .append_pair("deployment", &deployment.id)
                .append_pair("status", "failure")
                .finish()
        ),
    });
    Some(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_honest() {
        assert_eq!(
            [0.0, 7.5, 9_999.0, 12_345.0, 1_500_000.0].map(short),
            ["0", "7.5", "9999", "12K", "1.5M"]
        );
        assert_eq!([0.4, 999.0, 1_000.0, 61_000.0].map(duration), ["0 ms", "999 ms", "1.0 s", "1.0 min"]);
        assert_eq!([share(0, 10), share(1, 100_000), share(1, 3)], ["0%", "<0.1%", "33.3%"]);
    }

    #[test]
    fn a_change_needs_something_to_compare_with() {
        assert_eq!(change(5.0, 0.0), "");
        assert_eq!(change(3.0, 2.0), "50% more than in the period before");
        assert_eq!(change(1.0, 2.0), "50% less than in the period before");
        assert_eq!(change(100.2, 100.0), "about as in the period before");
    }
}
