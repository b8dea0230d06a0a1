//! What the fuzzers assert holds for the fixtures, and for what becomes of them when a byte is lost or turned.

#[allow(unreachable_pub, reason = "it is a crate of its own for the fuzzers")]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

mod fixtures;

use fixtures::{Kind, cases};
use proptest::prelude::*;
use proptest::sample::Index;

#[test]
fn every_fixture_holds_what_the_fuzzers_assert() {
    for kind in Kind::ALL {
        for case in cases(kind) {
            fuzz::sse(&case.input);
            fuzz::stream(&case.input);
            fuzz::request(&case.input);
        }
    }
}

proptest! {
    #[test]
    fn so_does_one_with_a_byte_turned_or_lost(which in any::<Index>(), at in any::<Index>(), byte in any::<u8>(), lost in any::<bool>()) {
        let inputs: Vec<Vec<u8>> = Kind::ALL.into_iter().flat_map(cases).map(|case| case.input).collect();
        let mut input = inputs[which.index(inputs.len())].clone();
        if !input.is_empty() {
            let at = at.index(input.len());
            if lost { input.remove(at); } else { input[at] = byte; }
        }
        fuzz::sse(&input);
        fuzz::stream(&input);
        fuzz::request(&input);
    }
}
