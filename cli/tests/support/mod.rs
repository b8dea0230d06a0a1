//! What the launcher's tests share.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

#[path = "../../../compile/tests/support/mod.rs"]
mod compiled;
pub mod envoy;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use switchboard_compile::envoy::Site;

#[allow(unused_imports, reason = "each test program uses its part")]
pub use compiled::{compiled_with, configuration, plan};

/// A site of which nothing is in use.
pub fn site(wasm: &Path) -> Site {
    let ca_bundle = switchboard_cli::up::programs::ca_bundle().expect("this machine trusts somebody");
    Site { ca_bundle, ..compiled::site(wasm) }
}

/// The Envoy of this machine, or nothing and a loud word.
pub fn find_envoy() -> Option<PathBuf> {
    match switchboard_cli::up::programs::envoy(None) {
        Ok(path) => Some(path),
        Err(problem) if std::env::var_os("CI").is_some() => panic!("CI needs an Envoy: {problem}"),
        Err(problem) => {
            eprintln!("SKIPPED, not proven: {problem}");
            None
        }
    }
}

/// What `envoy --mode validate` says of `text`, written to `folder` under `name`.
pub fn validate(envoy: &Path, folder: &Path, name: &str, text: &str) -> Output {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    let arguments = ["--mode", "validate", "--log-level", "warning", "--config-path"];
    Command::new(envoy).args(arguments).arg(&path).output().expect("Envoy starts")
}

/// Panics with Envoy's words when it does not take `text`.
pub fn assert_valid(envoy: &Path, folder: &Path, name: &str, text: &str) {
    let output = validate(envoy, folder, name, text);
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

/// A filter that lets everything pass, for what is to be seen of Envoy alone.
pub fn passing_filter(folder: &Path) -> PathBuf {
    filter(folder, "passing.wasm", PASSING_FILTER)
}

/// Writes the module `text` to `folder`.
pub fn filter(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, wat::parse_str(text).expect("the module is well written")).unwrap();
    path
}

/// The smallest module that Envoy takes for a filter: it accepts its configuration and continues always.
const PASSING_FILTER: &str = r#"(module
    (memory (export "memory") 1)
    (global $end (mut i32) (i32.const 1024))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "_initialize"))
    (func (export "malloc") (param i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $end))
        (global.set $end (i32.add (global.get $end) (local.get 0)))
        (local.get $at))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $end))
        (global.set $end (i32.add (global.get $end) (local.get 0)))
        (local.get $at))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1)))"#;
