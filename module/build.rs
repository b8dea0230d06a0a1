//! Links libgcc's unwinder statically: not every machine that runs Envoy has `libgcc_s.so.1`.
//!
//! The standard library names the shared one. If all of the static one is linked before, nothing is left that the shared
//! one would be needed for, and the linker (`--as-needed`) drops it.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let found = Command::new(cc).arg("-print-file-name=libgcc_eh.a").output();
    let path =
        found.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    // Without it, the compiler prints the bare name.
    if let Some(folder) = Path::new(&path).parent().filter(|folder| folder.is_absolute()) {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:+whole-archive,-bundle=gcc_eh");
    }
}
