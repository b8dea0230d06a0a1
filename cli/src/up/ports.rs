//! Checks for ports that are already in use.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use super::{Failure, Options};

/// Checks that every port is free. Envoy binds with `SO_REUSEPORT`: two Envoys on one port would silently share its
/// connections.
pub(super) fn check(options: &Options) -> Result<(), Failure> {
    let site = &options.site;
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let host =
        site.host.parse().map_err(|_| Failure::new(format!("--host {} is not an IP address", site.host)))?;
    let keys: IpAddr = site.keys_host.parse().unwrap_or(loopback);
    let mut ports = vec![(host, site.port, "--port"), (loopback, site.admin_port, "--admin-port")];
    // Those of a key service elsewhere are not ours.
    if options.keys.is_some() {
        ports.extend([
            (keys, site.keys_port, "--keys-port"),
            (keys, site.keys_internal_port(), "--keys-port (which also uses the next port)"),
        ]);
        ports.extend(options.metrics_port.map(|port| (keys, port, "--metrics-port")));
    }
    for (i, (address, port, option)) in ports.iter().enumerate() {
        if let Some((_, _, other)) = ports.iter().take(i).find(|(_, taken, _)| taken == port) {
            return Err(Failure::new(format!(
                "{other} and {option} both use port {port}; change one of them"
            )));
        }
        if let Err(error) = TcpListener::bind((*address, *port)) {
            let why = match error.kind() {
                std::io::ErrorKind::AddrInUse => "is in use by another program".to_owned(),
                _ => format!("cannot be opened: {error}"),
            };
            let option = option.split_whitespace().next().unwrap_or(option);
            let make = match option {
                "--port" => format!("make run PORT={}", port.wrapping_add(1)),
                _ => format!("make run ARGS='{option} {}'", port.wrapping_add(10)),
            };
            return Err(Failure::new(format!(
                "{address}:{port} {why}\n  help: stop that program (`ss -ltnp 'sport = :{port}'` shows it), or use another \
                 port with {option} (`{make}`)"
            )));
        }
    }
    Ok(())
}
