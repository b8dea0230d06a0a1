//! The summary of a finished request for Envoy's access log and its spans.
//!
//! It is a single value, because each call to the host costs more than a request's share of the log. Envoy's
//! `CEL` can read fields of a Protobuf message in filter state, and `google.protobuf.Struct` is the one
//! message that every build of Envoy knows and that can hold anything.

use crate::key::UsageEntry;

use super::call::Call;

impl Call {
    /// The summary as a serialized `google.protobuf.Struct`. Unknown values are left out. It contains the
    /// key's alias, but never the key.
    pub fn report(&self, entry: &UsageEntry<'_>) -> Vec<u8> {
        let mut report = Struct::default();
        report.text("call_id", &entry.call_id);
        report.text("path", &self.path);
        report.text("operation", &entry.mode);
        report.text("requested_model", &self.memo.model);
        report.text("model_group", &entry.model_group);
        if let Some((provider, model)) = entry.model.split_once('/') {
            report.text("provider", provider);
            report.text("model", model);
        }
        report.text("deployment", &entry.deployment_id);
        report.text("attempts", &self.chain());
        report.count("status", entry.status.into());
        report.count("prompt_tokens", entry.prompt_tokens);
        report.count("completion_tokens", entry.completion_tokens);
        report.count("cached_tokens", entry.cached_tokens);
        report.count("cache_write_tokens", entry.cache_write_tokens);
        report.count("reasoning_tokens", entry.reasoning_tokens);
        if let Some(cost) = entry.cost_picodollars {
            #[expect(clippy::cast_precision_loss, reason = "nine digits of a dollar are enough for a log")]
            report.number("cost", cost as f64 / 1e12);
        }
        if let Some(first) = entry.first_token_ms {
            report.count("time_to_first_token_ms", first);
        }
        report.count("duration_ms", entry.duration_ms);
        if let Some(key) = &self.key {
            report.text("key_alias", key.key_alias.as_deref().unwrap_or_default());
            report.text("user", key.user_id.as_deref().unwrap_or_default());
            report.text("team", key.team_id.as_deref().unwrap_or_default());
        }
        report.0
    }
}

/// A `google.protobuf.Struct` on the wire: <https://protobuf.dev/programming-guides/encoding/>.
#[derive(Default)]
struct Struct(Vec<u8>);

impl Struct {
    /// `fields[name] = { string_value }`; an empty text is left out.
    fn text(&mut self, name: &str, text: &str) {
        /// Field 3 of `Value`, with a length.
        const STRING: u8 = 3 << 3 | 2;
        if !text.is_empty() {
            let mut value = Vec::with_capacity(text.len() + 4);
            put(&mut value, STRING, text.as_bytes());
            self.field(name, &value);
        }
    }

    /// An integer; exact up to 2^53, more than any request counts.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    fn count(&mut self, name: &str, count: u64) {
        self.number(name, count as f64);
    }

    /// `fields[name] = { number_value }`
    fn number(&mut self, name: &str, number: f64) {
        /// Field 2 of `Value`, eight bytes.
        const NUMBER: u8 = 2 << 3 | 1;
        let mut value = vec![NUMBER];
        value.extend(number.to_le_bytes());
        self.field(name, &value);
    }

    /// An entry of the map, encoded as a message of key and value.
    fn field(&mut self, name: &str, value: &[u8]) {
        const FIRST: u8 = 1 << 3 | 2;
        const SECOND: u8 = 2 << 3 | 2;
        let mut entry = Vec::with_capacity(name.len() + value.len() + 8);
        put(&mut entry, FIRST, name.as_bytes());
        put(&mut entry, SECOND, value);
        put(&mut self.0, FIRST, &entry);
    }
}

/// Writes a tag, a length, and that many bytes.
fn put(message: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    message.push(tag);
    let mut length = bytes.len();
    while length > 0x7f {
        message.push(low_bits(length) | 0x80);
        length >>= 7;
    }
    message.push(low_bits(length));
    message.extend(bytes);
}

fn low_bits(length: usize) -> u8 {
    (length & 0x7f).to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_struct_is_what_protobuf_makes_of_it() {
        // The output of `protoc --encode google.protobuf.Struct` for `fields { key: "a" value { string_value:
        // "b" } }` and `fields { key: "n" value { number_value: 1 } }`.
        let mut message = Struct::default();
        message.text("a", "b");
        message.text("none", "");
        message.count("n", 1);
        assert_eq!(
            message.0,
            [
                &b"\x0a\x08\x0a\x01a\x12\x03\x1a\x01b"[..],
                b"\x0a\x0e\x0a\x01n\x12\x09\x11\x00\x00\x00\x00\x00\x00\xf0\x3f"
            ]
            .concat()
        );
    }

    #[test]
    fn a_length_of_more_than_seven_bits_has_two_bytes() {
        let mut message = Vec::new();
        put(&mut message, 0x0a, &[7; 300]);
        assert_eq!(message.get(..4), Some(&[0x0a, 0xac, 0x02, 7][..]));
        assert_eq!(message.len(), 303);
    }
}
