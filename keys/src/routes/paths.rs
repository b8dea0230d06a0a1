//! A path of the public port, with what it accepts and who answers.

use axum::http::Method;
use axum::routing::MethodRouter;

use crate::app::App;
use crate::openapi::{Endpoint, Input};

/// A path with its input and its handler.
pub(super) type Path = (Endpoint, MethodRouter<App>);

/// A path that is called with POST.
pub(super) fn posts(
    path: &'static str,
    summary: &'static str,
    input: Input,
    handler: MethodRouter<App>,
) -> Path {
    (Endpoint { method: Method::POST, path, summary, input }, handler)
}

/// A path that is called with GET.
pub(super) fn gets(
    path: &'static str,
    summary: &'static str,
    input: Input,
    handler: MethodRouter<App>,
) -> Path {
    (Endpoint { method: Method::GET, path, summary, input }, handler)
}
