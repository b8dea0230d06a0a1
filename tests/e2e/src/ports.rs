//! Ports that nobody uses.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below what systems take for outgoing connections, so that none of those can come in between.
const RANGE: std::ops::Range<u16> = 11_000..31_000;

/// A free port on loopback.
pub fn free_port() -> u16 {
    free_ports(1)
}

/// The first of so many free ports in a row on loopback. Two calls of one process never give the same one.
pub fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let size = RANGE.end - RANGE.start - count;
    // Test processes that run at the same time begin at different places.
    let place = std::process::id().wrapping_mul(7919);
    for _ in 0..size {
        let offset = u32::from(NEXT.fetch_add(count, Ordering::Relaxed));
        let offset = place.wrapping_add(offset) % u32::from(size);
        let first = RANGE.start + u16::try_from(offset).unwrap_or_default();
        if (first..first + count).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return first;
        }
    }
    panic!("no free port between {} and {}", RANGE.start, RANGE.end);
}
