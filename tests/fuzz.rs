//! What the fuzzers assert holds for the fixtures, and for what becomes of them when a byte is lost or turned.

#[allow(unreachable_pub, reason = "it is a crate of its own for the fuzzers")]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

mod fixtures;

use fixtures::{Kind, cases};
use proptest::prelude::*;
use proptest::sample::Index;

/// The requests in `tests/inbound/`.
fn client_requests() -> Vec<Vec<u8>> {
    let folders = ["messages", "responses", "gemini"].map(|format| format!("tests/inbound/{format}/request"));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let requests: Vec<Vec<u8>> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".in.json"))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(requests.len() > 10);
    requests
}

#[test]
fn every_fixture_holds_what_the_fuzzers_assert() {
    for kind in Kind::ALL {
        for case in cases(kind) {
            fuzz::sse(&case.input);
            fuzz::stream(&case.input);
            fuzz::client_stream(&case.input);
            fuzz::request(&case.input);
        }
    }
}

proptest! {
    // `make fuzz` tries more.
    #![proptest_config(ProptestConfig::with_cases(64))]

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
        fuzz::client_stream(&input);
        fuzz::request(&input);
    }

    #[test]
    fn so_does_a_clients_request(which in any::<Index>(), at in any::<Index>(), byte in any::<u8>(), lost in any::<bool>()) {
        let requests = client_requests();
        let mut input = requests[which.index(requests.len())].clone();
        fuzz::client_request(&input);
        let at = at.index(input.len());
        if lost { input.remove(at); } else { input[at] = byte; }
        fuzz::client_request(&input);
    }
}
