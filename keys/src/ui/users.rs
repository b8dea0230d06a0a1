//! Pages about users. Each change calls the handler of the key API with the same purpose.

pub(super) mod change;
pub(super) mod delete;
pub(super) mod detail;
mod form;
pub(super) mod list;
pub(super) mod several;

/// The name of these pages in the frame.
const SECTION: &str = "users";
