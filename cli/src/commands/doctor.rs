//! `switchboard doctor`

use std::process::ExitCode;

use clap::Args;

use super::{EXIT_USAGE, failed};
use crate::doctor::{self, Diagnosis};

#[derive(Debug, Args)]
#[command(after_help = "\
For your own Envoy, a service mesh or a gateway: finds what is missing after the filter
was merged into an existing configuration. Reads Envoy's admin port only, and changes
nothing. Takes three seconds, to see whether the filter calls the key service.

Checks:
  version               1.35 or later; 1.38 or later for the native filter
  filter, both roles    on the listener (root_id downstream) and on the cluster of
                        every model group (root_id upstream), with
                        allow_on_headers_stop_iteration, failure_policy FAIL_RELOAD,
                        and the same VM for both; the native filter (filter_name)
                        with do_not_close
  secrets               passed in the environment, none in the configuration
  clusters, routes      a cluster per model group; routes by the filter's header;
                        retries and fallbacks that the filter can trigger
  buffer limits         bodies larger than 1 MiB fit
  key service           it answers the filter
  compressed responses  a note for each provider that compresses its responses

Exit status: 0 if no problem was found, 1 if there are problems, 2 if Envoy's admin
port does not answer.

Examples:
  switchboard doctor
  switchboard doctor --admin 127.0.0.1:15000       # in a pod of Istio
  kubectl port-forward deploy/switchboard 9901 & switchboard doctor")]
pub(super) struct Doctor {
    /// Host and port of Envoy's admin interface
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9901")]
    admin: String,
}

impl Doctor {
    pub(super) fn run(&self) -> ExitCode {
        let address = self.admin.trim_start_matches("http://").trim_end_matches('/');
        let address =
            address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let Some((host, port)) = address else {
            eprintln!("switchboard: --admin must be HOST:PORT, for example 127.0.0.1:9901");
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
            Ok(Diagnosis { version, findings, notes }) => {
                match findings.len() {
                    0 => println!("Envoy {version}: no problems found"),
                    count => println!("Envoy {version}: {count} problems"),
                }
                for finding in &findings {
                    println!("\nproblem: {}\n  help: {}", finding.what, finding.help);
                }
                for note in notes {
                    println!("\nnote: {}\n  help: {}", note.what, note.help);
                }
                if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
        }
    }
}
