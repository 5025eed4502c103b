//! Rows: audit mode. What rules refuse passes, and is told once of a flow; everything else is as ever.
//!
//! May import: endpoint-ctl (model), packet, the table's own.

use endpoint_common::abi::reason::DropReason::{
    AclEgress, AclIngress, GroupEgress, GroupIngress, NoListener, TcpNotSyn,
};
use endpoint_ctl::model::{Endpoint, EndpointId, Model, NetworkAclId, Policy, SecurityGroupId};

use super::Expect::{Answer, AuditAnswer, AuditTo, Drop, DropBy, To};
use super::{Step, answer, as_is};
use crate::packet::{ACK, Packet, SYN, ping, tcp, udp};
use crate::packet6::tcp6;
use crate::world::Leg::{ProviderA, VswA};
use crate::world::World;

const LOW: &str = "audit: what the ACL refuses on the way back";
const PLAIN: &str = "audit: what nothing refuses";

pub(super) fn steps() -> Vec<Step> {
    [audited(), judged_again(), switched_off(), reversed()]
        .into_iter()
        .flatten()
        .collect()
}

fn endpoint<'a>(model: &'a mut Model, id: &str) -> &'a mut Endpoint {
    model.endpoints.get_mut(&EndpointId::new(id)).expect(id)
}

fn set_group_rule(model: &mut Model, id: &str, policy: Policy) {
    let group = model.security_groups.get_mut(&SecurityGroupId::new("sg-a"));
    let rules = &mut group.expect("sg-a").rules;
    let rule = rules.iter_mut().find(|rule| rule.id == id);
    rule.expect(id).policy = policy;
}

fn bad_host(port: u16) -> Packet {
    tcp(&format!("10.0.1.66:{port}"), "10.0.1.100:80")
}

fn plain() -> Packet {
    tcp("10.0.1.10:50410", "10.0.1.100:80")
}

fn audited() -> Vec<Step> {
    let routed = |port: u16| tcp("10.0.9.5:50400", &format!("10.0.1.100:{port}"));
    let low = || tcp("10.0.9.5:1400", "10.0.1.100:80");
    let six = || tcp6("[2001:db8:9::1]:50400", "[2001:db8:0:1::100]:80", SYN);
    rows! {
        VswA: "before audit: a flow that is cut off by no rule", plain().syn() => To(ProviderA);
        then Step::Model(|model| endpoint(model, "ep-a").audit_mode = true);
        VswA: "audit: the network ACL refuses", routed(81).syn() => AuditTo(ProviderA, AclIngress, "in-drop-81");
        ProviderA: "audit: its answer", answer("audit: the network ACL refuses", as_is) => To(VswA);
        VswA: "audit: it is told once", routed(81).flags(ACK) => To(ProviderA);
        VswA: "audit: the group refuses", bad_host(50_401).syn() => AuditTo(ProviderA, GroupIngress, "a-bad-host");
        VswA: "audit: a ping", ping("10.0.1.66:41", "10.0.1.100") => AuditAnswer(GroupIngress, "a-bad-host");
        VswA: "audit: a ping is told once", ping("10.0.1.66:41", "10.0.1.100") => Answer;
        VswA: "audit: a ping whose answer is refused", ping("10.0.9.7:42", "10.0.1.100") => AuditAnswer(AclEgress, "out-drop-ping");
        VswA: "audit: the group refuses the backend", tcp("10.0.1.10:50402", "10.0.1.100:82").syn() => AuditTo(ProviderA, GroupEgress, "a-out-1");
        VswA: LOW, low().syn() => AuditTo(ProviderA, AclEgress, "out-drop-low");
        ProviderA: "audit: which passes", answer(LOW, as_is) => To(VswA);
        VswA: "audit: of two that refuse the first is told", tcp("192.168.0.1:50403", "10.0.1.100:80").syn() => AuditTo(ProviderA, AclIngress, "default-nacl-ingress");
        VswA: "audit: IPv6", six() => AuditTo(ProviderA, AclIngress, "default-nacl-ingress");
        VswA: "audit: no listener", tcp("10.0.1.66:50404", "10.0.1.100:79").syn() => Drop(NoListener);
        VswA: "audit: no SYN", bad_host(50_405) => Drop(TcpNotSyn);
        VswA: "audit: another endpoint is not", udp("10.0.1.66:50406", "10.0.1.101:443") => DropBy(GroupIngress, "a-bad-host");
        then Step::Change(assert_it_was_counted);
    }
}

