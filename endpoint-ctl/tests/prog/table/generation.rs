//! Rows: what a new generation does to known flows, and what is left of the old one.
//!
//! May import: endpoint-ctl (model), packet, the table's own.

use std::net::IpAddr;

use super::Expect::{Answer, Drop, DropBy, Pass, To, ToAs};
use super::{Step, answer, as_is};
use crate::packet::{ping, tcp, udp, who_has};
use crate::world::Leg::{ProviderA, ProviderB, VswA, VswA2, VswB};
use endpoint_common::abi::reason::DropReason::{
    AclEgress, AclIngress, BackendRemoved, EndpointGone, GroupEgress, GroupIngress, NoBackend,
    NoFlow, NoListener,
};
use endpoint_ctl::model::{
    EndpointId, EndpointZone, LoadBalancerId, Model, NetworkAclEntry, NetworkAclId, Policy,
    PortRange, ProtocolMatch, SecurityGroupId, ServiceId,
};

const WEB: &str = "a connection before the change";
const PING: &str = "a ping before the change";

pub(super) fn steps() -> Vec<Step> {
    [
        rules_change(),
        backends_change(),
        way_to_backends_change(),
        resources_change(),
        endpoints_change(),
    ]
    .into_iter()
    .flatten()
    .collect()
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
        peer: ipnet::Ipv4Net::default().into(),
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
    rows! {
        VswA: WEB, free().syn() => To(ProviderA);
        VswA: PING, echo() => Answer;
        then Step::Model(|model| set_group_rule(model, "a-web", Policy::Drop));
        VswA: "group: cut", free() => DropBy(GroupIngress, "a-web");
        ProviderA: "group: cut, back", answer(WEB, as_is) => DropBy(GroupIngress, "a-web");
        VswA: "group: ping is not", echo() => Answer;
        then Step::Model(|model| {
            set_group_rule(model, "a-web", Policy::Accept);
            set_group_rule(model, "a-ping", Policy::Drop);
        });
        VswA: "group: lives again", free() => To(ProviderA);
        ProviderA: "group: lives again, back", answer(WEB, as_is) => To(VswA);
        VswA: "group: now the ping is cut", echo() => DropBy(GroupIngress, "a-ping");
        then Step::Model(|model| {
            set_group_rule(model, "a-ping", Policy::Accept);
            acl_a(model).egress.insert(0, drop_all("late-out"));
        });
        VswA: "ACL out: the request lives", free() => To(ProviderA);
        ProviderA: "ACL out: the answer is cut", answer(WEB, as_is) => DropBy(AclEgress, "late-out");
        VswA: "ACL out: the ping's answer is cut", echo() => DropBy(AclEgress, "late-out");
        then Step::Model(|model| {
            acl_a(model).egress.remove(0);
            acl_a(model).ingress.insert(0, drop_all("late-in"));
        });
        VswA: "ACL in: the request is cut", free() => DropBy(AclIngress, "late-in");
        ProviderA: "ACL in: says nothing of the answer", answer(WEB, as_is) => To(VswA);
        VswA: "ACL in: a new flow", web().syn() => DropBy(AclIngress, "late-in");
        then Step::Model(|model| {
            acl_a(model).ingress.remove(0);
        });
        VswA: "ACL in: gone again", free() => To(ProviderA);
    }
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
    rows! {
        VswA: "to the backend before the change", web().syn() => To(ProviderA);
        VswA: "to the resolver before the change", dns() => To(ProviderA);
        then Step::Model(|model| servers(model, 81)[0].weight = 0);
        VswA: "weight 0: the flow lives", web() => To(ProviderA);
        VswA: "weight 0: no new flow", web().source_port(50052).syn() => Drop(NoBackend);
        then Step::Model(|model| servers(model, 81)[0].port = 8090);
        VswA: "the backend's port is another", web() => Drop(BackendRemoved);
        ProviderA: "the backend's port is another, back", answer("to the backend before the change", as_is) => Drop(BackendRemoved);
        VswA: "the resolver is the same", dns() => To(ProviderA);
        then Step::Model(|model| {
            let balancer = model.load_balancers.get_mut(&LoadBalancerId::new("nlb-a"));
            let listeners = &mut balancer.expect("nlb-a").listeners;
            listeners.retain(|listener| listener.port != 53);
        });
        VswA: "no listener any more: its client cannot begin anew", dns() => Drop(NoListener);
        VswA: "no listener any more: a new flow", dns().source_port(50053) => Drop(NoListener);
        then Step::Model(|_| {});
        VswA: "no listener any more, in the other bank", dns().source_port(50053) => Drop(NoListener);
    }
}

