//! What a lab consists of, as data. Imports `address`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::address;

/// The longest interface name Linux takes.
const MAX_NAME: usize = 15;

/// What to build.
#[derive(Debug, Clone)]
pub struct LabSpec {
    /// The layer-2 networks.
    pub segments: Vec<Segment>,
    /// The namespaces plugged into them.
    pub hosts: Vec<Host>,
    /// Whether the namespaces speak IPv6 at all.
    pub ipv6: bool,
    /// Whether senders keep their offloads, as on a host that nobody tuned. XDP on the node then
    /// cannot see the checksums of what they send.
    pub offloads: bool,
}

/// A layer-2 network.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its name; a bridged one lives in a namespace of that role.
    pub name: String,
    /// How its ports are joined.
    pub wire: Wire,
    /// The MTU of all its interfaces.
    pub mtu: u32,
}

/// How the ports of a segment are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// By a Linux bridge.
    Bridge,
    /// Directly: the two ends of one veth pair.
    Cable,
}

/// A namespace with interfaces.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its role, by which `Lab::ns` finds it.
    pub role: String,
    /// Its interfaces.
    pub ports: Vec<Port>,
    /// Routes beyond the connected ones, as `ip route add` takes them.
    pub routes: Vec<String>,
    /// Whether it forwards IP packets.
    pub forwards: bool,
    /// Whether XDP programs redirect into its interfaces: their peers then
    /// get what it takes for the frames to arrive.
    pub xdp: bool,
}

/// An interface.
#[derive(Debug, Clone)]
pub struct Port {
    /// Its name in the host's namespace.
    pub name: String,
    /// The segment it is plugged into.
    pub segment: String,
    /// Its addresses with prefix length; the first is the source of choice.
    pub addresses: Vec<String>,
}

impl Default for LabSpec {
    fn default() -> Self {
        Self::standard()
    }
}

impl LabSpec {
    /// The standard lab:
    ///
    /// ```text
    /// client-a .10 --+                                     +-- b1 10.0.50.11 (and 10.0.1.10)
    /// client-b .11 --+ vswitch         node          pnet  +-- b2 10.0.50.12
    /// router   .1  --+ 10.0.1.0/24 -- vsw-a|provider ----- +-- b3 10.0.50.13
    ///    |                                                 10.0.0.0/16
    /// client-r 10.0.9.10
    /// ```
    pub fn standard() -> Self {
        use address as a;
        let vsw = |role: &str, ip: &str| Host::new(role).port("eth0", "vswitch", &[(ip, 24)]);
        let backend = |role: &str, ip: &str| Host::new(role).port("eth0", "pnet", &[(ip, 16)]);
        let mut twin = backend("b1", a::BACKENDS[0]);
        twin.ports[0]
            .addresses
            .push(format!("{}/16", a::BACKEND_TWIN));
        Self {
            segments: vec![
                Segment::new("vswitch", Wire::Bridge),
                Segment::new("routed", Wire::Cable),
                Segment::new("pnet", Wire::Bridge),
            ],
            hosts: vec![
                vsw("client-a", a::CLIENT_A),
                vsw("client-b", a::CLIENT_B),
                vsw("router", a::ROUTER)
                    .port("far", "routed", &[(a::ROUTER_FAR, 24)])
                    .forwarding(),
                Host::new("client-r")
                    .port("eth0", "routed", &[(a::CLIENT_R, 24)])
                    .route(&format!("default via {}", a::ROUTER_FAR)),
                Host::new("node")
                    .port("vsw-a", "vswitch", &[])
                    .port("provider", "pnet", &[(a::NODE, 16)])
                    .xdp(),
                twin,
                backend("b2", a::BACKENDS[1]),
                backend("b3", a::BACKENDS[2]),
            ],
            ipv6: false,
            offloads: false,
        }
    }

    /// Adds a second vSwitch (`vsw-b` on the node, zone lab-b) with client-c.
    #[must_use]
    pub fn with_second_vswitch(mut self) -> Self {
        self.segments.push(Segment::new("vswitch-b", Wire::Bridge));
        let client = Host::new("client-c").port("eth0", "vswitch-b", &[(address::CLIENT_C, 24)]);
        self.hosts.push(client);
        if let Some(node) = self.hosts.iter_mut().find(|host| host.role == "node") {
            node.ports.push(Port::new("vsw-b", "vswitch-b", &[]));
        }
        self
    }

    /// Leaves IPv6 on; duplicate address detection stays off, so that
    /// addresses can be used at once.
    #[must_use]
    pub fn with_ipv6(mut self) -> Self {
        self.ipv6 = true;
        self
    }

    /// Sets a segment's MTU.
    #[must_use]
    pub fn with_mtu(mut self, segment: &str, mtu: u32) -> Self {
        for found in self.segments.iter_mut().filter(|s| s.name == segment) {
            found.mtu = mtu;
        }
        self
    }

