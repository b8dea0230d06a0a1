//! The fake provider by itself: for tests in other languages, and to play with.

use std::error::Error;

use clap::Parser;
use fake_provider::{Provider, canned};

/// A provider that answers as the real ones do, and misbehaves on command.
#[derive(Parser)]
struct Args {
    /// Loopback port; the system chooses when it is 0.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Answer with fixed bytes, as fast as can be.
    #[arg(long)]
    canned: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let running;
    let port = if args.canned {
        canned::start_on(args.port)?
    } else {
        running = Provider::start_on(args.port)?;
        running.port()
    };
    println!("ready http://127.0.0.1:{port}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(())
    })
}
