//! Ids of responses, items and calls.

use std::borrow::Cow;

use crate::hex::hex;

/// The longest id that clients and providers take.
pub(super) const LONGEST: usize = 64;

/// The id of a call as every provider takes it. It is the same for the call and its result, in requests and in responses.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    if id.len() <= LONGEST && id.bytes().all(is_safe) {
        Cow::Borrowed(id)
    } else {
        Cow::Owned(["call_", &digest(id)].concat())
    }
}

/// The request's id, as the middle of other ids. Clients may have sent any.
pub(super) fn stem(request: &str) -> String {
    let short = request.replace('-', "");
    if !short.is_empty() && short.len() <= 40 && short.bytes().all(is_safe) { short } else { digest(request) }
}

fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn digest(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    hex(&Sha256::digest(text.as_bytes())).chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_a_provider_would_refuse_becomes_another_and_always_the_same() {
        assert_eq!(call_id("call_1-A"), "call_1-A");
        for id in ["call_1|fc_2", "é", &"x".repeat(65)] {
            let safe = call_id(id);
            assert!(safe.starts_with("call_") && safe.len() <= LONGEST, "{safe}");
            assert_eq!(safe, call_id(id));
            assert_ne!(safe, call_id(&[id, "1"].concat()));
        }
    }
}
