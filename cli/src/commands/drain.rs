//! `switchboard drain`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{failed, on_one_thread};
use crate::up::drain::drain;

#[derive(Debug, Args)]
#[command(after_help = "\
For an Envoy that somebody else starts and stops: Kubernetes runs it before it stops
the container. Connections are told to close, and after --wait no new ones are
accepted; when no request is left, or after --timeout, it waits until usage has been
reported, and ends. Envoy itself goes on.

Example:
  switchboard drain --admin-port 9901 --timeout 120 && kill $(pidof envoy)")]
pub(super) struct Drain {
    /// Port of Envoy's administration on loopback
    #[arg(long, default_value_t = 9901)]
    admin_port: u16,
    /// Seconds in which new connections are still accepted, while balancers hear that this Envoy leaves
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    wait: u64,
    /// Seconds that requests get to finish
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

impl Drain {
    pub(super) fn run(&self) -> ExitCode {
        let [wait, timeout] = [self.wait, self.timeout].map(Duration::from_secs);
        match on_one_thread(drain(self.admin_port, wait, timeout)) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => failed(&format!("no Envoy answers at http://127.0.0.1:{}", self.admin_port)),
            Err(error) => failed(&format!("cannot start: {error}")),
        }
    }
}
