//! Hosts of the [filter](crate::filter). The native host is a package of its own, `module/`, because it needs unsafe
//! code.

mod wasm;
