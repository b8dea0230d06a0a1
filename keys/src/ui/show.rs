//! How values are written for people.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::clock;

/// An amount with enough digits: cents from a dollar on, four significant ones below.
pub(super) fn usd(amount: f64) -> String {
    if amount == 0.0 {
        return "$0".to_owned();
    }
    if amount.abs() >= 1.0 {
        let text = format!("{amount:.2}");
        let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
        return format!("${}.{cents}", grouped(whole));
    }
    // The first digit of 0.00123 is the third.
    let zeros = (1..12).take_while(|place| amount.abs() * 10f64.powi(*place) < 1.0).count();
    let digits = (zeros + 4).min(12);
    let text = format!("{amount:.digits$}");
    let text = text.trim_end_matches('0');
    // Two digits at least, as for money.
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("${text}{}", "0".repeat(2usize.saturating_sub(decimals)))
}

/// A number with thousands separated.
pub(super) fn count(number: i64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let mut text = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A moment: as a machine reads it, and in UTC. The script shows it in the reader's zone.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) machine: String,
    pub(super) person: String,
    pub(super) is_past: bool,
}

impl Moment {
    pub(super) fn of(at: Timestamp) -> Self {
        Self {
            machine: clock::iso(at),
            person: at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            is_past: at <= clock::now(),
        }
    }

    /// From a response of the key API.
    pub(super) fn read(value: &Value) -> Option<Self> {
        value.as_str().and_then(clock::parse).map(Self::of)
    }
}

/// A share of a limit as a bar of 100 units.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) width: u32,
    /// `ok`, `near` or `over`.
    pub(super) state: &'static str,
    pub(super) percent: String,
}

impl Bar {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100")]
    pub(super) fn of(used: f64, limit: f64) -> Self {
        let share = if limit > 0.0 { used / limit * 100.0 } else { 100.0 };
        let state = match share {
            share if share >= 100.0 => "over",
            share if share >= 80.0 => "near",
            _ => "ok",
        };
        let width = share.clamp(0.0, 100.0).round() as u32;
        let percent =
            if share > 0.0 && share < 1.0 { "<1%".to_owned() } else { format!("{:.0}%", share.min(9_999.0)) };
        Self { width, state, percent }
    }
}

/// A duration in milliseconds.
pub(super) fn duration(ms: i64) -> String {
    let duration = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    match duration.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{ms} ms"),
        seconds if seconds < 60.0 => format!("{seconds:.2} s"),
        seconds => format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_enough_digits_and_no_more() {
        for (amount, text) in [
            (0.0, "$0"),
            (12.0, "$12.00"),
            (1_234_567.891, "$1,234,567.89"),
            (0.5, "$0.50"),
            (0.123_456_7, "$0.1235"),
            (0.001_234_56, "$0.001235"),
            (0.000_002_5, "$0.0000025"),
            (999.999, "$1,000.00"),
            (0.999_99, "$1.00"),
        ] {
            assert_eq!(usd(amount), text);
        }
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, -1_234_567].map(count), ["0", "999", "1,000", "-1,234,567"]);
    }

    #[test]
    fn a_bar_tells_when_a_limit_is_near_or_over() {
        for (used, limit, width, state, percent) in [
            (0.0, 10.0, 0, "ok", "0%"),
            (0.01, 10.0, 0, "ok", "<1%"),
            (8.0, 10.0, 80, "near", "80%"),
            (25.0, 10.0, 100, "over", "250%"),
            (0.0, 0.0, 100, "over", "100%"),
        ] {
            let bar = Bar::of(used, limit);
            assert_eq!((bar.width, bar.state, bar.percent.as_str()), (width, state, percent));
        }
    }

    #[test]
    fn durations_have_a_unit_of_their_size() {
        assert_eq!([0, 999, 1_500, 61_000].map(duration), ["0 ms", "999 ms", "1.50 s", "1 min 1 s"]);
    }
}
