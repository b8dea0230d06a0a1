//! How much later the first event of a stream comes than through bare Envoy.
//!
//! The provider sends the head of its answer and the first few events at once, and the rest after a pause, as a model does:
//! what comes in one piece is translated in one piece, and its first event would wait for the last of a thousand. One
//! request at a time, the two sides in turns. The gateway holds an answer's headers until its first event, so the time to
//! the headers is the time to that.

use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use fake_provider::canned;
use tokio::net::TcpStream;

use switchboard_bench::bare::Bare;
use switchboard_bench::gateway;
use switchboard_bench::load::{self, Request};
use switchboard_bench::measure::middle;
use switchboard_bench::rows::rows;

/// At most so much, milliseconds.
pub(crate) const TARGET_MILLIS: f64 = 0.3;

/// The kind of stream.
const ROW: &str = "stream of 1,000, Anthropic";

/// Streams of each side.
const STREAMS: usize = 300;

/// Those before the first that counts: code is compiled, connections are made.
const WARM_UP: usize = 300;

/// Longer than it takes to pass an event on.
const PAUSE: Duration = Duration::from_millis(5);

/// Milliseconds by which the median stream begins later.
pub(crate) async fn added() -> Result<f64, Box<dyn Error>> {
    let mut stack = gateway::setup(&format!("http://127.0.0.1:{}", canned::start_pausing(PAUSE)?)).start();
    let bare = Bare::start(&stack)?;
    let key = stack.key().await;
    let row = rows().into_iter().find(|row| row.name == ROW).ok_or("no row of streams")?;
    let sides = [(bare.port, row.bare()), (stack.port, row.gateway(&key))];
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..WARM_UP + STREAMS {
        for ((port, request), times) in sides.iter().zip(&mut times) {
            let time = begin(*port, request).await?;
            if turn >= WARM_UP {
                times.push(time);
            }
        }
    }
    drop(bare);
    stack.stop();
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
