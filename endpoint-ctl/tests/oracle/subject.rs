//! What is judged: the rules of one vSwitch and one endpoint, and the model around them.
//!
//! May import: endpoint-ctl (model), ipnet.

use endpoint_ctl::model::{
    AddressFamily, AddressIpVersion, Connection, Direction, Endpoint, EndpointId, EndpointLimits,
    EndpointPolicy, EndpointType, EndpointZone, EniId, Hook, Model, NetworkAcl, NetworkAclEntry,
    NetworkAclId, Peer, Policy, PolicyStatement, PortRange, PrefixList, PrefixListId,
    ProtocolMatch, SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupType, ServiceId,
    VSwitch, VSwitchId, VpcId, ZoneId, managed_group,
};
use ipnet::{IpNet, Ipv4Net};

use std::net::Ipv4Addr;

/// Whom a rule means by name: a prefix list or a group of the subject, by its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    List(usize),
    Group(usize),
}

/// What a rule says, wherever it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) direction: Direction,
    pub(crate) policy: Policy,
    /// This and what is behind `peer` is of no meaning in a network ACL.
    pub(crate) priority: u8,
    pub(crate) protocol: ProtocolMatch,
    pub(crate) ports: PortRange,
    pub(crate) peer: Ipv4Net,
    /// Instead of `peer`.
    pub(crate) named: Option<Named>,
    pub(crate) local: Option<Ipv4Net>,
    pub(crate) source_ports: PortRange,
}

/// A rule for all traffic.
pub(crate) fn rule(direction: Direction, policy: Policy, priority: u8) -> Rule {
    Rule {
        direction,
        policy,
        priority,
        protocol: ProtocolMatch::All,
        ports: PortRange::ANY,
        peer: Ipv4Net::default(),
        named: None,
        local: None,
        source_ports: PortRange::ANY,
    }
}

/// A security group, attached to the endpoint or not.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) kind: SecurityGroupType,
    pub(crate) inner_access: Policy,
    pub(crate) members: Vec<Ipv4Net>,
    /// ENIs of other endpoints that have it.
    pub(crate) enis: Vec<Ipv4Addr>,
    pub(crate) attached: bool,
    pub(crate) rules: Vec<Rule>,
}

impl Group {
    /// An attached one without members but the endpoint.
    pub(crate) fn new(kind: SecurityGroupType, rules: Vec<Rule>) -> Self {
        Self {
            kind,
            inner_access: match kind {
                SecurityGroupType::Normal => Policy::Accept,
                SecurityGroupType::Enterprise => Policy::Drop,
            },
            members: Vec::new(),
            enis: Vec::new(),
            attached: true,
            rules,
        }
    }
}

/// The managed group. Every model that the manifest makes has it as it is made; the others show
/// what its rule hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Managed {
    AsMade,
    WithoutRules,
    Missing,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) vswitch: Ipv4Net,
    pub(crate) acl: Option<Vec<Rule>>,
    pub(crate) lists: Vec<Vec<Ipv4Net>>,
    pub(crate) groups: Vec<Group>,
    pub(crate) managed: Managed,
    /// Statements of the endpoint's policy; none: as it is by default.
    pub(crate) policy: Vec<PolicyStatement>,
}

impl Default for Subject {
    fn default() -> Self {
        Self {
            vswitch: "10.0.1.0/24".parse().expect("a network"),
            acl: None,
            lists: Vec::new(),
            groups: vec![Group::new(SecurityGroupType::Normal, Vec::new())],
            managed: Managed::AsMade,
            policy: Vec::new(),
        }
    }
}

pub(crate) fn endpoint_id() -> EndpointId {
    EndpointId::new("ep")
}

pub(crate) fn vswitch_id() -> VSwitchId {
    VSwitchId::new("vsw")
}

impl Subject {
    pub(crate) fn with_group(rules: Vec<Rule>) -> Self {
        Self {
            groups: vec![Group::new(SecurityGroupType::Normal, rules)],
            ..Self::default()
        }
    }

    pub(crate) fn with_acl(rules: Vec<Rule>) -> Self {
        Self {
            acl: Some(rules),
            ..Self::default()
        }
    }

