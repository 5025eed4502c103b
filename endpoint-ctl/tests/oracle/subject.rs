//! What is judged: the rules of one vSwitch and one endpoint, and the model around them.
//!
//! May import: endpoint-ctl (model), ipnet.

use endpoint_ctl::model::{
    AddressIpVersion, Direction, Endpoint, EndpointId, EndpointLimits, EndpointType, EndpointZone,
    EniId, Hook, Model, NetworkAcl, NetworkAclEntry, NetworkAclId, Policy, PortRange,
    ProtocolMatch, SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupType, ServiceId,
    VSwitch, VSwitchId, VpcId, ZoneId, managed_group,
};
use ipnet::Ipv4Net;

/// What a rule says, wherever it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) direction: Direction,
    pub(crate) policy: Policy,
    /// Of no meaning in a network ACL.
    pub(crate) priority: u8,
    pub(crate) protocol: ProtocolMatch,
    pub(crate) ports: PortRange,
    pub(crate) peer: Ipv4Net,
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
    pub(crate) groups: Vec<(SecurityGroupType, Vec<Rule>)>,
    pub(crate) managed: Managed,
}

impl Default for Subject {
    fn default() -> Self {
        Self {
            vswitch: "10.0.1.0/24".parse().expect("a network"),
            acl: None,
            groups: vec![(SecurityGroupType::Normal, Vec::new())],
            managed: Managed::AsMade,
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
            groups: vec![(SecurityGroupType::Normal, rules)],
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
        let groups = self.groups.iter().flat_map(|(_, rules)| rules);
        self.acl.iter().flatten().chain(groups)
    }

    pub(crate) fn rule_count(&self) -> usize {
        self.rules().count()
    }

    /// The same without its rule number `place`.
    pub(crate) fn without(&self, place: usize) -> Self {
        let mut less = self.clone();
        let groups = less.groups.iter_mut().map(|(_, rules)| rules);
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
            interface: "vsw".to_owned(),
            hook: Hook::default(),
            network_acl: self.acl.as_ref().map(|_| NetworkAclId::new("acl")),
        };
        model.vswitches.insert(vswitch.id.clone(), vswitch);
        if let Some(rules) = &self.acl {
            let acl = acl(rules, &vpc);
            model.network_acls.insert(acl.id.clone(), acl);
        }
        let groups: Vec<_> = self
            .groups
            .iter()
            .enumerate()
            .map(|(place, (kind, rules))| group(place, *kind, rules, &vpc))
            .collect();
        let managed = managed_group(&endpoint, EndpointType::Interface, &vpc);
        let made = Endpoint {
            id: endpoint.clone(),
            name: None,
            vpc,
            service: ServiceId::new("none"),
            endpoint_type: EndpointType::Interface,
            resources: Vec::new(),
            address_ip_version: AddressIpVersion::Ipv4,
            security_groups: groups.iter().map(|group| group.id.clone()).collect(),
            managed_group: managed.id.clone(),
            audit_mode: false,
            limits: EndpointLimits::default(),
            zones: vec![EndpointZone {
                zone: ZoneId::new("z"),
                vswitch: vswitch_id(),
                eni: EniId::new("eni"),
                ip: self.vswitch.addr(),
                ipv6: None,
            }],
        };
        model.endpoints.insert(endpoint, made);
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

fn group(place: usize, kind: SecurityGroupType, rules: &[Rule], vpc: &VpcId) -> SecurityGroup {
    let rules = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| SecurityGroupRule {
            id: format!("group{place}-{number}"),
            direction: rule.direction,
            policy: rule.policy,
            priority: rule.priority,
            protocol: rule.protocol,
            ports: rule.ports,
            peer: rule.peer.into(),
        });
    SecurityGroup {
        id: SecurityGroupId::new(format!("group{place}")),
        vpc: vpc.clone(),
        group_type: kind,
        service_managed: false,
        rules: rules.collect(),
    }
}
