//! `switchboard ready`

use std::process::ExitCode;

use clap::Args;

use super::{failed, on_one_thread};
use crate::up::ready::is_ready;

#[derive(Debug, Args)]
#[command(after_help = "\
For probes of containers that have no other program in them: exit status 0 when the
gateway answers, else 1.

Example:
  switchboard ready --port 4000")]
pub(super) struct Ready {
    /// Address to ask
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port that clients reach
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
