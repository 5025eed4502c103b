//! Manifests as text, built from one tenant's rules, listeners and endpoint, so that a test names
//! only what it is about. Imports `listener` and the lab's addresses.

use std::fmt::Write as _;

use xtask::lab::address;

use crate::listener::Listener;
pub(crate) use crate::listener::{Server, server};

/// Every address.
pub(crate) const ANYWHERE: &str = "0.0.0.0/0";

/// What a rule matches besides the peer.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    pub(crate) protocol: &'static str,
    pub(crate) ports: String,
}

/// TCP to one port.
pub(crate) fn tcp(port: u16) -> Traffic {
    tcp_range(port, port)
}

/// TCP to the ports `first` to `last`.
pub(crate) fn tcp_range(first: u16, last: u16) -> Traffic {
    Traffic {
        protocol: "TCP",
        ports: format!("{first}/{last}"),
    }
}

/// UDP to one port.
pub(crate) fn udp(port: u16) -> Traffic {
    udp_range(port, port)
}

/// UDP to the ports `first` to `last`.
pub(crate) fn udp_range(first: u16, last: u16) -> Traffic {
    Traffic {
        protocol: "UDP",
        ports: format!("{first}/{last}"),
    }
}

/// ICMP.
pub(crate) fn icmp() -> Traffic {
    Traffic {
        protocol: "ICMP",
        ports: "-1/-1".to_owned(),
    }
}

/// Every protocol and port.
pub(crate) fn all() -> Traffic {
    Traffic {
        protocol: "ALL",
        ports: "-1/-1".to_owned(),
    }
}

/// A rule of a security group, or an entry of a network ACL.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    id: Option<String>,
    policy: &'static str,
    traffic: Traffic,
    ingress: bool,
    peer: String,
    priority: u8,
}

/// Lets traffic in from anywhere, unless `from` or `to` says otherwise.
pub(crate) fn accept(traffic: Traffic) -> Rule {
    Rule {
        id: None,
        policy: "accept",
        traffic,
        ingress: true,
        peer: ANYWHERE.to_owned(),
        priority: 1,
    }
}

/// Drops traffic from anywhere, unless `from` or `to` says otherwise.
pub(crate) fn drop(traffic: Traffic) -> Rule {
    Rule {
        policy: "drop",
        ..accept(traffic)
    }
}

impl Rule {
    /// Makes it an inbound rule about this address or network.
    pub(crate) fn from(mut self, peer: &str) -> Self {
        self.ingress = true;
        self.peer = network(peer);
        self
    }

    /// Makes it an outbound rule about this address or network.
    pub(crate) fn to(mut self, peer: &str) -> Self {
        self.ingress = false;
        self.peer = network(peer);
        self
    }

    /// Its place in a security group; 1, the first, unless said otherwise.
    pub(crate) fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// Its id in flow logs.
    pub(crate) fn named(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    fn in_group(&self) -> String {
        let (direction, peer) = if self.ingress {
            ("ingress", "SourceCidrIp")
        } else {
            ("egress", "DestCidrIp")
        };
        let id = self.id.as_ref();
        let id = id.map_or(String::new(), |id| format!("SecurityGroupRuleId: {id}, "));
        format!(
            "  - {{ {id}Direction: {direction}, Policy: {}, Priority: {}, IpProtocol: {}, \
             PortRange: {}, {peer}: {} }}\n",
            self.policy, self.priority, self.traffic.protocol, self.traffic.ports, self.peer
        )
    }

    fn in_acl(&self) -> String {
        let peer = if self.ingress {
            "SourceCidrIp"
        } else {
            "DestinationCidrIp"
        };
        format!(
            "  - {{ Policy: {}, Protocol: {}, Port: {}, {peer}: {} }}\n",
            self.policy, self.traffic.protocol, self.traffic.ports, self.peer
        )
    }
}

/// A lone address is a network of one.
fn network(peer: &str) -> String {
    if peer.contains('/') {
        peer.to_owned()
    } else {
        format!("{peer}/32")
    }
}

/// A tenant with one vSwitch, security group, service and endpoint; their ids end in its name.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    name: &'static str,
    group: Vec<Rule>,
    acl: Option<Vec<Rule>>,
    listeners: Vec<Listener>,
    has_endpoint: bool,
    endpoint: &'static str,
    interface: String,
}

impl Manifest {
    /// The tenant `a` on the interface `vsw-a`, with the endpoint at `ENI_A`: no rule, no ACL, no
    /// listener.
    pub(crate) fn new() -> Self {
        Self::of("a")
    }

    /// The same for another name; all tenants use the same addresses.
    pub(crate) fn of(name: &'static str) -> Self {
        Self {
            name,
            group: Vec::new(),
            acl: None,
            listeners: Vec::new(),
            has_endpoint: true,
            endpoint: "",
            interface: format!("vsw-{name}"),
        }
    }

    /// TCP port 80 served by port 8080 of all three backends, weights 100, 100 and 50.
    pub(crate) fn web() -> Self {
        let [b1, b2, b3] = address::BACKENDS;
        let servers = [
            server(b1, 8080),
            server(b2, 8080),
            server(b3, 8080).weight(50),
        ];
        Self::new().listener(tcp(80), &servers)
    }

