//! Money as whole picodollars (1e-12 USD): sums are exact, and even the cheapest token costs thousands of
//! them.

use serde::{Serialize, Serializer};

const PER_DOLLAR: f64 = 1e12;

/// A non-negative amount in picodollars, written as USD in JSON.
///
/// Stored as a signed 64-bit integer, which holds up to 9.2 million dollars. Sums saturate instead of
/// wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Picodollars(i64);

impl Picodollars {
    /// The maximum amount.
    pub const MAX: Self = Self(i64::MAX);

    /// From a database column.
    pub fn from_stored(value: i64) -> Self {
        Self(value.max(0))
    }

    /// To a database column.
    pub fn stored(self) -> i64 {
        self.0
    }

    /// From the filter's report.
    pub fn reported(value: u64) -> Self {
        Self(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// From USD as an operator wrote it; anything but a positive number counts as 0.
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and NaN becomes 0: what is wanted")]
    pub fn from_usd(usd: f64) -> Self {
        Self(((usd * PER_DOLLAR).round() as i64).max(0))
    }

    /// In USD.
    #[expect(clippy::cast_precision_loss, reason = "shown to people; sums are made of the integers")]
    pub fn usd(self) -> f64 {
        self.0 as f64 / PER_DOLLAR
    }

    /// The sum, or [`Self::MAX`].
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Serialize for Picodollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.usd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_per_token_survives_the_way_through_dollars() {
        assert_eq!(Picodollars::from_usd(2.5e-6).stored(), 2_500_000);
        assert_eq!(serde_json::to_string(&Picodollars::from_usd(0.003)).unwrap(), "0.003");
    }

    #[test]
    fn sums_and_conversions_stop_at_the_largest_amount() {
        assert_eq!(Picodollars::reported(u64::MAX), Picodollars::MAX);
        assert_eq!(Picodollars::MAX.plus(Picodollars::from_usd(1.0)), Picodollars::MAX);
        assert_eq!(Picodollars::from_usd(1e300), Picodollars::MAX);
    }

    #[test]
    fn what_is_no_amount_is_nothing() {
        assert_eq!(Picodollars::from_usd(-1.0), Picodollars::default());
        assert_eq!(Picodollars::from_usd(f64::NAN), Picodollars::default());
        assert_eq!(Picodollars::from_stored(-5), Picodollars::default());
    }
}
