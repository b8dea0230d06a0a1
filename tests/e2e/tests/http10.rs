//! HTTP as old proxies and careless clients write it: bytes in, bytes out.

use std::time::Duration;

use serde_json::json;
use switchboard_e2e::{MASTER_KEY, question, world};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Sends `request`, and gives all that comes until the gateway closes the connection.
async fn exchange(request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", world().stack.port)).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    read.unwrap_or_else(|_| panic!("the connection stays open after {answer}")).expect("an answer");
    answer
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.0\r\nauthorization: Bearer {MASTER_KEY}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn http_1_0_is_answered_on_every_path_without_a_host() {
    let body = question("demo", "Hello").to_string();
    let asked = [
        ("200", post("/v1/chat/completions", &body)),
        ("200", format!("GET /v1/models HTTP/1.0\r\nauthorization: Bearer {MASTER_KEY}\r\n\r\n")),
        ("200", "GET /health/liveliness HTTP/1.0\r\n\r\n".to_owned()),
        ("200", post("/key/generate", "{}")),
        ("401", "GET /key/info HTTP/1.0\r\n\r\n".to_owned()),
        ("404", "GET /nothing HTTP/1.0\r\n\r\n".to_owned()),
    ];
    for (status, request) in asked {
        let answer = exchange(&request).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.starts_with(&format!("HTTP/1.0 {status} "))
                || head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}\n{answer}"
        );
        assert!(!head.contains("transfer-encoding"), "chunks are not of HTTP/1.0: {answer}");
        assert!(body.starts_with(['{', '"']), "{answer}");
    }
}

#[tokio::test]
async fn a_stream_over_http_1_0_ends_with_the_connection() {
    for (model, prompt) in [("gpt-4o", "Hello"), ("claude", "Hello"), ("demo", "Hello")] {
        let case = world().case();
        let mut body = question(model, &case.prompt(prompt));
        body["stream"] = json!(true);
        let answer = exchange(&post("/v1/chat/completions", &body.to_string())).await;
        let (head, events) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("text/event-stream"), "{answer}");
        assert!(!head.contains("transfer-encoding"), "chunks are not of HTTP/1.0: {answer}");
        assert!(events.starts_with("data: {"), "{answer}");
        assert!(events.ends_with("data: [DONE]\n\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_transfer_encoding_that_nobody_knows_is_the_clients_mistake() {
    for encoding in ["gzip", "gzip, chunked", "identity", "chunked, chunked"] {
        let answer = exchange(&format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {MASTER_KEY}\r\n\
             transfer-encoding: {encoding}\r\nconnection: close\r\n\r\n0\r\n\r\n"
        ))
        .await;
        let status = &answer[9..12];
        assert!(["400", "501"].contains(&status), "{encoding}: {answer}");
        assert!(answer.contains(r#""type":"invalid_request_error""#), "{encoding}: {answer}");
    }
}