    /// Adds a rule to the security group.
    pub(crate) fn group(mut self, rule: Rule) -> Self {
        self.group.push(rule);
        self
    }

    /// Gives the vSwitch a network ACL with these entries, and no others.
    pub(crate) fn acl(mut self, entries: &[Rule]) -> Self {
        self.acl = Some(entries.to_vec());
        self
    }

    /// Adds a listener, which is not probed: what it is about decides, not what a probe finds.
    pub(crate) fn listener(mut self, traffic: Traffic, servers: &[Server]) -> Self {
        self.listeners.push(Listener {
            traffic,
            servers: servers.to_vec(),
            health_check: "HealthCheckEnabled: false",
            settings: "",
        });
        self
    }

    /// Has the last listener's servers probed, with these fields of a health check.
    pub(crate) fn probed(self, fields: &'static str) -> Self {
        self.last_listener(|listener| listener.health_check = fields)
    }

    /// Has the last listener's servers drain for ten seconds.
    pub(crate) fn drains(self) -> Self {
        self.last_listener(|listener| {
            listener.settings =
                "    ConnectionDrainEnabled: true\n    ConnectionDrainTimeout: 10\n";
        })
    }

    fn last_listener(mut self, change: impl FnOnce(&mut Listener)) -> Self {
        change(self.listeners.last_mut().expect("a listener"));
        self
    }

    /// Gives the endpoint further fields, a line each.
    pub(crate) fn endpoint(mut self, fields: &'static str) -> Self {
        self.endpoint = fields;
        self
    }

    /// Takes the endpoint away.
    pub(crate) fn without_endpoint(mut self) -> Self {
        self.has_endpoint = false;
        self
    }

    /// Puts the vSwitch on another interface.
    pub(crate) fn on(mut self, interface: &str) -> Self {
        interface.clone_into(&mut self.interface);
        self
    }

    /// As YAML.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", provider(), self.tenant())
    }

    /// Both tenants before one provider network, as YAML.
    pub(crate) fn text_beside(&self, other: &Self) -> String {
        format!("{}{}", self.text(), other.tenant())
    }

    fn tenant(&self) -> String {
        let name = self.name;
        let mut text = format!(
            "---\nkind: Vpc\nVpcId: vpc-{name}\nCidrBlock: {}\n\
             ---\nkind: VSwitch\nVSwitchId: vsw-{name}\nVpcId: vpc-{name}\nZoneId: lab\n\
             CidrBlock: {}\nInterface: {}\n\
             ---\nkind: SecurityGroup\nSecurityGroupId: sg-{name}\nVpcId: vpc-{name}\n",
            address::NETWORK,
            address::VSWITCH_A,
            self.interface
        );
        list(
            &mut text,
            "Permissions",
            self.group.iter().map(Rule::in_group),
        );
        if let Some(entries) = &self.acl {
            text += &self.acl_document(entries);
        }
        text += &self.load_balancer();
        let _ = write!(
            text,
            "---\nkind: VpcEndpointService\nServiceId: epsrv-{name}\n\
             Resources: [{{ ResourceId: nlb-{name}, ResourceType: nlb }}]\n"
        );
        if self.has_endpoint {
            let _ = write!(
                text,
                "---\nkind: VpcEndpoint\nEndpointId: ep-{name}\nVpcId: vpc-{name}\n\
                 ServiceId: epsrv-{name}\nSecurityGroupIds: [sg-{name}]\n\
                 Zones: [{{ ZoneId: lab, VSwitchId: vsw-{name}, ip: {} }}]\n{}",
                address::ENI_A,
                self.endpoint
            );
        }
        text
    }

    fn acl_document(&self, entries: &[Rule]) -> String {
        let name = self.name;
        let mut text = format!(
            "---\nkind: NetworkAcl\nNetworkAclId: nacl-{name}\nVpcId: vpc-{name}\n\
             Resources: [{{ ResourceId: vsw-{name}, ResourceType: VSwitch }}]\n"
        );
        for (field, ingress) in [("IngressAclEntries", true), ("EgressAclEntries", false)] {
            let mine = entries.iter().filter(|entry| entry.ingress == ingress);
            list(&mut text, field, mine.map(Rule::in_acl));
        }
        text
    }

    fn load_balancer(&self) -> String {
        let name = self.name;
        let mut text = format!(
            "---\nkind: LoadBalancer\nLoadBalancerId: nlb-{name}\nProviderNetworkId: pnet\n"
        );
        list(
            &mut text,
            "Listeners",
            self.listeners.iter().map(Listener::text),
        );
        text
    }
}

/// The provider network that all tenants share.
fn provider() -> String {
    let [first, second] = address::NAT;
    format!(
        "kind: ProviderNetwork\nProviderNetworkId: pnet\nCidrBlock: {}\n\
         Interface: provider\nNatAddresses: [{first}, {second}]\n",
        address::NETWORK
    )
}

/// A field that holds a list, which may be empty.
fn list(text: &mut String, field: &str, items: impl Iterator<Item = String>) {
    let items: String = items.collect();
    let _ = if items.is_empty() {
        writeln!(text, "{field}: []")
    } else {
        write!(text, "{field}:\n{items}")
    };
}
