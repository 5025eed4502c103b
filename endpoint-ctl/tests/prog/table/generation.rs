//! Rows: what a new generation does to known flows, and what is left of the old one.
//!
//! May import: endpoint-ctl (model), packet, the table's own.

use super::Expect::{Answer, Drop, DropBy, Pass, To};
use super::{Step, answer, as_is, row};
use crate::packet::{ping, tcp, udp, who_has};
use crate::world::Leg::{ProviderA, ProviderB, VswA, VswA2};
use crate::world::World;
use endpoint_common::abi::reason::DropReason::{
    AclEgress, AclIngress, BackendRemoved, EndpointGone, GroupEgress, GroupIngress, NoListener,
};
use endpoint_ctl::model::{
    EndpointId, LoadBalancerId, Model, NetworkAclEntry, NetworkAclId, Policy, PortRange,
    ProtocolMatch, SecurityGroupId,
};

const WEB: &str = "a connection before the change";
const PING: &str = "a ping before the change";

pub(super) fn steps() -> Vec<Step> {
    [rules_change(), backends_change(), endpoints_change()]
        .into_iter()
        .flatten()
        .collect()
}

fn change(world: &mut World, change: fn(&mut Model)) {
    world.change(change);
}

fn set_group_rule(model: &mut Model, id: &str, policy: Policy) {
    let group = model.security_groups.get_mut(&SecurityGroupId::new("sg-a"));
    let rules = &mut group.expect("sg-a").rules;
    let rule = rules.iter_mut().find(|rule| rule.id == id);
    rule.expect(id).policy = policy;
}

fn drop_all(id: &str) -> NetworkAclEntry {
    NetworkAclEntry {
        id: id.to_owned(),
        policy: Policy::Drop,
        protocol: ProtocolMatch::All,
        ports: PortRange::ANY,
        peer: ipnet::Ipv4Net::default(),
    }
}

fn acl_a(model: &mut Model) -> &mut endpoint_ctl::model::NetworkAcl {
    let acl = model.network_acls.get_mut(&NetworkAclId::new("nacl-a"));
    acl.expect("nacl-a")
}

fn rules_change() -> Vec<Step> {
    let web = || tcp("10.0.9.20:50050", "10.0.1.100:81");
    let free = || tcp("10.0.9.20:50050", "10.0.1.100:80");
    let echo = || ping("10.0.9.20:50", "10.0.1.100");
    vec![
        row(WEB, VswA, free().syn(), To(ProviderA)),
        row(PING, VswA, echo(), Answer),
        Step::Change(|world| change(world, |model| set_group_rule(model, "a-web", Policy::Drop))),
        row("group: cut", VswA, free(), DropBy(GroupIngress, "a-web")),
        answer(
            "group: cut, back",
            ProviderA,
            WEB,
            as_is,
            DropBy(GroupIngress, "a-web"),
        ),
        row("group: ping is not", VswA, echo(), Answer),
        Step::Change(|world| {
            change(world, |model| {
                set_group_rule(model, "a-web", Policy::Accept);
                set_group_rule(model, "a-ping", Policy::Drop);
            })
        }),
        row("group: lives again", VswA, free(), To(ProviderA)),
        answer("group: lives again, back", ProviderA, WEB, as_is, To(VswA)),
        row(
            "group: now the ping is cut",
            VswA,
            echo(),
            DropBy(GroupIngress, "a-ping"),
        ),
        Step::Change(|world| {
            change(world, |model| {
                set_group_rule(model, "a-ping", Policy::Accept);
                acl_a(model).egress.insert(0, drop_all("late-out"));
            })
        }),
        row("ACL out: the request lives", VswA, free(), To(ProviderA)),
        answer(
            "ACL out: the answer is cut",
            ProviderA,
            WEB,
            as_is,
            DropBy(AclEgress, "late-out"),
        ),
        row(
            "ACL out: the ping's answer is cut",
            VswA,
            echo(),
            DropBy(AclEgress, "late-out"),
        ),
        Step::Change(|world| {
            change(world, |model| {
                acl_a(model).egress.remove(0);
                acl_a(model).ingress.insert(0, drop_all("late-in"));
            })
        }),
        row(
            "ACL in: the request is cut",
            VswA,
            free(),
            DropBy(AclIngress, "late-in"),
        ),
        answer(
            "ACL in: says nothing of the answer",
            ProviderA,
            WEB,
            as_is,
            To(VswA),
        ),
        row(
            "ACL in: a new flow",
            VswA,
            web().syn(),
            DropBy(AclIngress, "late-in"),
        ),
        Step::Change(|world| {
            change(world, |model| {
                acl_a(model).ingress.remove(0);
            })
        }),
        row("ACL in: gone again", VswA, free(), To(ProviderA)),
    ]
}

fn servers(model: &mut Model, port: u16) -> &mut Vec<endpoint_ctl::model::Server> {
    let balancer = model.load_balancers.get_mut(&LoadBalancerId::new("nlb-a"));
    let listeners = &mut balancer.expect("nlb-a").listeners;
    let listener = listeners.iter_mut().find(|listener| listener.port == port);
    &mut listener.expect("a listener").servers
}

