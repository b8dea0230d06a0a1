//! Pages about teams and their members. Each change calls the handler of the key API with the same purpose.

pub(super) mod change;
pub(super) mod detail;
mod form;
pub(super) mod list;
pub(super) mod members;
pub(super) mod several;
pub(super) mod status;

/// The name of these pages in the frame.
const SECTION: &str = "teams";
