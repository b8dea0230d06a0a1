//! The provider misbehaves as it is told to, seen from a plain socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use fake_provider::faults::CutHow;
use fake_provider::{Fault, Provider, Reply, Step, refusing_port};
use serde_json::json;

/// Sends a chat request and reads until the connection ends or nothing comes for a while.
fn exchange(provider: &Provider, stream: bool, step: Step) -> (String, std::io::Result<usize>) {
    let case = provider.case();
    case.then(step);
    let content = case.prompt("Hello");
    let body =
        json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": content }] });
    let body = body.to_string();
    let mut socket = TcpStream::connect(("127.0.0.1", provider.port())).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-openai-x\r\ncontent-type: \
         application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut read = Vec::new();
    let ended = socket.read_to_end(&mut read);
    (String::from_utf8_lossy(&read).into_owned(), ended)
}

fn words() -> Step {
    Step::reply(Reply::text("one two three"))
}

#[test]
fn a_good_answer_ends_well() {
    let provider = Provider::start().unwrap();
    let (text, ended) = exchange(&provider, false, words());
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("one two three"), "{text}");
    assert!(ended.is_ok(), "{ended:?}");
    let (text, ended) = exchange(&provider, true, words());
    assert!(text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{text}");
    assert!(ended.is_ok(), "{ended:?}");
}

#[test]
fn resets_are_resets_before_and_after_the_head() {
    let provider = Provider::start().unwrap();
    let (text, ended) = exchange(&provider, true, words().with(Fault::ResetBeforeHeaders));
    assert_eq!(text, "");
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let (text, ended) = exchange(&provider, true, words().with(Fault::ResetAfterHeaders));
    assert!(text.starts_with("HTTP/1.1 200 OK") && !text.contains("data:"), "{text}");
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let cut = Fault::Cut { after: 2, how: CutHow::Reset };
    let (text, ended) = exchange(&provider, true, words().with(cut));
    assert!(text.contains("one ") && !text.contains("two"), "{text}");
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn cut_streams_end_without_their_terminal_event() {
    let provider = Provider::start().unwrap();
    let (text, ended) = exchange(&provider, true, words().with(Fault::Cut { after: 2, how: CutHow::Clean }));
    assert!(text.contains("one ") && !text.contains("[DONE]") && text.ends_with("0\r\n\r\n"), "{text}");
    assert!(ended.is_ok());
    let (text, _) = exchange(&provider, true, words().with(Fault::Cut { after: 2, how: CutHow::HalfEvent }));
    assert!(!text.contains("[DONE]") && !text.trim_end_matches("\r\n0\r\n\r\n").ends_with("\n\n"), "{text}");
}

#[test]
fn slow_and_stalled_answers_take_their_time() {
    let provider = Provider::start().unwrap();
    let begun = Instant::now();
    let (text, _) = exchange(&provider, false, words().with(Fault::SlowFirstByte { ms: 200 }));
    assert!(text.contains("one two three") && begun.elapsed() >= Duration::from_millis(200));
    let (text, ended) = exchange(&provider, true, words().with(Fault::Stall { after: 2, ms: None }));
    assert!(text.contains("one ") && !text.contains("two"), "{text}");
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the connection stays open");
}

#[test]
fn errors_inside_pages_and_limits_look_as_they_should() {
    let provider = Provider::start().unwrap();
    let (text, _) = exchange(&provider, false, words().with(Fault::ErrorInside { after: 0, status: 500 }));
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("\"error\""), "{text}");
    let (text, _) = exchange(&provider, true, words().with(Fault::ErrorInside { after: 2, status: 500 }));
    assert!(text.contains("one ") && text.contains("{\"error\"") && !text.contains("[DONE]"), "{text}");
    let (text, _) = exchange(&provider, false, words().with(Fault::Html { status: 502 }));
    assert!(
        text.starts_with("HTTP/1.1 502") && text.contains("text/html") && text.contains("<html>"),
        "{text}"
    );
    let (text, _) = exchange(&provider, false, words().with(Fault::retry_after(429, "7")));
    assert!(text.starts_with("HTTP/1.1 429") && text.contains("retry-after: 7"), "{text}");
    let (text, _) = exchange(&provider, false, words().with(Fault::compressed("gzip")));
    assert!(text.contains("content-encoding: gzip") && !text.contains("one two"), "{text}");
}

#[test]
fn an_endless_stream_notices_that_nobody_listens() {
    let provider = Provider::start().unwrap();
    let case = provider.case();
    case.then(words().with(Fault::Endless { ms: 5 }));
    let body =
        json!({ "model": "m", "stream": true, "messages": [{ "role": "user", "content": case.prompt("") }] });
    let body = body.to_string();
    let mut socket = TcpStream::connect(("127.0.0.1", provider.port())).unwrap();
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-openai-x\r\ncontent-type: \
         application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut seen = [0; 4096];
    assert!(socket.read(&mut seen).unwrap() > 0);
    assert!(!case.request().aborted);
    drop(socket);
    let begun = Instant::now();
    while !case.request().aborted {
        assert!(begun.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_refusing_port_refuses() {
    let (_held, port) = refusing_port().unwrap();
    let error = TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}
