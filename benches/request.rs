//! What it costs to write a provider's request, and to read its whole answer.

#[path = "../tests/fixtures/mod.rs"]
mod fixtures;

use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher, black_box};
use fixtures::{Case, Kind, cases, dialects};
use switchboard::exchange::translated;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn names() -> Vec<&'static str> {
    dialects().iter().map(|row| row.name).collect()
}

fn called() -> Vec<&'static str> {
    names().into_iter().filter(|name| find(Kind::Response, name, "full").is_some()).collect()
}

fn find(kind: Kind, dialect: &str, name: &str) -> Option<Case> {
    cases(kind).into_iter().find(|case| case.provider.name == dialect && case.name == name)
}

fn request(bencher: Bencher<'_, '_>, case: &Case) {
    let deployment = case.deployment();
    let bench = bencher.counter(BytesCount::of_slice(&case.input));
    bench.bench(|| case.request_to(black_box(&deployment)));
}

/// One short message.
#[divan::bench(args = names())]
fn small(bencher: Bencher<'_, '_>, dialect: &str) {
    request(bencher, &find(Kind::Request, dialect, "text").expect("every dialect has the request `text`"));
}

/// Tools, images, a schema.
#[divan::bench(args = called())]
fn full(bencher: Bencher<'_, '_>, dialect: &str) {
    request(bencher, &find(Kind::Request, dialect, "full").expect("every dialect has the request `full`"));
}

/// One message of 100 KB.
#[divan::bench(args = names())]
fn text_100k(bencher: Bencher<'_, '_>, dialect: &str) {
    let mut case = find(Kind::Request, dialect, "text").expect("every dialect has the request `text`");
    let mut input: serde_json::Value = serde_json::from_slice(&case.input).unwrap();
    input["messages"][0]["content"] = "words \"and\" more\n".repeat(6400).into();
    case.input = input.to_string().into_bytes();
    request(bencher, &case);
}

/// A whole answer.
#[divan::bench(args = called())]
fn answer(bencher: Bencher<'_, '_>, dialect: &str) {
    let case = find(Kind::Response, dialect, "full").unwrap();
    let memo = case.memo();
    let bench = bencher.counter(BytesCount::of_slice(&case.input));
    bench.bench_local(|| translated(case.dialect(), case.language(), black_box(&case.input), &memo));
}
