//! `switchboard check`

use std::process::ExitCode;

use clap::Args;

use super::{ConfigArgs, Loaded, load};

#[derive(Debug, Args)]
#[command(after_help = "\
Reports errors and warnings as file:line:column, with how to fix them. Warnings do not
change the exit status.

Example:
  switchboard check --config config.yaml && switchboard up --config config.yaml")]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        match load(&self.config, &[], true) {
            Ok(Loaded { plan, .. }) => {
                let (groups, deployments) = (plan.document.groups.len(), plan.document.deployments.len());
                println!(
                    "{} is valid: models: {groups}, deployments: {deployments}",
                    self.config.config.display()
                );
                ExitCode::SUCCESS
            }
            Err(code) => code,
        }
    }
}
