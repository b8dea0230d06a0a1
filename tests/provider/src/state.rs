//! Opaque state: what a provider hands out with a thought or a call, and expects back unchanged.
//!
//! A seal is base64, as the real ones are, and holds a hash of what it belongs to. So a provider can tell its own
//! seal from a foreign one, and a seal that was moved to another call from one that was not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// What every seal begins with, before it is encoded.
const MARK: &str = "sealed by the fake provider: ";

/// The seal of a thought.
pub fn of_thought(text: &str) -> String {
    seal(text)
}

/// The seal of a call.
pub fn of_call(name: &str, arguments: &Value) -> String {
    seal(&format!("{name} {}", sorted(arguments)))
}

/// Whether a text is a seal, of whatever it may be.
pub fn is_seal(text: &str) -> bool {
    BASE64_STANDARD.decode(text).is_ok_and(|bytes| bytes.starts_with(MARK.as_bytes()))
}

fn seal(what: &str) -> String {
    let hash = what.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // 45 bytes: no padding, whose loss nobody would notice.
    BASE64_STANDARD.encode(format!("{MARK}{hash:016x}"))
}

/// A value as text, whatever the order of its members was.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name:?}:{}", sorted(value))).collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_seal_belongs_to_one_thing_whatever_the_order_of_members() {
        let call = of_call("look", &json!({ "a": 1, "b": [{ "c": 2, "d": 3 }] }));
        assert_eq!(call, of_call("look", &json!({ "b": [{ "d": 3, "c": 2 }], "a": 1 })));
        assert_ne!(call, of_call("look", &json!({ "a": 1, "b": [] })));
        assert_ne!(of_thought("a"), of_thought("b"));
        assert!(is_seal(&call) && !is_seal("c2tpcA=="));
        assert!(!call.contains('='));
    }
}
