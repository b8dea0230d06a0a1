//! One HTTP request to a loopback port.

use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use switchboard_compile::config::Secret;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Status and body of the answer; nothing when none comes in time.
pub(crate) async fn ask(method: Method, host: &str, port: u16, path: &str) -> Option<(StatusCode, String)> {
    send(method, host, port, path, None, String::new()).await
}

/// The same with a body, and with a bearer token if there is one.
pub(crate) async fn send(
    method: Method,
    host: &str,
    port: u16,
    path: &str,
    token: Option<&Secret>,
    body: String,
) -> Option<(StatusCode, String)> {
    let mut request = Request::builder().method(method).uri(path).header("host", host);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {}", token.reveal()));
    }
    let request = request.body(Full::new(Bytes::from(body))).ok()?;
    timeout(Duration::from_secs(5), answer(host, port, request)).await.ok().flatten()
}

async fn answer(host: &str, port: u16, request: Request<Full<Bytes>>) -> Option<(StatusCode, String)> {
    let stream = TcpStream::connect((host, port)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await;
    let answer = match response {
        Ok(response) => {
            let status = response.status();
            let body = response.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes);
            body.map(|body| (status, String::from_utf8_lossy(&body).into_owned()))
        }
        Err(_) => None,
    };
    connection.abort();
    answer
}
