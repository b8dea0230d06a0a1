//! `switchboard doctor`

use std::process::ExitCode;

use clap::Args;

use super::{EXIT_USAGE, failed};
use crate::doctor;

#[derive(Debug, Args)]
#[command(after_help = "\
For an Envoy of your own, a mesh's or a gateway's: whoever merged the filter into it
by hand learns here what is missing. Asked is Envoy's administration port alone, and
nothing is changed. It takes three seconds, in which the filter calls the key service.

What is looked at:
  version               1.35 or later
  filter, both roles    on the listener (root_id downstream) and on the cluster of
                        every model group (root_id upstream), with
                        allow_on_headers_stop_iteration, failure_policy FAIL_RELOAD,
                        and one VM for both
  secrets               handed over from the environment, none in the configuration
  clusters, routes      one for each group; the filter's header routes; retries and
                        fallbacks as the filter asks for them
  buffer limits         bodies above 1 MiB fit
  key service           it answers the filter

Exit status: 0 when nothing is wrong, 1 when something is, 2 when Envoy cannot be asked.

Examples:
  switchboard doctor
  switchboard doctor --admin 127.0.0.1:15000       # in a pod of Istio
  kubectl port-forward deploy/switchboard 9901 & switchboard doctor")]
pub(super) struct Doctor {
    /// Host and port of Envoy's administration
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9901")]
    admin: String,
}

impl Doctor {
    pub(super) fn run(&self) -> ExitCode {
        let address = self.admin.trim_start_matches("http://").trim_end_matches('/');
        let address =
            address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let Some((host, port)) = address else {
            eprintln!("switchboard: --admin must be HOST:PORT, as 127.0.0.1:9901");
            return ExitCode::from(EXIT_USAGE);
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&format!("cannot start: {error}")),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match runtime.block_on(doctor::examine(host, port)) {
            Err(problem) => {
                eprintln!("switchboard: {problem}");
                ExitCode::from(EXIT_USAGE)
            }
            Ok((version, findings)) if findings.is_empty() => {
                println!("Envoy {version}: nothing is wrong");
                ExitCode::SUCCESS
            }
            Ok((version, findings)) => {
                println!("Envoy {version}: {} to mend", findings.len());
                for finding in findings {
                    println!("\nwrong: {}\n  do:  {}", finding.what, finding.help);
                }
                ExitCode::FAILURE
            }
        }
    }
}
