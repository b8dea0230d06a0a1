//! Ports that somebody else holds.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use super::Failure;
use crate::envoy::Site;

/// Checks that every port can be listened on. Envoy shares a port with whoever allows it, another Envoy for one,
/// and would get half of its connections without a word.
pub(super) fn check(site: &Site, starts_keys: bool) -> Result<(), Failure> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let host =
        site.host.parse().map_err(|_| Failure::new(format!("--host {} is not an IP address", site.host)))?;
    let keys: IpAddr = site.keys_host.parse().unwrap_or(loopback);
    let ports = [
        (host, site.port, "--port"),
        (loopback, site.admin_port, "--admin-port"),
        (keys, site.keys_port, "--keys-port"),
        (keys, site.keys_internal_port(), "--keys-port (which takes the next port too)"),
    ];
    // Those of a key service elsewhere are not ours.
    let ours = if starts_keys { &ports[..] } else { &ports[..2] };
    for (i, (address, port, option)) in ours.iter().enumerate() {
        if let Some((_, _, other)) = ours.iter().take(i).find(|(_, taken, _)| taken == port) {
            return Err(Failure::new(format!("port {port} is given twice: {other} and {option}")));
        }
        if let Err(error) = TcpListener::bind((*address, *port)) {
            let why = match error.kind() {
                std::io::ErrorKind::AddrInUse => "is in use by another program".to_owned(),
                _ => format!("cannot be used: {error}"),
            };
            return Err(Failure::new(format!("{address}:{port} {why}; choose another one with {option}")));
        }
    }
    Ok(())
}