    /// Adds a host.
    #[must_use]
    pub fn with_host(mut self, host: Host) -> Self {
        self.hosts.push(host);
        self
    }

    /// Every namespace the lab needs.
    pub(super) fn roles(&self) -> impl Iterator<Item = &str> {
        let bridges = self
            .segments
            .iter()
            .filter(|segment| segment.wire == Wire::Bridge)
            .map(|segment| segment.name.as_str());
        bridges.chain(self.hosts.iter().map(|host| host.role.as_str()))
    }

    /// The ports of a segment with their hosts.
    pub(super) fn ports_of<'a>(
        &'a self,
        segment: &'a Segment,
    ) -> impl Iterator<Item = (&'a Host, &'a Port)> {
        self.hosts.iter().flat_map(move |host| {
            host.ports
                .iter()
                .filter(|port| port.segment == segment.name)
                .map(move |port| (host, port))
        })
    }

    /// Refuses a spec that cannot be built.
    pub(super) fn check(&self) -> Result<()> {
        let mut roles = BTreeSet::new();
        for role in self.roles() {
            if !roles.insert(role) {
                bail!("lab spec: two namespaces called `{role}`");
            }
        }
        for host in &self.hosts {
            for port in &host.ports {
                if port.name.len() > MAX_NAME {
                    bail!("lab spec: interface name `{}` is too long", port.name);
                }
                if !self.segments.iter().any(|s| s.name == port.segment) {
                    bail!("lab spec: {} is plugged into nothing", host.role);
                }
            }
        }
        for segment in &self.segments {
            let ports: Vec<_> = self.ports_of(segment).collect();
            if segment.wire == Wire::Cable && ports.len() != 2 {
                bail!("lab spec: cable `{}` needs two ports", segment.name);
            }
            let far: BTreeSet<_> = ports.iter().map(|(host, _)| far_name(host)).collect();
            if segment.wire == Wire::Bridge && far.len() != ports.len() {
                bail!("lab spec: one host twice in `{}`", segment.name);
            }
        }
        Ok(())
    }
}

/// What the bridge calls its end of a host's cable.
pub(super) fn far_name(host: &Host) -> String {
    host.role.chars().take(MAX_NAME).collect()
}

impl Segment {
    /// A segment of MTU 1500.
    pub fn new(name: &str, wire: Wire) -> Self {
        Self {
            name: name.to_owned(),
            wire,
            mtu: 1500,
        }
    }
}

impl Host {
    /// A host without interfaces.
    pub fn new(role: &str) -> Self {
        Self {
            role: role.to_owned(),
            ports: Vec::new(),
            routes: Vec::new(),
            forwards: false,
            xdp: false,
        }
    }

    /// Adds an interface with addresses and their prefix lengths.
    #[must_use]
    pub fn port(mut self, name: &str, segment: &str, addresses: &[(&str, u8)]) -> Self {
        self.ports.push(Port::new(name, segment, addresses));
        self
    }

    /// Adds a route, as `ip route add` takes it.
    #[must_use]
    pub fn route(mut self, route: &str) -> Self {
        self.routes.push(route.to_owned());
        self
    }

    /// Makes it a router.
    #[must_use]
    pub fn forwarding(mut self) -> Self {
        self.forwards = true;
        self
    }

    /// Makes it a place where XDP programs run.
    #[must_use]
    pub fn xdp(mut self) -> Self {
        self.xdp = true;
        self
    }
}

impl Port {
    /// An interface with addresses and their prefix lengths.
    pub fn new(name: &str, segment: &str, addresses: &[(&str, u8)]) -> Self {
        Self {
            name: name.to_owned(),
            segment: segment.to_owned(),
            addresses: addresses
                .iter()
                .map(|(ip, length)| format!("{ip}/{length}"))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_lab_can_be_built() {
        LabSpec::standard().check().expect("standard");
        let spec = LabSpec::standard().with_second_vswitch();
        spec.check().expect("second vSwitch");
        assert!(spec.roles().any(|role| role == "client-c"));
    }

    #[test]
    fn slips_are_refused() {
        let cases = [
            ("two namespaces", Host::new("node")),
            (
                "plugged into nothing",
                Host::new("x").port("eth0", "moon", &[]),
            ),
            (
                "too long",
                Host::new("x").port("a-name-of-16-char", "pnet", &[]),
            ),
            (
                "needs two ports",
                Host::new("x").port("eth0", "routed", &[]),
            ),
            (
                "twice",
                Host::new("x")
                    .port("e0", "pnet", &[])
                    .port("e1", "pnet", &[]),
            ),
        ];
        for (want, host) in cases {
            let error = LabSpec::standard().with_host(host).check().expect_err(want);
            assert!(error.to_string().contains(want), "{error}");
        }
    }
}
