//! Rows: reverse endpoints. A provider's host opens flows toward resources in a VPC, out of the ENI.
//!
//! May import: endpoint-common, endpoint-ctl (model), packet, the table's own.

use endpoint_common::abi::flow::{Direction, KIND_REVERSED, Side};
use endpoint_common::abi::reason::DropReason::{
    AclEgress, AclIngress, BackendRemoved, EndpointGone, GroupEgress, NoFlow, NoListener, TcpNotSyn,
};
use endpoint_ctl::model::{EndpointId, Model, NetworkAclId, Policy, SecurityGroupId};

use super::Expect::{Answer, Drop, DropBy, Pass, To, ToAs};
use super::{Step, answer, as_is};
use crate::packet::{ACK, Packet, ping, tcp, udp, who_has};
use crate::world::Leg::{ProviderA, ProviderB, VswA, VswB};
use crate::world::World;

const CALLER_MAC: [u8; 6] = [2, 0xaa, 0, 0, 0, 9];
const OPENS: &str = "a provider's host opens a flow to a resource";

pub(super) fn steps() -> Vec<Step> {
    [
        one_connection(),
        addresses(),
        rules(),
        answers_under_the_acl(),
        two_vpcs(),
        generations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// From a host of the provider to the service address.
fn call(port: u16, service_port: u16) -> Packet {
    let from = format!("10.0.1.40:{port}");
    tcp(&from, &format!("10.0.1.210:{service_port}")).by_mac(CALLER_MAC)
}

fn one_connection() -> Vec<Step> {
    rows! {
        ProviderA: OPENS, call(50_300, 80).syn() => ToAs(VswA, |out| {
            out.source.to_string().starts_with("10.0.1.110:")
                && out.destination.to_string() == "10.0.1.10:8080"
                && out.to == [2, 0xba, 0, 1, 10, 0]
                && out.from == VswA.mac()
        });
        VswA: "the resource's answer", answer(OPENS, as_is) => ToAs(ProviderA, |out| {
            out.source.to_string() == "10.0.1.210:80"
                && out.destination.to_string() == "10.0.1.40:50300"
                && out.to == CALLER_MAC
        });
        ProviderA: "the caller goes on", call(50_300, 80) => To(VswA);
        VswA: "the resource goes on", answer(OPENS, |p| p.flags(ACK)) => To(ProviderA);
        VswB: "the answer in another VPC", answer(OPENS, |p| p.at_mac(VswB.mac())) => Drop(NoFlow);
        then Step::Change(assert_seen_from_the_eni);
        ProviderA: "a datagram to a resource", udp("10.0.1.40:50301", "10.0.1.210:53") => To(VswA);
        VswA: "its answer from the resource", answer("a datagram to a resource", as_is) => To(ProviderA);
    }
}

/// Requests go out of the ENI, answers come in.
fn assert_seen_from_the_eni(world: &mut World) {
    let flows = world.twins.flows();
    let flow = flows
        .iter()
        .find(|flow| flow.half(Side::Forward).key.src_port == 50_300_u16.to_be_bytes());
    let flow = flow.expect("the flow");
    assert_eq!(flow.common.kind, KIND_REVERSED);
    let direction = |side| flow.half(side).state.direction();
    assert_eq!(Side::BOTH.map(direction), [Direction::Out, Direction::In]);
}

fn addresses() -> Vec<Step> {
    rows! {
        ProviderA: "who has the service address", who_has("10.0.1.210", "10.0.1.40") => Answer;
        ProviderB: "nobody, at the other provider", who_has("10.0.1.210", "10.0.1.40") => Pass;
        VswA: "who has the ENI of a reverse endpoint", who_has("10.0.1.110", "10.0.1.10") => Answer;
        VswA: "the service address is none of the VPC's", tcp("10.0.1.10:50310", "10.0.1.210:80").syn() => Pass;
        VswA: "unasked to the ENI of a reverse endpoint", tcp("10.0.1.10:50311", "10.0.1.110:80").syn() => Drop(NoFlow);
        VswA: "a ping of it", ping("10.0.1.10", "10.0.1.110") => Drop(NoFlow);
        ProviderA: "a ping of the service address", ping("10.0.1.40", "10.0.1.210") => Drop(NoFlow);
        ProviderA: "a port that leads nowhere", call(50_312, 8080).syn() => Drop(NoListener);
        ProviderA: "a protocol that leads nowhere", udp("10.0.1.40:50313", "10.0.1.210:80") => Drop(NoListener);
        ProviderA: "no SYN", call(50_314, 80) => Drop(TcpNotSyn);
    }
}

fn rules() -> Vec<Step> {
    rows! {
        ProviderA: "the group drops before it all", call(50_320, 83).syn() => DropBy(GroupEgress, "a-out-r");
        ProviderA: "the network ACL lets none out there", call(50_321, 82).syn() => DropBy(AclEgress, "default-nacl-egress");
        ProviderA: "inside the vSwitch, the network ACL is not asked", call(50_322, 80).syn() => To(VswA);
        ProviderA: "beyond, it is, and lets out", call(50_323, 81).syn() => To(VswA);
        VswA: "and in", answer("beyond, it is, and lets out", as_is) => To(ProviderA);
    }
}

/// The first generation that drops by the port, which is one of 1024 and more.
fn answers_under_the_acl() -> Vec<Step> {
    rows! {
        then Step::Model(|model| ingress(model, Policy::Drop));
        ProviderA: "the way back is closed, the way there open", call(50_330, 81).syn() => To(VswA);
        VswA: "an answer that the network ACL drops", answer("the way back is closed, the way there open", as_is) => DropBy(AclIngress, "in-allow-9");
        VswA: "an old flow's answer likewise", answer("beyond, it is, and lets out", as_is) => DropBy(AclIngress, "in-allow-9");
        ProviderA: "the old flow's requests go on", call(50_323, 81).flags(ACK) => To(VswA);
        then Step::Model(|model| ingress(model, Policy::Accept));
        VswA: "the answer passes", answer("the way back is closed, the way there open", as_is) => To(ProviderA);
        VswA: "the old flow's too", answer("beyond, it is, and lets out", as_is) => To(ProviderA);
    }
}

fn ingress(model: &mut Model, policy: Policy) {
    let acl = model.network_acls.get_mut(&NetworkAclId::new("nacl-a"));
    for entry in &mut acl.expect("an ACL").ingress {
        if entry.id == "in-allow-9" {
            entry.policy = policy;
        }
    }
}

fn two_vpcs() -> Vec<Step> {
    let to_b = || tcp("10.0.1.40:50340", "10.0.1.211:80").by_mac(CALLER_MAC);
    rows! {
        ProviderA: "a resource of VPC A", call(50_340, 80).syn() => ToAs(VswA, |out| {
            out.destination.to_string() == "10.0.1.10:8080"
        });
        ProviderA: "a resource of VPC B, of the same address", to_b().syn() => ToAs(VswB, |out| {
            out.source.to_string().starts_with("10.0.1.110:")
                && out.destination.to_string() == "10.0.1.10:8080"
        });
        VswA: "VPC A answers", answer("a resource of VPC A", as_is) => ToAs(ProviderA, |out| {
            out.source.to_string() == "10.0.1.210:80"
        });
        VswB: "VPC B answers", answer("a resource of VPC B, of the same address", as_is) => ToAs(ProviderA, |out| {
            out.source.to_string() == "10.0.1.211:80"
        });
    }
}

fn generations() -> Vec<Step> {
    rows! {
        then Step::Model(|model| group_policy(model, Policy::Accept));
        ProviderA: "the group lets out", call(50_350, 83).syn() => To(VswA);
        then Step::Model(|model| group_policy(model, Policy::Drop));
        VswA: "the group cuts the way back", answer("the group lets out", as_is) => DropBy(GroupEgress, "a-out-r");
        ProviderA: "and the way there", call(50_350, 83) => DropBy(GroupEgress, "a-out-r");
        then Step::Model(|model| rename_resource(model, 8080, 8089));
        ProviderA: "the resource is not authorised any more", call(50_340, 80) => Drop(BackendRemoved);
        VswA: "its answers are not wanted", answer("a resource of VPC A", as_is) => Drop(BackendRemoved);
        then Step::Model(|model| rename_resource(model, 8089, 8080));
        ProviderA: "it is again", call(50_340, 80) => To(VswA);
        then Step::Model(|model| move_eni(model, 111));
        ProviderA: "the ENI has another address", call(50_340, 80) => Drop(EndpointGone);
        ProviderA: "a new flow from there", call(50_351, 80).syn() => ToAs(VswA, |out| {
            out.source.to_string().starts_with("10.0.1.111:")
        });
        then Step::Model(|model| move_eni(model, 110));
        ProviderA: "it has its own again", call(50_340, 80) => To(VswA);
    }
}

fn group_policy(model: &mut Model, policy: Policy) {
    let group = model.security_groups.get_mut(&SecurityGroupId::new("sg-a"));
    for rule in &mut group.expect("a group").rules {
        if rule.id == "a-out-r" {
            rule.policy = policy;
        }
    }
}

fn rename_resource(model: &mut Model, from: u16, to: u16) {
    let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-r"));
    for resource in &mut endpoint.expect("an endpoint").resources {
        if resource.port == from {
            resource.port = to;
        }
    }
}

fn move_eni(model: &mut Model, last: u8) {
    let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-r"));
    for zone in &mut endpoint.expect("an endpoint").zones {
        zone.ip = [10, 0, 1, last].into();
    }
}
