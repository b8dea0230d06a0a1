//! `switchboard ready`

use std::process::ExitCode;

use clap::Args;

use super::{failed, on_one_thread};
use crate::up::ready::is_ready;

#[derive(Debug, Args)]
#[command(after_help = "\
For health probes in containers without a shell or curl. Exit status: 0 if the gateway
is ready, 1 if not.

Example:
  switchboard ready --port 4000")]
pub(super) struct Ready {
    /// Host of the gateway
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port of the gateway
    #[arg(long, default_value_t = 4000)]
    port: u16,
}

impl Ready {
    pub(super) fn run(&self) -> ExitCode {
        match on_one_thread(is_ready(&self.host, self.port)) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => failed(&format!("http://{}:{} is not ready", self.host, self.port)),
            Err(error) => failed(&format!("cannot start: {error}")),
        }
    }
}
