//! What the kernel says of a process: its CPU time, its memory.

use std::io;
use std::time::Duration;

/// CPU time so far, user and system, of all threads.
pub fn cpu(pid: u32) -> io::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses, and may hold anything; after it comes the third field.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok());
    let (Some(user), Some(system)) = (ticks(14), ticks(15)) else {
        return Err(io::Error::other(format!("/proc/{pid}/stat is not as proc(5) says")));
    };
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos((user + system) * (1_000_000_000 / per_second)))
}

/// Memory that is in use, KiB.
pub fn resident_kib(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::other(format!("/proc/{pid}/status has no VmRSS")))
}
