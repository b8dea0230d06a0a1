//! Is this filter quicker than that one? Bare Envoy and a gateway for each module run at the same time and are measured in
//! short turns, in another order in each round, so that a change of a hundredth can be told from the machine's moods. On
//! a machine that others share the medians move by a tenth; the turns that nobody disturbed move less.

use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use fake_provider::canned;
use switchboard_bench::bare::Bare;
use switchboard_bench::gateway;
use switchboard_bench::load::{self, Request};
use switchboard_bench::measure::{Side, middle, take_turns, undisturbed};
use switchboard_bench::rows::rows;
use tokio::net::TcpStream;

/// Compares builds of the filter: CPU per request, as a multiple of bare Envoy's.
///
/// Save the old module (`cp target/wasm32-wasip1/release/switchboard.wasm /tmp/before.wasm`), build the new one, and
/// pass both. A version that reads another configuration needs its own launcher and key service: pass the folder of an
/// unpacked release.
#[derive(Debug, Parser)]
struct Args {
    /// Modules or folders of releases, two or more
    #[arg(required = true, num_args = 2..)]
    modules: Vec<PathBuf>,
    /// Rounds; the results are medians
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Length of a round
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
    /// Connections of the load generator
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Only rows whose name contains this
    #[arg(long, default_value = "chat, OpenAI, 1 KB")]
    row: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(&args))
}

async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let provider = format!("http://127.0.0.1:{}", canned::start()?);
    let mut stacks = Vec::new();
    for module in &args.modules {
        let (setup, path) = (gateway::setup(&provider), module.canonicalize()?);
        let stack = if path.is_dir() { setup.release(&path) } else { setup.filter(path) }.start();
        let key = stack.key().await;
        stacks.push((stack, key));
    }
    let bare = Bare::start(&stacks.first().ok_or("no module")?.0)?;
    for row in rows().iter().filter(|row| row.name.contains(&args.row)) {
        println!("{}", row.name);
        let mut sides = vec![Side { pid: bare.pid(), port: bare.port, request: row.bare() }];
        let mut modules: Vec<&Path> = Vec::new();
        for (module, (stack, key)) in args.modules.iter().zip(&stacks) {
            let request = row.gateway(key);
            // An older module does not know every API of clients.
            if serves(stack.port, &request).await? {
                sides.push(Side { pid: stack.envoy_pid(), port: stack.port, request });
                modules.push(module);
            } else {
                println!("  not served by {}", module.display());
            }
        }
        if modules.is_empty() {
            continue;
        }
        let turn = Duration::from_secs_f64(args.seconds);
        let connections = args.connections.min(row.connections);
        let begun = |round| eprint!("\r{}: round {round} of {} ", row.name, args.rounds);
        let turns = take_turns(&sides, connections, args.rounds, turn, begun).await?;
        let turns: Vec<Vec<f64>> =
            turns.iter().map(|own| own.iter().map(|turn| turn.cpu_micros).collect()).collect();
        eprintln!();
        let (bare, least) = (middle(turns[0].clone()), undisturbed(turns[0].clone()));
        println!("  {bare:6.1} µs  1.000 ×  undisturbed {least:6.1} µs  1.000 ×  bare Envoy");
        for (module, own) in modules.iter().zip(&turns[1..]) {
            let ratios = own.iter().zip(&turns[0]).map(|(own, bare)| own / bare).collect();
            let (figure, ratio, quiet) = (middle(own.clone()), middle(ratios), undisturbed(own.clone()));
            println!(
                "  {figure:6.1} µs  {ratio:.3} ×  undisturbed {quiet:6.1} µs  {:.3} ×  {}",
                quiet / least,
                module.display()
            );
        }
    }
    drop(bare);
    for (mut stack, _) in stacks {
        stack.stop();
    }
    Ok(())
}

/// Whether a gateway answers a request.
async fn serves(port: u16, request: &Request) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(load::exchange(&mut stream, request, &mut Vec::new()).await? == 200)
}
