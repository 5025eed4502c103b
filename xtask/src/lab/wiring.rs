//! Turns a spec into interfaces, bridges, addresses and routes. Imports
//! `namespace` and `spec`.
//!
//! Two properties of veth decide whether XDP on the node works at all:
//! - A sender leaves checksums half done and frames larger than the MTU, since
//!   the far end usually does not care. XDP sees them so. Offloads are
//!   therefore off on every interface, unless the spec leaves them on.
//! - A frame redirected into a veth is lost unless its *peer* has an XDP
//!   program or GRO on. The peers of the node's interfaces get GRO.

use anyhow::Result;

use super::Lab;
use super::namespace::host_ip_batch;
use super::spec::{Host, LabSpec, Port, Segment, Wire, far_name};

const BRIDGE: &str = "br0";

pub(super) fn wire(lab: &Lab, spec: &LabSpec) -> Result<()> {
    prepare(lab, spec)?;
    for segment in &spec.segments {
        match segment.wire {
            Wire::Bridge => bridge(lab, spec, segment)?,
            Wire::Cable => cable(lab, spec, segment)?,
        }
    }
    for host in &spec.hosts {
        configure(lab, spec, host)?;
    }
    Ok(())
}

/// Sets what interfaces inherit, before there are any. A new namespace copies
/// some of it from the host, so nothing is taken for granted.
fn prepare(lab: &Lab, spec: &LabSpec) -> Result<()> {
    let no_ipv6 = if spec.ipv6 { "0" } else { "1" };
    for namespace in lab.namespaces() {
        let forwards = spec
            .hosts
            .iter()
            .any(|host| host.role == namespace.role() && host.forwards);
        let forward = if forwards { "1" } else { "0" };
        namespace.sysctl(&[
            ("ipv6/conf/all/disable_ipv6", no_ipv6),
            ("ipv6/conf/default/disable_ipv6", no_ipv6),
            ("ipv6/conf/default/accept_dad", "0"),
            ("ipv6/conf/all/forwarding", forward),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
            ("ipv4/conf/all/forwarding", forward),
            ("ipv4/conf/default/forwarding", forward),
        ])?;
        namespace.ip_batch(&["link set lo up".into()])?;
    }
    Ok(())
}

/// A veth pair between two places, each a namespace role and a name.
fn pair(lab: &Lab, mtu: u32, near: (&str, &str), far: (&str, &str)) -> String {
    let end = |(role, name): (&str, &str)| {
        let namespace = lab.ns(role).name();
        format!("name {name} mtu {mtu} netns {namespace}")
    };
    format!("link add {} type veth peer {}", end(near), end(far))
}

fn bridge(lab: &Lab, spec: &LabSpec, segment: &Segment) -> Result<()> {
    let middle = lab.ns(&segment.name);
    let mut pairs = Vec::new();
    let mut inside = vec![
        format!(
            "link add {BRIDGE} mtu {} type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
            segment.mtu
        ),
        format!("link set {BRIDGE} up"),
    ];
    for (host, port) in spec.ports_of(segment) {
        let far = far_name(host);
        pairs.push(pair(
            lab,
            segment.mtu,
            (&host.role, &port.name),
            (&segment.name, &far),
        ));
        inside.push(format!("link set {far} master {BRIDGE}"));
    }
    host_ip_batch(&pairs)?;
    middle.ip_batch(&inside)?;
    let mut up = Vec::new();
    for (host, _) in spec.ports_of(segment) {
        let far = far_name(host);
        offloads(lab, spec, &segment.name, &far, host.xdp)?;
        up.push(format!("link set {far} up"));
    }
    middle.ip_batch(&up)
}

fn cable(lab: &Lab, spec: &LabSpec, segment: &Segment) -> Result<()> {
    let ports: Vec<_> = spec.ports_of(segment).collect();
    if let [(one, near), (two, far)] = ports[..] {
        host_ip_batch(&[pair(
            lab,
            segment.mtu,
            (&one.role, &near.name),
            (&two.role, &far.name),
        )])?;
        offloads(lab, spec, &one.role, &near.name, two.xdp)?;
        offloads(lab, spec, &two.role, &far.name, one.xdp)?;
    }
    Ok(())
}

fn configure(lab: &Lab, spec: &LabSpec, host: &Host) -> Result<()> {
    for port in &host.ports {
        offloads(lab, spec, &host.role, &port.name, false)?;
    }
    let mut lines: Vec<String> = Vec::new();
    for Port {
        name, addresses, ..
    } in &host.ports
    {
        lines.extend(
            addresses
                .iter()
                .map(|ip| format!("addr add {ip} dev {name}")),
        );
        lines.push(format!("link set {name} up"));
    }
    lines.extend(host.routes.iter().map(|route| format!("route add {route}")));
    lab.ns(&host.role).ip_batch(&lines)
}

/// Sets an interface's offloads; a later call adds to an earlier one.
fn offloads(
    lab: &Lab,
    spec: &LabSpec,
    role: &str,
    interface: &str,
    peer_has_xdp: bool,
) -> Result<()> {
    let mut settings = Vec::new();
    if !spec.offloads {
        settings.extend(["tx", "off", "tso", "off", "gso", "off"]);
    }
    if peer_has_xdp {
        settings.extend(["gro", "on"]);
    }
    if !settings.is_empty() {
        lab.ns(role)
            .must(["ethtool", "-K", interface].into_iter().chain(settings))?;
    }
    Ok(())
}