    /// Every rule there is.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        let groups = self.groups.iter().flat_map(|group| &group.rules);
        self.acl.iter().flatten().chain(groups)
    }

    pub(crate) fn rule_count(&self) -> usize {
        self.rules().count()
    }

    /// The same without its rule number `place`.
    pub(crate) fn without(&self, place: usize) -> Self {
        let mut less = self.clone();
        let groups = less.groups.iter_mut().map(|group| &mut group.rules);
        let mut first = 0;
        for rules in less.acl.iter_mut().chain(groups) {
            if (first..first + rules.len()).contains(&place) {
                rules.remove(place - first);
                break;
            }
            first += rules.len();
        }
        less
    }

    /// The endpoint's one address.
    pub(crate) fn eni(&self) -> Ipv4Addr {
        self.vswitch.addr()
    }

    /// The networks that a rule is about.
    pub(crate) fn peers(&self, rule: &Rule) -> Vec<Ipv4Net> {
        match rule.named {
            None => vec![rule.peer],
            Some(Named::List(place)) => self.lists[place].clone(),
            Some(Named::Group(place)) => self.members(place),
        }
    }

    /// Who is in a group.
    pub(crate) fn members(&self, place: usize) -> Vec<Ipv4Net> {
        let group = &self.groups[place];
        let own = group.attached.then(|| self.eni());
        let enis = group.enis.iter().copied().chain(own).map(Ipv4Net::from);
        group.members.iter().copied().chain(enis).collect()
    }

    /// The model around the rules. Ids: `acl-3`, `group0-5`.
    pub(crate) fn model(&self) -> Model {
        let mut model = Model::default();
        let (endpoint, vpc) = (endpoint_id(), VpcId::new("vpc"));
        let vswitch = VSwitch {
            id: vswitch_id(),
            vpc: vpc.clone(),
            zone: ZoneId::new("z"),
            cidr_block: self.vswitch,
            ipv6_cidr_block: None,
            node: None,
            interface: Some("vsw".to_owned()),
            hook: Hook::default(),
            network_acl: self.acl.as_ref().map(|_| NetworkAclId::new("acl")),
        };
        model.vswitches.insert(vswitch.id.clone(), vswitch);
        if let Some(rules) = &self.acl {
            let acl = acl(rules, &vpc);
            model.network_acls.insert(acl.id.clone(), acl);
        }
        for (place, entries) in self.lists.iter().enumerate() {
            let list = list(place, entries);
            model.prefix_lists.insert(list.id.clone(), list);
        }
        let numbered = self.groups.iter().enumerate();
        let groups: Vec<_> = numbered
            .map(|(place, made)| group(place, made, &vpc))
            .collect();
        let managed = managed_group(&endpoint, EndpointType::Interface, &vpc);
        let attached =
            |(group, made): (&SecurityGroup, &Group)| made.attached.then(|| group.id.clone());
        let policy = match &self.policy[..] {
            [] => EndpointPolicy::default(),
            statements => EndpointPolicy {
                document: "as told".to_owned(),
                statements: statements.to_vec(),
            },
        };
        let made = Endpoint {
            security_groups: groups
                .iter()
                .zip(&self.groups)
                .filter_map(attached)
                .collect(),
            managed_group: managed.id.clone(),
            policy,
            ..endpoint_at(endpoint.clone(), self.eni(), &vpc)
        };
        model.endpoints.insert(endpoint, made);
        for (group, made) in groups.iter().zip(&self.groups) {
            for (number, ip) in made.enis.iter().enumerate() {
                let id = EndpointId::new(format!("{}-{number}", group.id));
                let mut other = endpoint_at(id.clone(), *ip, &vpc);
                other.endpoint_type = EndpointType::Reverse;
                other.security_groups = vec![group.id.clone()];
                model.endpoints.insert(id, other);
            }
        }
        let managed = match self.managed {
            Managed::AsMade => Some(managed),
            Managed::WithoutRules => Some(SecurityGroup {
                rules: Vec::new(),
                ..managed
            }),
            Managed::Missing => None,
        };
        for group in groups.into_iter().chain(managed) {
            model.security_groups.insert(group.id.clone(), group);
        }
        model
    }
}

fn endpoint_at(id: EndpointId, ip: Ipv4Addr, vpc: &VpcId) -> Endpoint {
    Endpoint {
        zone_affinity: false,
        private_dns: false,
        connection: Connection {
            accepted: true,
            ..Connection::default()
        },
        vpc: vpc.clone(),
        service: ServiceId::new("none"),
        endpoint_type: EndpointType::Interface,
        resources: Vec::new(),
        address_ip_version: AddressIpVersion::Ipv4,
        security_groups: Vec::new(),
        managed_group: SecurityGroupId::new("none"),
        policy: EndpointPolicy::default(),
        audit_mode: false,
        limits: EndpointLimits::default(),
        zones: vec![EndpointZone {
            zone: ZoneId::new("z"),
            vswitch: vswitch_id(),
            eni: EniId::new(format!("eni-{id}")),
            ip,
            ipv6: None,
            connected: true,
            resource: None,
            replaced: None,
        }],
        id,
    }
}

fn list(place: usize, entries: &[Ipv4Net]) -> PrefixList {
    PrefixList {
        id: PrefixListId::new(format!("list{place}")),
        family: AddressFamily::Ipv4,
        max_entries: 200,
        entries: entries.iter().copied().map(IpNet::V4).collect(),
    }
}

fn acl(rules: &[Rule], vpc: &VpcId) -> NetworkAcl {
    let entries = |direction: Direction| -> Vec<_> {
        let numbered = rules.iter().enumerate();
        numbered
            .filter(|(_, rule)| rule.direction == direction)
            .map(|(place, rule)| NetworkAclEntry {
                id: format!("acl-{place}"),
                policy: rule.policy,
                protocol: rule.protocol,
                ports: rule.ports,
                peer: rule.peer.into(),
            })
            .collect()
    };
    NetworkAcl {
        id: NetworkAclId::new("acl"),
        vpc: vpc.clone(),
        ingress: entries(Direction::Ingress),
        egress: entries(Direction::Egress),
    }
}

fn group(place: usize, made: &Group, vpc: &VpcId) -> SecurityGroup {
    let rules = made.rules.iter().enumerate();
    let rules = rules.map(|(number, rule)| SecurityGroupRule {
        id: format!("group{place}-{number}"),
        direction: rule.direction,
        policy: rule.policy,
        priority: rule.priority,
        protocol: rule.protocol,
        ports: rule.ports,
        source_ports: rule.source_ports,
        peer: match rule.named {
            None => rule.peer.into(),
            Some(Named::List(place)) => Peer::PrefixList(PrefixListId::new(format!("list{place}"))),
            Some(Named::Group(place)) => Peer::Group(SecurityGroupId::new(format!("group{place}"))),
        },
        local: rule.local.map(IpNet::V4),
    });
    SecurityGroup {
        id: SecurityGroupId::new(format!("group{place}")),
        vpc: vpc.clone(),
        group_type: made.kind,
        service_managed: false,
        inner_access: made.inner_access,
        members: made.members.iter().copied().map(IpNet::V4).collect(),
        rules: rules.collect(),
    }
}
