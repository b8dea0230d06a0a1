//! How long requests take: figures for those who see everything, and for those who see their own.

use super::super::show::count;
use super::panels::{Tile, duration, float};
use super::read::Read;
use crate::store::{Histogram, Sums};

/// Medians, or averages if there is no log.
pub(super) fn tiles(read: &Read) -> Vec<Tile> {
    match &read.latency {
        Some(latency) => {
            let mut all = [Histogram::default(), Histogram::default()];
            for histograms in latency.values() {
                all.iter_mut().zip(histograms).for_each(|(sum, one)| sum.merge(one));
            }
            all.iter().zip(LABELS).filter_map(|(histogram, label)| of_all(histogram, label)).collect()
        }
        None if read.latest.iter().all(Vec::is_empty) => averages(&read.total).collect(),
        None => latest(&read.latest).collect(),
    }
}

const LABELS: [&str; 2] = ["Duration, median", "First token, median"];

fn of_all(histogram: &Histogram, label: &'static str) -> Option<Tile> {
    let part = |share| Some(duration(histogram.percentile(share)?));
    let help = format!("p95 {}, p99 {}", unbroken(&part(0.95)?), unbroken(&part(0.99)?));
    Some(Tile { label, figure: part(0.5)?, link: None, help })
}

/// For those who do not see everything: percentiles of their latest requests.
fn latest(latest: &[Vec<i64>; 2]) -> impl Iterator<Item = Tile> {
    let all = latest.iter().zip(LABELS);
    all.filter(|(times, _)| !times.is_empty()).map(|(times, label)| Tile {
        label,
        figure: duration(percentile(times, 50)),
        link: None,
        help: format!(
            "p95 {}, p99 {}, of the latest {} requests",
            unbroken(&duration(percentile(times, 95))),
            unbroken(&duration(percentile(times, 99))),
            count(i64::try_from(times.len()).unwrap_or(i64::MAX))
        ),
    })
}

/// A number stays on one line with its unit.
fn unbroken(duration: &str) -> String {
    duration.replace(' ', "\u{a0}")
}

/// The time that this percentage of them did not exceed.
fn percentile(ascending: &[i64], percent: usize) -> f64 {
    let rank = (ascending.len() * percent).div_ceil(100).saturating_sub(1);
    ascending.get(rank).map_or(0.0, |time| float(*time))
}

/// If there is no log.
fn averages(total: &Sums) -> impl Iterator<Item = Tile> {
    let average = |label, sum: i64, requests: i64| {
        (requests > 0).then(|| Tile {
            label,
            figure: duration(float(sum) / float(requests)),
            link: None,
            help: format!("of {} requests", count(requests)),
        })
    };
    let all = [
        average("Duration, average", total.duration_ms, total.timed_requests),
        average("First token, average", total.first_token_ms, total.streamed_requests),
    ];
    all.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_of_a_list_is_one_of_its_times() {
        let times: Vec<i64> = (1..=200).collect();
        let found = [50, 95, 99, 100].map(|percent| percentile(&times, percent));
        assert_eq!(found.map(duration), ["100 ms", "190 ms", "198 ms", "200 ms"]);
        assert_eq!([percentile(&[7], 1), percentile(&[], 50)].map(duration), ["7 ms", "0 ms"]);
    }
}
