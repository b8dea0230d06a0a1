//! The filter, on any host: connects the callbacks of a [`Host`] to [`crate::exchange`].
//!
//! A request has a [`Downstream`] and, for every attempt, an [`Upstream`]. The [`Root`] exchanges usage, keys and leases
//! with the key service. What the threads of a process may share is in [`Shared`], everything else in `worker`.

mod downstream;
mod held;
mod host;
mod parts;
mod report;
mod root;
mod shared;
mod streams;
mod upstream;
mod worker;

pub use downstream::Downstream;
pub use held::try_again;
pub use host::{Action, Clock, Host, picked};
pub use report::declare;
pub use root::Root;
pub use shared::Shared;
pub use upstream::Upstream;
pub use worker::install;
