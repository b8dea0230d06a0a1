//! Timeouts in seconds, and durations such as `30d`.

use super::table::{At, Table};

/// A duration in seconds, above zero.
pub(super) fn timeout(table: &mut Table<'_>, key: &'static str) -> Option<f64> {
    /// A week, in seconds: Envoy's durations hold it, and nobody waits longer.
    const LONGEST: f64 = 604_800.0;
    /// Envoy counts milliseconds, and takes less for nothing or for no limit.
    const SHORTEST: f64 = 0.001;
    let At { at, value } = table.number(key)?;
    if !(SHORTEST..=LONGEST).contains(&value) {
        let message = format!("{} must be from {SHORTEST} to {LONGEST} seconds", table.name(key));
        table.report.error(at, message, None);
        return None;
    }
    Some(value)
}

/// A number and a unit, as the key service reads it. `bare` is the unit of a number without one, if that is allowed.
pub(super) fn duration(table: &mut Table<'_>, key: &'static str, bare: Option<&str>) -> Option<String> {
    let At { at, value } = table.text(key)?;
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = value.split_at(digits);
    match (count.parse::<u32>(), unit) {
        (Ok(1..), "s" | "m" | "h" | "d" | "w" | "mo") => Some(value),
        (Ok(1..), "") if bare.is_some() => Some(value + bare.unwrap_or_default()),
        _ => {
            let message =
                format!("{} must be a duration such as 30d or 12h, found '{value}'", table.name(key));
            table.report.error(at, message, Some("units: s, m, h, d, w, mo".to_owned()));
            None
        }
    }
}
