//! Pages about the audit log, as `/audit` has it.

pub(super) mod detail;
pub(super) mod list;
mod view;

/// The name of these pages in the frame.
const SECTION: &str = "audit";
