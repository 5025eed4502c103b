//! Rows: the policy of an endpoint. It judges clients by their address, behind the security groups and
//! before the service.
//!
//! May import: endpoint-ctl (model), ipnet, packet, the table's own.

use endpoint_common::abi::reason::DropReason::{
    AclIngress, EndpointPolicy as Policed, GroupIngress, NoListener,
};
use endpoint_ctl::model::{
    EndpointId, EndpointPolicy, Model, Policy, PolicyCondition, PolicyStatement,
};

use super::Expect::{Answer, AuditAnswer, AuditTo, Drop, DropBy, To};
use super::{Step, answer, as_is};
use crate::packet::{ACK, SYN, ping, tcp, udp};
use crate::packet6::tcp6;
use crate::world::Leg::{ProviderA, ProviderB, VswA, VswB};

/// Gives `ep-a` a policy: all but the networks of `denied` among those of `allowed`.
fn give(model: &mut Model, allowed: &[&str], denied: &[&str]) {
    let statement = |effect, networks: &[&str]| PolicyStatement {
        effect,
        conditions: vec![PolicyCondition::SourceIp {
            within: true,
            networks: networks
                .iter()
                .map(|text| text.parse().expect(text))
                .collect(),
        }],
        undecided: Vec::new(),
    };
    let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-a"));
    let endpoint = endpoint.expect("ep-a");
    endpoint.policy.statements = vec![
        statement(Policy::Accept, allowed),
        statement(Policy::Drop, denied),
    ];
}

fn give_audit(model: &mut Model, audit_mode: bool) {
    let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-a"));
    endpoint.expect("ep-a").audit_mode = audit_mode;
}

pub(super) fn steps() -> Vec<Step> {
    [judged(), judged_again(), audited(), reset()]
        .into_iter()
        .flatten()
        .collect()
}

const BEFORE: &str = "policy: a flow from before it";

fn before(host: u8) -> crate::packet::Packet {
    tcp(&format!("10.0.1.{host}:50600"), "10.0.1.100:80")
}

fn judged() -> Vec<Step> {
    let to = |host: &str, port: u16| tcp(&format!("{host}:50601"), &format!("10.0.1.100:{port}"));
    let six = |host: &str| tcp6(&format!("[{host}]:50601"), "[2001:db8:0:1::100]:80", SYN);
    rows! {
        VswA: BEFORE, before(20).syn() => To(ProviderA);
        VswA: "policy: a flow from before it, of a client it names", before(10).syn() => To(ProviderA);
        then Step::Model(|model| give(model, &["10.0.1.0/27", "10.0.9.0/24", "2001:db8:0:1::/122"], &["10.0.1.20/32", "2001:db8:0:1::20/128"]));
        VswA: "policy: allowed", to("10.0.1.31", 80).syn() => To(ProviderA);
        VswA: "policy: not allowed", to("10.0.1.32", 80).syn() => DropBy(Policed, "policy-ep-a-default");
        VswA: "policy: denied", to("10.0.1.20", 80).syn() => DropBy(Policed, "policy-ep-a-2");
        VswA: "policy: behind the ACL", to("10.0.8.5", 80).syn() => DropBy(AclIngress, "default-nacl-ingress");
        VswA: "policy: behind the groups", to("10.0.1.66", 80).syn() => DropBy(GroupIngress, "a-bad-host");
        VswA: "policy: before the listener", to("10.0.1.20", 98).syn() => DropBy(Policed, "policy-ep-a-2");
        VswA: "policy: allowed, no listener", to("10.0.1.10", 98).syn() => Drop(NoListener);
        VswA: "policy: ping, allowed", ping("10.0.1.10:61", "10.0.1.100") => Answer;
        VswA: "policy: ping, denied", ping("10.0.1.20:61", "10.0.1.100") => DropBy(Policed, "policy-ep-a-2");
        VswA: "policy: UDP, denied", udp("10.0.1.20:50602", "10.0.1.100:53") => DropBy(Policed, "policy-ep-a-2");
        VswA: "policy: IPv6, allowed", six("2001:db8:0:1::10") => To(ProviderA);
        VswA: "policy: IPv6, denied", six("2001:db8:0:1::20") => DropBy(Policed, "policy-ep-a-2");
        VswA: "policy: IPv6, not allowed", six("2001:db8:0:1::40") => DropBy(Policed, "policy-ep-a-default");
        VswA: "policy: of another endpoint", udp("10.0.1.40:50601", "10.0.1.101:443") => To(ProviderB);
        VswB: "policy: of the same address elsewhere", tcp("10.0.1.20:50601", "10.0.1.100:80").syn() => To(ProviderA);
    }
}

fn judged_again() -> Vec<Step> {
    rows! {
        ProviderA: "policy: the answer of a flow that it denies", answer(BEFORE, as_is) => DropBy(Policed, "policy-ep-a-2");
        VswA: "policy: a flow that it denies", before(20).flags(ACK) => DropBy(Policed, "policy-ep-a-2");
        VswA: "policy: a flow that it allows", before(10).flags(ACK) => To(ProviderA);
        then Step::Model(|model| give(model, &["10.0.1.0/24"], &[]));
        VswA: "policy: which it allows by now", before(20).flags(ACK) => To(ProviderA);
        ProviderA: "policy: and its answer", answer(BEFORE, as_is) => To(VswA);
    }
}

fn audited() -> Vec<Step> {
    rows! {
        then Step::Model(|model| { give_audit(model, true); give(model, &[], &["10.0.1.20/32"]); });
        VswA: "policy, audit: a flow", before(20).flags(ACK) => AuditTo(ProviderA, Policed, "policy-ep-a-2");
        VswA: "policy, audit: a new one", tcp("10.0.1.10:50603", "10.0.1.100:80").syn() => AuditTo(ProviderA, Policed, "policy-ep-a-default");
        VswA: "policy, audit: of two that refuse the first is told", tcp("10.0.1.66:50603", "10.0.1.100:80").syn() => AuditTo(ProviderA, GroupIngress, "a-bad-host");
        VswA: "policy, audit: ping", ping("10.0.1.20:62", "10.0.1.100") => AuditAnswer(Policed, "policy-ep-a-2");
    }
}

fn reset() -> Vec<Step> {
    rows! {
        then Step::Model(|model| {
            give_audit(model, false);
            let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-a"));
            endpoint.expect("ep-a").policy = EndpointPolicy::default();
        });
        VswA: "policy, reset: nobody is refused", tcp("10.0.1.20:50604", "10.0.1.100:80").syn() => To(ProviderA);
    }
}
