//! `switchboard drain`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{failed, on_one_thread};
use crate::up::drain::drain;

#[derive(Debug, Args)]
#[command(after_help = "\
For an Envoy that another supervisor starts and stops; Kubernetes runs it as the
preStop hook. Asks clients to close their connections, stops accepting new ones after
--wait, waits until no request is in flight or --timeout has passed, and then until
usage has been reported. Envoy itself keeps running.

Example:
  switchboard drain --admin-port 9901 --timeout 120 && kill $(pidof envoy)")]
pub(super) struct Drain {
    /// Port of Envoy's admin interface on loopback
    #[arg(long, default_value_t = 9901)]
    admin_port: u16,
    /// Seconds to keep accepting connections, while load balancers take this Envoy out of rotation
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    wait: u64,
    /// Seconds to wait for requests in flight
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

impl Drain {
    pub(super) fn run(&self) -> ExitCode {
        let [wait, timeout] = [self.wait, self.timeout].map(Duration::from_secs);
        match on_one_thread(drain(self.admin_port, wait, timeout)) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => {
                failed(&format!("Envoy's admin port does not answer: http://127.0.0.1:{}", self.admin_port))
            }
            Err(error) => failed(&format!("cannot start: {error}")),
        }
    }
}
