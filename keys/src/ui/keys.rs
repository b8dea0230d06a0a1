//! Pages about keys. Each calls the handler of the key API with the same purpose.

pub(super) mod block;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod detail;
pub(super) mod edit;
mod form;
pub(super) mod list;
pub(super) mod rotate;
pub(super) mod several;
mod view;

/// The name of these pages in the frame.
const SECTION: &str = "keys";
