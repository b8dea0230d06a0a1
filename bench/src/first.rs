//! How much later the first event of a stream comes than through bare Envoy.
//!
//! One connection, one request at a time, the two sides in turns. The gateway holds an answer's headers until its first
//! event, so the time to the headers is the time to that; bare Envoy's headers may come before its first event, which is
//! to its favour.

use std::io;
use std::net::Ipv4Addr;
use std::time::Instant;

use tokio::net::TcpStream;

use switchboard_bench::load::{self, Request};
use switchboard_bench::measure::middle;

/// At most so much, milliseconds.
pub(crate) const TARGET_MILLIS: f64 = 0.3;

/// Streams of each side.
const STREAMS: usize = 200;

/// Milliseconds by which the median stream begins later. A side is its port and its request.
pub(crate) async fn added(bare: (u16, &Request), gateway: (u16, &Request)) -> io::Result<f64> {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..STREAMS {
        for ((port, request), times) in [bare, gateway].into_iter().zip(&mut times) {
            times.push(begin(port, request).await?);
        }
    }
    let [bare, gateway] = times.map(middle);
    Ok(gateway - bare)
}

async fn begin(port: u16, request: &Request) -> io::Result<f64> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let begun = Instant::now();
    load::begin(&mut stream, request, &mut Vec::new()).await?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
