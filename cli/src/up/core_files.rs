//! No core files of a gateway: they would hold its keys, its credentials and what its users asked.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enables core files, for debugging.
const WANTED: &str = "SWITCHBOARD_CORE_DUMPS";

/// Lets this process, and those that it starts from now on, leave none.
pub(super) fn prevent() {
    if std::env::var_os(WANTED).is_none() {
        let limit = getrlimit(Resource::Core);
        // To lower a limit is always allowed.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..limit });
    }
}
