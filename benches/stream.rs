//! What it costs to translate a stream: a thousand events of words, as they come from the network.

#[path = "../tests/fixtures/mod.rs"]
mod fixtures;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use fixtures::{Case, Kind, cases};
use switchboard::frame::Framing;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const EVENTS: usize = 1000;

fn main() {
    divan::main();
}

/// The dialects' streams of plain words.
fn texts() -> Vec<Case> {
    cases(Kind::Stream).into_iter().filter(|case| case.name == "text").collect()
}

fn names() -> Vec<&'static str> {
    texts().iter().map(|case| case.provider.name).collect()
}

/// The events of a stream, with their ends.
fn events_of(framing: Framing, stream: &[u8]) -> Vec<Vec<u8>> {
    let mut events: Vec<Vec<u8>> = vec![Vec::new()];
    match framing {
        Framing::EventStream => {
            let mut rest = stream;
            while let Some(length) = rest.first_chunk().map(|length| u32::from_be_bytes(*length) as usize) {
                let (message, after) = rest.split_at(length);
                events.push(message.to_vec());
                rest = after;
            }
        }
        Framing::Lines | Framing::Sse => {
            for line in stream.split_inclusive(|byte| *byte == b'\n') {
                events.last_mut().unwrap().extend_from_slice(line);
                if framing == Framing::Lines || matches!(line, b"\n" | b"\r\n") {
                    events.push(Vec::new());
                }
            }
        }
    }
    events
}

/// The stream of words with its first event of words a thousand times.
fn long(dialect: &str) -> (Case, Vec<Vec<u8>>) {
    let case = texts().into_iter().find(|case| case.provider.name == dialect).unwrap();
    let events = events_of(case.dialect().framing(), &case.input);
    let repeated = |at: usize, times: usize| -> Vec<Vec<u8>> {
        let event = |(n, event): (usize, &Vec<u8>)| vec![event.clone(); if n == at { times } else { 1 }];
        events.iter().enumerate().flat_map(event).collect()
    };
    let translated = |events: &[Vec<u8>]| {
        let chunks: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
        let out = String::from_utf8(case.stream(&chunks)).unwrap();
        (out.matches("\"content\":").count(), out.ends_with("[DONE]\n\n"))
    };
    let (words, _) = translated(&events);
    let at = (0..events.len())
        .find(|at| translated(&repeated(*at, 2)) == (words + 1, true))
        .expect("the stream `text` has an event of words");
    let events = repeated(at, EVENTS);
    (case, events)
}

/// Each event in a chunk of its own: the latency of a token.
#[divan::bench(args = names())]
fn thousand_events_one_by_one(bencher: Bencher<'_, '_>, dialect: &str) {
    let (case, events) = long(dialect);
    let chunks: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| case.stream(black_box(&chunks)));
}

/// As many events in a chunk as a socket gives: the throughput.
#[divan::bench(args = names())]
fn thousand_events_in_chunks_of_16k(bencher: Bencher<'_, '_>, dialect: &str) {
    let (case, events) = long(dialect);
    let wire = events.concat();
    let chunks: Vec<&[u8]> = wire.chunks(16 << 10).collect();
    bencher.counter(BytesCount::of_slice(&wire)).bench(|| case.stream(black_box(&chunks)));
}
