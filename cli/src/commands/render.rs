//! `switchboard render`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{ConfigArgs, SiteArgs, failed, load};
use crate::envoy::for_people;
use crate::up::programs::{USUAL_CA_BUNDLE, USUAL_WASM};

#[derive(Debug, Args)]
#[command(after_help = "\
Writes DIR/envoy.yaml. Its head names the environment variables that Envoy needs; no
secret is written.

Example:
  switchboard render --config config.yaml --out envoy --wasm /opt/switchboard.wasm
  envoy --config-path envoy/envoy.yaml")]
pub(super) struct Render {
    #[command(flatten)]
    config: ConfigArgs,
    /// Folder to write to; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    site: SiteArgs,
    /// The filter, where Envoy will find it
    #[arg(long, value_name = "FILE", default_value = USUAL_WASM)]
    wasm: PathBuf,
    /// Certificates of the authorities to trust, where Envoy will find them
    #[arg(long, value_name = "FILE", default_value = USUAL_CA_BUNDLE)]
    ca_bundle: PathBuf,
}

impl Render {
    pub(super) fn run(self) -> ExitCode {
        let mut plan = match load(&self.config) {
            Ok(plan) => plan,
            Err(code) => return code,
        };
        let site = self.site.site(self.wasm, self.ca_bundle);
        plan.document.settings.log_attempts = site.access_log.is_some();
        let path = self.out.join("envoy.yaml");
        let written = for_people(&plan, &site).and_then(|text| {
            std::fs::create_dir_all(&self.out)?;
            std::fs::write(&path, text)
        });
        match written {
            Ok(()) => {
                println!("{}", path.display());
                ExitCode::SUCCESS
            }
            Err(error) => failed(&format!("cannot write {}: {error}", path.display())),
        }
    }
}
