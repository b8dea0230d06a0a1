//! The filter, on any host: connects the callbacks of a [`Host`] to [`crate::exchange`] and [`crate::worker`].
//!
//! A request has a [`Downstream`] and, for every attempt, an [`Upstream`]. The [`Root`] exchanges usage, keys and leases
//! with the key service. What is to be done is decided in those rooms, and carried out here.

mod downstream;
mod host;
mod parts;
mod passage;
mod report;
mod root;
mod this_worker;
mod upstream;

use std::sync::Arc;

use crate::table::{ConfigError, Table};

pub use downstream::Downstream;
pub use host::{Action, Clock, Host, picked};
pub use passage::try_again;
pub use report::declare;
pub use root::Root;
pub use this_worker::install;
pub use upstream::Upstream;

/// Parses a document for this host. `env` looks up environment variables.
///
/// # Errors
/// The document is not valid.
pub fn table<H: Host>(document: &[u8], env: impl Fn(&str) -> Option<String>) -> Result<Table, ConfigError> {
    let mut table = Table::parse(document, env)?;
    table.credentials.share(Arc::clone(H::shared().credentials()));
    Ok(table)
}
