//! Children end with their parent, even when the parent is killed and can do nothing about it.
//!
//! Linux tells a process of its parent's death if the process asks for it. Asking between `fork` and `exec` would
//! need `unsafe`; so this program starts itself, asks, and becomes the child by `exec`, which keeps what was asked.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Name of the command that does this, left out of `--help`.
pub const COMMAND: &str = "guard";

/// This program, even when its file has been replaced by a newer one in the meantime.
pub(super) fn this_program() -> std::io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() }
}

/// Arguments for this program, to which those of `program` are added.
pub(super) fn arguments(program: &Path) -> Vec<OsString> {
    vec![COMMAND.into(), std::process::id().to_string().into(), program.into()]
}

/// Becomes `program`, to be ended with the process `parent`. Comes back only when that fails.
pub fn become_child(parent: u32, program: &Path, arguments: &[OsString]) -> std::io::Error {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
        if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
            return error.into();
        }
        // The parent may have died before it was asked for.
        if getppid().map(Pid::as_raw_nonzero).is_none_or(|pid| pid.get().cast_unsigned() != parent) {
            return std::io::Error::other("the parent process has ended");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
    Command::new(program).args(arguments).exec()
}
