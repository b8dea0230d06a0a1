//! How Envoy writes addresses and durations.

use serde_json::{Value, json};

/// `host:port` as Envoy writes it.
pub(super) fn socket_address(host: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": host, "port_value": port } })
}

/// Seconds as Envoy reads durations: nine digits after the point at most, which no float promises.
pub(super) fn seconds(duration: std::time::Duration) -> String {
    let nanos = format!("{:09}", duration.subsec_nanos());
    match nanos.trim_end_matches('0') {
        "" => format!("{}s", duration.as_secs()),
        nanos => format!("{}.{nanos}s", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::seconds;

    #[test]
    fn a_duration_has_nine_digits_after_the_point_at_most() {
        // The float nearest to it has fifteen.
        assert_eq!(seconds(Duration::new(13, 523_168_547)), "13.523168547s");
        assert_eq!(seconds(Duration::from_millis(50)), "0.05s");
        assert_eq!(seconds(Duration::from_mins(10)), "600s");
    }
}
