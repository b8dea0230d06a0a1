//! The worker of this thread, and what it is given by the host.

use std::rc::Rc;

use crate::limits::SharedMemory;
use crate::table::Table;
use crate::worker::{Common, Now, Worker};

use super::Host;

thread_local! {
    static WORKER: Worker = Worker::default();
}

/// Runs with this thread's worker.
pub(super) fn with<T>(run: impl FnOnce(&Worker) -> T) -> T {
    WORKER.with(run)
}

/// Installs a new table on this worker, if its root has another thread.
pub fn install(table: Rc<Table>) {
    with(|worker| worker.install(table));
}

/// What this worker has in common with others.
pub(super) fn common<H: Host>() -> Common<'static, impl SharedMemory> {
    Common { shared: H::shared(), memory: H::memory() }
}

/// The clocks.
pub(super) fn now<H: Host>() -> Now {
    Now { steady_ms: H::steady_ms(), unix_ms: H::now_ms() }
}
