//! The programs under test, and what to type when one is missing.

use std::env::var_os;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The repository.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn target() -> PathBuf {
    var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

fn named(variable: &str) -> Option<PathBuf> {
    var_os(variable).map(PathBuf::from).filter(|path| !path.as_os_str().is_empty())
}

fn existing(path: PathBuf, variable: &str) -> PathBuf {
    assert!(
        path.is_file(),
        "{} is missing: run `make build` (or name it with ${variable}), then the tests again",
        path.display()
    );
    std::fs::canonicalize(&path).unwrap_or(path)
}

/// The launcher: `$SWITCHBOARD_BIN`, or what `make build` leaves. The key service lies beside it.
pub fn launcher() -> PathBuf {
    let path = named("SWITCHBOARD_BIN").unwrap_or_else(|| target().join("release/switchboard"));
    let path = existing(path, "SWITCHBOARD_BIN");
    existing(path.with_file_name("switchboard-keys"), "SWITCHBOARD_BIN");
    path
}

/// The key service, if it is not the one beside the launcher: `$SWITCHBOARD_KEYS`.
pub(crate) fn other_keys() -> Option<PathBuf> {
    named("SWITCHBOARD_KEYS").map(|path| existing(path, "SWITCHBOARD_KEYS"))
}

/// The filter: `$SWITCHBOARD_WASM`, or what `make build` leaves.
pub fn filter() -> PathBuf {
    let built = || target().join("wasm32-wasip1/release/switchboard.wasm");
    existing(named("SWITCHBOARD_WASM").unwrap_or_else(built), "SWITCHBOARD_WASM")
}

/// Whether the tests run on the native host: `$SWITCHBOARD_HOST` is `native`.
pub fn is_native() -> bool {
    match std::env::var("SWITCHBOARD_HOST").as_deref() {
        Ok("native") => true,
        Ok("wasm" | "") | Err(_) => false,
        Ok(other) => panic!("$SWITCHBOARD_HOST must be 'wasm' or 'native', but is '{other}'"),
    }
}

/// The module of the native host: `$SWITCHBOARD_MODULE`, or what `make build` leaves.
pub fn module() -> PathBuf {
    let built = || target().join("release/libswitchboard_module.so");
    existing(named("SWITCHBOARD_MODULE").unwrap_or_else(built), "SWITCHBOARD_MODULE")
}

/// Envoy: `$ENVOY`, or what `make build` fetches.
pub fn envoy() -> PathBuf {
    existing(named("ENVOY").unwrap_or_else(|| workspace().join(".tools/bin/envoy")), "ENVOY")
}

/// A filter that panics on `x-switchboard-panic`: built here, once, because no release may have that feature.
pub fn panicking_filter() -> PathBuf {
    if is_native() { panicking_module() } else { panicking_wasm() }
}

fn panicking_wasm() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        if let Some(path) = named("SWITCHBOARD_PANICKING_WASM") {
            return existing(path, "SWITCHBOARD_PANICKING_WASM");
        }
        build_panicking("switchboard", Some("wasm32-wasip1"), "wasm32-wasip1/debug/switchboard.wasm")
    };
    BUILT.get_or_init(build).clone()
}

/// A module that panics on `x-switchboard-panic`, and in the hook that `x-switchboard-panic-in` names.
pub fn panicking_module() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || build_panicking("switchboard-module", None, "debug/libswitchboard_module.so");
    BUILT.get_or_init(build).clone()
}

fn build_panicking(package: &str, triple: Option<&str>, built: &str) -> PathBuf {
    // A folder of its own, so that nobody takes it for the filter; the profile for tests, as it builds faster.
    let target = target().join("panicking");
    let mut cargo = Command::new(var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", package, "--lib", "--features", "panic-trigger"]);
    cargo.args(triple.iter().flat_map(|triple| ["--target", triple]));
    let status = cargo.arg("--target-dir").arg(&target).current_dir(workspace()).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the filter with the feature `panic-trigger` cannot be built: run `make build` first"
    );
    existing(target.join(built), "SWITCHBOARD_PANICKING_WASM")
}