/// Flows are counted, not their packets.
fn assert_it_was_counted(world: &mut World) {
    assert_eq!(world.twins.audited(), (8, 0));
}

fn judged_again() -> Vec<Step> {
    let web = || plain().flags(ACK);
    rows! {
        VswA: "audit: a flow from before that nothing refuses", web() => To(ProviderA);
        VswA: PLAIN, tcp("10.0.1.10:50411", "10.0.1.100:80").syn() => To(ProviderA);
        then Step::Model(|_| {});
        VswA: "audit: the same answer is not told again", bad_host(50_401).syn() => To(ProviderA);
        then Step::Model(|model| set_group_rule(model, "a-web", Policy::Drop));
        VswA: "audit: a rule refuses now", web() => AuditTo(ProviderA, GroupIngress, "a-web");
        VswA: "audit: that is told once", web() => To(ProviderA);
        ProviderA: "audit: noticed by an answer", answer(PLAIN, as_is) => AuditTo(VswA, GroupIngress, "a-web");
        then Step::Model(|model| set_group_rule(model, "a-bad-host", Policy::Accept));
        VswA: "audit: the rule allows now", bad_host(50_401).syn() => To(ProviderA);
        then Step::Model(|model| set_group_rule(model, "a-bad-host", Policy::Drop));
        VswA: "audit: and refuses again", bad_host(50_401).syn() => AuditTo(ProviderA, GroupIngress, "a-bad-host");
    }
}

fn switched_off() -> Vec<Step> {
    rows! {
        then Step::Model(|model| endpoint(model, "ep-a").audit_mode = false);
        VswA: "audit off: cut by the group", plain().flags(ACK) => DropBy(GroupIngress, "a-web");
        ProviderA: "audit off: cut, back", answer(PLAIN, as_is) => DropBy(GroupIngress, "a-web");
        VswA: "audit off: a ping is cut", ping("10.0.1.66:41", "10.0.1.100") => DropBy(GroupIngress, "a-bad-host");
        VswA: "audit off: cut by the ACL", tcp("10.0.9.5:50400", "10.0.1.100:81").flags(ACK) => DropBy(AclIngress, "in-drop-81");
        then Step::Model(|model| set_group_rule(model, "a-web", Policy::Accept));
        VswA: "audit off: a new flow", plain().syn() => To(ProviderA);
        ProviderA: "audit off: an answer is cut", answer(LOW, as_is) => DropBy(AclEgress, "out-drop-low");
    }
}

fn call(port: u16, service_port: u16) -> Packet {
    tcp(
        &format!("10.0.1.40:{port}"),
        &format!("10.0.1.210:{service_port}"),
    )
}

fn acl_ingress(model: &mut Model, policy: Policy) {
    let acl = model.network_acls.get_mut(&NetworkAclId::new("nacl-a"));
    for entry in &mut acl.expect("an ACL").ingress {
        if entry.id == "in-allow-9" {
            entry.policy = policy;
        }
    }
}

fn reversed() -> Vec<Step> {
    const BACK: &str = "audit, reverse: the way back";
    rows! {
        then Step::Model(|model| {
            endpoint(model, "ep-r").audit_mode = true;
            acl_ingress(model, Policy::Drop);
        });
        ProviderA: "audit, reverse: the group", call(50_420, 83).syn() => AuditTo(VswA, GroupEgress, "a-out-r");
        ProviderA: "audit, reverse: the ACL", call(50_421, 82).syn() => AuditTo(VswA, AclEgress, "default-nacl-egress");
        ProviderA: BACK, call(50_422, 81).syn() => AuditTo(VswA, AclIngress, "in-allow-9");
        VswA: "audit, reverse: an answer", answer(BACK, as_is) => To(ProviderA);
        then Step::Model(|_| {});
        ProviderA: "audit, reverse: not told again", call(50_422, 81).flags(ACK) => To(VswA);
        then Step::Model(|model| endpoint(model, "ep-r").audit_mode = false);
        VswA: "audit off, reverse: an answer", answer(BACK, |p| p.flags(ACK)) => DropBy(AclIngress, "in-allow-9");
        ProviderA: "audit off, reverse: the group", call(50_420, 83).flags(ACK) => DropBy(GroupEgress, "a-out-r");
        then Step::Model(|model| acl_ingress(model, Policy::Accept));
    }
}
