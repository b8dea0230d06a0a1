//! Histograms of durations, from which percentiles are estimated.

/// Upper bounds of the buckets, milliseconds. The last bucket has none.
const BOUNDS: [u32; 26] = [
    10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000, 7_500,
    10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Measure {
    /// From the first byte received to the last byte sent.
    Duration,
    /// From the first byte received to the first event sent.
    FirstToken,
}

impl Measure {
    /// In the database.
    pub(super) fn stored(self) -> i64 {
        match self {
            Self::Duration => 0,
            Self::FirstToken => 1,
        }
    }
}

/// The bucket of a duration.
pub(super) fn bucket(ms: u64) -> i64 {
    let at = BOUNDS.partition_point(|bound| u64::from(*bound) < ms);
    i64::try_from(at).unwrap_or_default()
}

/// How many requests took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram([i64; BOUNDS.len() + 1]);

impl Histogram {
    /// Adds requests to a bucket.
    pub(super) fn add(&mut self, bucket: i64, requests: i64) {
        if let Some(count) = usize::try_from(bucket).ok().and_then(|at| self.0.get_mut(at)) {
            *count = count.saturating_add(requests);
        }
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// Number of requests.
    pub fn requests(&self) -> i64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The duration, milliseconds, that this share of the requests did not exceed: interpolated in its bucket. `None` without
    /// requests; the largest bound if it is beyond it.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let all = self.requests();
        if all == 0 {
            return None;
        }
        let wanted = (all as f64 * share).max(1.0);
        let (mut below, mut lower) = (0.0, 0.0);
        for (count, upper) in self.0.iter().zip(BOUNDS) {
            let (count, upper) = (*count as f64, f64::from(upper));
            if below + count >= wanted {
                return Some(lower + (upper - lower) * (wanted - below) / count);
            }
            below += count;
            lower = upper;
        }
        Some(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(durations: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        durations.into_iter().for_each(|ms| histogram.add(bucket(ms), 1));
        histogram
    }

    #[test]
    fn a_percentile_is_in_the_bucket_of_the_request() {
        let histogram = of(1..=1_000);
        for (share, exact) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let estimate = histogram.percentile(share).unwrap();
            assert!((estimate - exact).abs() < 30.0, "{share}: {estimate}");
        }
        assert_eq!(of([]).percentile(0.5), None);
        assert_eq!(of([u64::MAX]).percentile(0.5), Some(600_000.0));
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        assert_eq!([0, 10, 11, 25, 600_000, 600_001].map(bucket), [0, 0, 1, 1, 25, 26]);
    }

    #[test]
    fn histograms_add_up() {
        let mut both = of([5, 80]);
        both.merge(&of([80]));
        assert_eq!(both, of([5, 80, 80]));
        assert_eq!(both.requests(), 3);
    }
}
