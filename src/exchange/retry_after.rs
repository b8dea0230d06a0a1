//! When to retry a provider, in the one form that Envoy and every SDK understand.
//!
//! `retry-after` is whole seconds or an HTTP date (RFC 9110, section 10.2.3). Providers also send fractional
//! seconds, and `retry-after-ms` in addition. Envoy reads only whole seconds; `OpenAI`'s SDKs read
//! `retry-after-ms` first.

use std::time::SystemTime;

use super::head::Head;
use super::headers::Headers;

/// Longer waits are not credible, milliseconds: one month.
const LONGEST_MS: f64 = 31.0 * 86_400_000.0;

/// A delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RetryAfter {
    ms: u64,
    /// Whether whole seconds would lose precision.
    is_fine: bool,
}

impl RetryAfter {
    /// A delay in whole seconds.
    pub(super) fn seconds(seconds: u64) -> Self {
        Self { ms: seconds.saturating_mul(1000), is_fine: false }
    }

    /// Reads the headers of a response. A date is relative to the response's own `date`, so that different
    /// clocks are not compared; without `date` it is relative to `asked_ms`, when the request arrived (Unix
    /// time in milliseconds).
    pub(super) fn of(head: &Head, asked_ms: u64) -> Option<Self> {
        if let Some(ms) = head.text("retry-after-ms").and_then(|text| milliseconds(text, 1.0)) {
            return Some(Self { ms, is_fine: true });
        }
        let text = head.text("retry-after")?;
        if let Some(ms) = milliseconds(text, 1000.0) {
            return Some(Self { ms, is_fine: ms % 1000 > 0 });
        }
        let until = date_ms(text)?;
        let from = head.text("date").and_then(date_ms).unwrap_or(asked_ms);
        Some(Self { ms: until.saturating_sub(from), is_fine: false })
    }

    /// Writes the headers.
    pub(super) fn write(self, headers: &mut Headers) {
        headers.set("retry-after", self.ms.div_ceil(1000).to_string());
        if self.is_fine {
            headers.set("retry-after-ms", self.ms.to_string());
        }
    }
}

/// Parses a number of units, each `unit` milliseconds long.
fn milliseconds(text: &str, unit: f64) -> Option<u64> {
    let ms = text.trim().parse::<f64>().ok()? * unit;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above 0, and a month at most"
    )]
    (0.0..=LONGEST_MS).contains(&ms).then(|| ms.ceil() as u64)
}

/// Parses an HTTP date in any of its three forms to Unix time in milliseconds.
fn date_ms(text: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    u64::try_from(date.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `2026-11-22 13:00:00` UTC.
    const ASKED_MS: u64 = 1_795_352_400_000;

    fn written(headers: &[(&str, &str)]) -> Option<(String, Option<String>)> {
        let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        let mut out = Headers::default();
        RetryAfter::of(&Head::new(pairs.collect()), ASKED_MS)?.write(&mut out);
        let own = |name| out.get(name).map(str::to_owned);
        Some((own("retry-after")?, own("retry-after-ms")))
    }

    #[test]
    fn every_form_becomes_whole_seconds_and_milliseconds_where_they_say_more() {
        let whole = |seconds: &str| Some((seconds.to_owned(), None));
        let fine = |seconds: &str, ms: &str| Some((seconds.to_owned(), Some(ms.to_owned())));
        assert_eq!(written(&[("retry-after", "7")]), whole("7"));
        assert_eq!(written(&[("retry-after", "0")]), whole("0"));
        assert_eq!(written(&[("retry-after", " 3600 ")]), whole("3600"));
        assert_eq!(written(&[("retry-after", "1.5")]), fine("2", "1500"));
        assert_eq!(written(&[("retry-after-ms", "250"), ("retry-after", "1")]), fine("1", "250"));
        assert_eq!(written(&[("retry-after-ms", "soon"), ("retry-after", "3")]), whole("3"));
    }

    #[test]
    fn a_date_counts_from_the_answers_own_date_and_else_from_the_request() {
        for date in
            ["Sun, 22 Nov 2026 13:00:30 GMT", "Sunday, 22-Nov-26 13:00:30 GMT", "Sun Nov 22 13:00:30 2026"]
        {
            assert_eq!(written(&[("retry-after", date)]), Some(("30".to_owned(), None)), "{date}");
            let of_answer = [("retry-after", date), ("date", "Sun, 22 Nov 2026 13:00:10 GMT")];
            assert_eq!(written(&of_answer), Some(("20".to_owned(), None)), "{date}");
        }
        let past = [("retry-after", "Sun, 22 Nov 2026 12:59:00 GMT")];
        assert_eq!(written(&past), Some(("0".to_owned(), None)));
    }

    #[test]
    fn what_is_no_wait_is_none() {
        for text in ["", "soon", "-1", "nan", "inf", "1e99", "Sun, 99 Nov 2026 13:00:30 GMT"] {
            assert_eq!(written(&[("retry-after", text)]), None, "{text}");
        }
    }
}