fn way_to_backends_change() -> Vec<Step> {
    rows! {
        then Step::Model(|model| {
            servers(model, 80).retain(|server| server.ip == IpAddr::from([10, 0, 1, 10]));
            servers(model, 80)[0].weight = 1;
        });
        VswA: "one server of three is left", tcp("10.0.1.20:50054", "10.0.1.100:80").syn() => ToAs(ProviderA, |out| {
            out.destination.to_string() == "10.0.1.10:8080"
        });
        then Step::Model(|model| {
            let group = model.security_groups.get_mut(&SecurityGroupId::new("sg-a"));
            let rules = &mut group.expect("sg-a").rules;
            for rule in rules.iter_mut().filter(|rule| rule.id == "a-out-1") {
                (rule.ports, rule.peer) = (PortRange::ANY, ipnet::Ipv4Net::default().into());
            }
        });
        VswA: "group out: cut", tcp("10.0.1.20:50054", "10.0.1.100:80") => DropBy(GroupEgress, "a-out-1");
        ProviderA: "group out: cut, back", answer("one server of three is left", as_is) => DropBy(GroupEgress, "a-out-1");
    }
}

fn zone_a(model: &mut Model) -> &mut EndpointZone {
    let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-b"));
    &mut endpoint.expect("ep-b").zones[0]
}

/// Another load balancer takes the place of one.
fn resources_change() -> Vec<Step> {
    let web = || tcp("10.0.1.20:50070", "10.0.1.100:80");
    rows! {
        VswB: "at the load balancer before it is replaced", web().syn() => To(ProviderA);
        then Step::Model(|model| {
            let mut other = model.load_balancers[&LoadBalancerId::new("nlb-a")].clone();
            other.id = LoadBalancerId::new("nlb-a-2");
            other.listeners.retain(|listener| listener.port == 80);
            other.listeners[0].servers[0].ip = [10, 0, 1, 11].into();
            let service = model.services.get_mut(&ServiceId::new("epsrv-a")).expect("epsrv-a");
            let mut resource = service.resources[0].clone();
            resource.load_balancer = other.id.clone();
            service.resources.push(resource);
            let zone = zone_a(model);
            zone.resource = Some(other.id.clone());
            zone.replaced = Some(LoadBalancerId::new("nlb-a"));
            model.load_balancers.insert(other.id.clone(), other);
        });
        VswB: "replaced gracefully: the flow lives", web() => ToAs(ProviderA, |out| {
            out.destination.to_string() == "10.0.1.10:8080"
        });
        ProviderA: "replaced gracefully: the flow lives, back", answer("at the load balancer before it is replaced", as_is) => To(VswB);
        VswB: "replaced gracefully: a new flow", web().source_port(50071).syn() => ToAs(ProviderA, |out| {
            out.destination.to_string() == "10.0.1.11:8080"
        });
        VswB: "replaced gracefully: no new flow where there is no listener", tcp("10.0.1.20:50072", "10.0.1.100:81").syn() => Drop(NoListener);
        then Step::Model(|model| zone_a(model).replaced = None);
        VswB: "replaced by force: the flow is cut", web() => Drop(BackendRemoved);
        VswB: "replaced by force: the new one lives", web().source_port(50071) => To(ProviderA);
    }
}

fn endpoints_change() -> Vec<Step> {
    let quic = || udp("10.0.1.20:50060", "10.0.1.101:443");
    let echo = || ping("10.0.1.20:60", "10.0.1.101");
    let arp = || who_has("10.0.1.101", "10.0.1.20");
    rows! {
        VswA: "to the endpoint before it goes", quic() => To(ProviderB);
        VswA: "ping to the endpoint before it goes", echo() => Answer;
        VswA: "ARP for the endpoint before it goes", arp() => Answer;
        then Step::Model(|model| {
            model.endpoints.remove(&EndpointId::new("ep-c"));
        });
        VswA: "ARP for the endpoint that is gone", arp() => Pass;
        ProviderB: "the endpoint is gone: its flow, back", answer("to the endpoint before it goes", as_is) => Drop(EndpointGone);
        VswA: "the endpoint is gone: the address is nobody's", quic() => Pass;
        ProviderB: "the flow is gone as well", answer("to the endpoint before it goes", as_is) => Drop(NoFlow);
        VswA: "the endpoint is gone: its ping", echo() => Pass;
        VswA: "the endpoint is gone: a new flow", quic().source_port(50061) => Pass;
        VswA: "the others are there", who_has("10.0.1.100", "10.0.1.20") => Answer;
        then Step::Model(|_| {});
        VswA: "ARP for it in the other bank", arp() => Pass;
        then Step::Model(|_| {});
        VswA: "ARP for it in the first bank again", arp() => Pass;
        VswA: "a new flow in the first bank again", quic().source_port(50061) => Pass;
        then Step::Model(|model| {
            let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-a"));
            endpoint.expect("ep-a").zones[0].ip = [10, 0, 1, 101].into();
        });
        VswA: "another endpoint takes the address: ARP", arp() => Answer;
        VswA: "another endpoint takes the address, with other rules", quic() => DropBy(GroupIngress, "default-ingress");
        VswA: "its old address is nobody's", who_has("10.0.1.100", "10.0.1.20") => Pass;
        VswA2: "its other zone is as before", who_has("10.0.2.100", "10.0.2.20") => Answer;
        then Step::Model(|model| {
            let group = model.security_groups.get_mut(&SecurityGroupId::new("sg-a"));
            let rules = &mut group.expect("sg-a").rules;
            rules.retain(|rule| rule.id != "a-out-1");
        });
    }
}
