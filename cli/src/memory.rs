//! How much memory there is: as the operator says it, or as the machine does.

use std::path::Path;

/// Where a container's limit is: control groups version 2, and version 1.
const CONTROL_GROUPS: [&str; 2] =
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// The minimum for Envoy with the filter: about 100 MB are in use before the first request.
const LEAST: u64 = 128 << 20;

/// Reads an amount as Kubernetes writes it (`1Gi`, `512M`, bytes).
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return Err("expected a size with the unit k, M, G, Ki, Mi or Gi".to_owned()),
    };
    let number: f64 = digits.parse().map_err(|_| "expected a size, for example 1Gi or 512Mi".to_owned())?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float too large becomes the largest number, and bytes are not counted one by one"
    )]
    let bytes = (number * unit as f64) as u64;
    if bytes < LEAST { Err("expected 128Mi or more".to_owned()) } else { Ok(bytes) }
}

/// What this process may use: the limit of its container, or the memory of the machine, whichever is less.
pub fn of_this_machine() -> Option<u64> {
    let limits = CONTROL_GROUPS.iter().filter_map(|path| std::fs::read_to_string(Path::new(path)).ok());
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let limits = limits.filter_map(|text| text.trim().parse().ok());
    limits.chain(machine).min().filter(|bytes| *bytes >= LEAST)
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_writes_them() {
        assert_eq!(parse("1Gi"), Ok(1 << 30));
        assert_eq!(parse("1.5Gi"), Ok(3 << 29));
        assert_eq!(parse("512Mi"), Ok(512 << 20));
        assert_eq!(parse("2G"), Ok(2_000_000_000));
        assert_eq!(parse("268435456"), Ok(256 << 20));
        for wrong in ["", "Gi", "1Ti", "-1Gi", "much", "64Mi", "1 Gi"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_memory_of_a_machine_is_read_in_kibibytes() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       16384 kB\n"), Some(16 << 20));
        assert_eq!(total("MemFree: 1 kB\n"), None);
    }
}