fn backends_change() -> Vec<Step> {
    let web = || tcp("10.0.1.20:50051", "10.0.1.100:81");
    let dns = || udp("10.0.1.20:50051", "10.0.1.100:53");
    vec![
        row(
            "to the backend before the change",
            VswA,
            web().syn(),
            To(ProviderA),
        ),
        row(
            "to the resolver before the change",
            VswA,
            dns(),
            To(ProviderA),
        ),
        Step::Change(|world| change(world, |model| servers(model, 81)[0].weight = 0)),
        row("weight 0: the flow lives", VswA, web(), To(ProviderA)),
        row(
            "weight 0: no new flow",
            VswA,
            web().source_port(50052).syn(),
            Drop(endpoint_common::abi::reason::DropReason::NoBackend),
        ),
        Step::Change(|world| change(world, |model| servers(model, 81)[0].port = 8090)),
        row(
            "the backend's port is another",
            VswA,
            web(),
            Drop(BackendRemoved),
        ),
        answer(
            "the backend's port is another, back",
            ProviderA,
            "to the backend before the change",
            as_is,
            Drop(BackendRemoved),
        ),
        row("the resolver is the same", VswA, dns(), To(ProviderA)),
        Step::Change(|world| {
            change(world, |model| {
                let balancer = model.load_balancers.get_mut(&LoadBalancerId::new("nlb-a"));
                balancer
                    .expect("nlb-a")
                    .listeners
                    .retain(|listener| listener.port != 53);
            })
        }),
        row(
            "no listener any more: the flow is cut",
            VswA,
            dns(),
            Drop(BackendRemoved),
        ),
        row(
            "no listener any more: a new flow",
            VswA,
            dns().source_port(50053),
            Drop(NoListener),
        ),
        Step::Change(|world| change(world, |_| {})),
        row(
            "no listener any more, in the other bank",
            VswA,
            dns().source_port(50053),
            Drop(NoListener),
        ),
        Step::Change(|world| {
            change(world, |model| {
                servers(model, 80).retain(|server| server.ip.octets()[3] == 10);
                servers(model, 80)[0].weight = 1;
            })
        }),
        row(
            "one server of three is left",
            VswA,
            tcp("10.0.1.20:50054", "10.0.1.100:80").syn(),
            super::Expect::ToAs(ProviderA, |out| {
                out.destination.to_string() == "10.0.1.10:8080"
            }),
        ),
        Step::Change(|world| {
            change(world, |model| {
                let group = model.security_groups.get_mut(&SecurityGroupId::new("sg-a"));
                for rule in group
                    .expect("sg-a")
                    .rules
                    .iter_mut()
                    .filter(|rule| rule.id == "a-out-1")
                {
                    (rule.ports, rule.peer) = (PortRange::ANY, ipnet::Ipv4Net::default());
                }
            })
        }),
        row(
            "group out: cut",
            VswA,
            tcp("10.0.1.20:50054", "10.0.1.100:80"),
            DropBy(GroupEgress, "a-out-1"),
        ),
        answer(
            "group out: cut, back",
            ProviderA,
            "one server of three is left",
            as_is,
            DropBy(GroupEgress, "a-out-1"),
        ),
    ]
}

fn endpoints_change() -> Vec<Step> {
    let quic = || udp("10.0.1.20:50060", "10.0.1.101:443");
    let echo = || ping("10.0.1.20:60", "10.0.1.101");
    let gone = |what: &'static str| row(what, VswA, who_has("10.0.1.101", "10.0.1.20"), Pass);
    vec![
        row(
            "to the endpoint before it goes",
            VswA,
            quic(),
            To(ProviderB),
        ),
        row("ping to the endpoint before it goes", VswA, echo(), Answer),
        row(
            "ARP for the endpoint before it goes",
            VswA,
            who_has("10.0.1.101", "10.0.1.20"),
            Answer,
        ),
        Step::Change(|world| {
            change(world, |model| {
                model.endpoints.remove(&EndpointId::new("ep-c"));
            })
        }),
        gone("ARP for the endpoint that is gone"),
        row(
            "the endpoint is gone: its flow",
            VswA,
            quic(),
            Drop(EndpointGone),
        ),
        answer(
            "the endpoint is gone: its flow, back",
            ProviderB,
            "to the endpoint before it goes",
            as_is,
            Drop(EndpointGone),
        ),
        row(
            "the endpoint is gone: its ping",
            VswA,
            echo(),
            Drop(EndpointGone),
        ),
        row(
            "the endpoint is gone: a new flow",
            VswA,
            quic().source_port(50061),
            Pass,
        ),
        row(
            "the others are there",
            VswA,
            who_has("10.0.1.100", "10.0.1.20"),
            Answer,
        ),
        Step::Change(|world| change(world, |_| {})),
        gone("ARP for it in the other bank"),
        Step::Change(|world| change(world, |_| {})),
        gone("ARP for it in the first bank again"),
        row(
            "a new flow in the first bank again",
            VswA,
            quic().source_port(50061),
            Pass,
        ),
        Step::Change(|world| {
            change(world, |model| {
                let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-a"));
                endpoint.expect("ep-a").zones[0].ip = [10, 0, 1, 101].into();
            })
        }),
        row(
            "another endpoint takes the address: ARP",
            VswA,
            who_has("10.0.1.101", "10.0.1.20"),
            Answer,
        ),
        row(
            "another endpoint takes the address: the old flow stays cut",
            VswA,
            quic(),
            Drop(EndpointGone),
        ),
        row(
            "its old address is nobody's",
            VswA,
            who_has("10.0.1.100", "10.0.1.20"),
            Pass,
        ),
        row(
            "its other zone is as before",
            VswA2,
            who_has("10.0.2.100", "10.0.2.20"),
            Answer,
        ),
        Step::Change(|world| {
            change(world, |model| {
                let group = model.security_groups.get_mut(&SecurityGroupId::new("sg-a"));
                group
                    .expect("sg-a")
                    .rules
                    .retain(|rule| rule.id != "a-out-1");
            })
        }),
    ]
}
