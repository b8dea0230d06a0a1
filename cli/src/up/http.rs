//! One HTTP request to a loopback port.

use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Status and body of the answer; nothing when none comes in time.
pub(crate) async fn ask(method: Method, host: &str, port: u16, path: &str) -> Option<(StatusCode, String)> {
    timeout(Duration::from_secs(5), answer(method, host, port, path)).await.ok().flatten()
}

async fn answer(method: Method, host: &str, port: u16, path: &str) -> Option<(StatusCode, String)> {
    let stream = TcpStream::connect((host, port)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header("host", host).body(Empty::<Bytes>::new());
    let response = sender.send_request(request.ok()?).await;
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
