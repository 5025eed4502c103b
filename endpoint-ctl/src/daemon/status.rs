//! What the daemon says of itself, to who asks for its status.
//!
//! May import: control, health, model, preflight, registry, the daemon's own.

use super::Daemon;
use crate::control::{FindingState, HopState, InterfaceState, NodeState, NodeStatus, TargetState};
use crate::health::TargetView;
use crate::model::Hook;
use crate::preflight::Finding;
use crate::registry::NodeView;

impl Daemon {
    /// Tells what is so now; what was wrong with the last reload still is.
    pub(super) fn publish_again(&self) {
        let error = self.status.borrow().error.clone();
        self.publish(error);
    }

    pub(super) fn publish(&self, error: Option<String>) {
        let interfaces = self.reconciler.interfaces().into_iter();
        let interfaces = interfaces.map(|found| InterfaceState {
            interface: found.interface,
            ifindex: found.ifindex,
            hook: found
                .mode
                .map_or_else(|| "detached".to_owned(), |mode| mode.to_string()),
            asked: found.asked.name(),
            chosen: found.asked == Hook::Auto,
            mtu: found.mtu,
            up: found.up,
            note: found.note,
            findings: found.findings.into_iter().map(finding_state).collect(),
        });
        let hops = self.reconciler.hops().into_iter().map(|hop| HopState {
            backend: hop.backend,
            interface: hop.interface,
            via: hop.via,
            mac: hop
                .mac
                .map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":")),
            mtu: hop.mtu,
            note: hop.note,
        });
        let targets = self.health.targets().into_iter().map(target_state);
        let cluster = self.nodes.borrow().clone();
        self.status.send_replace(NodeStatus {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            node: self.options.node.to_string(),
            manifest: self.options.manifest_shown(),
            generation: self.reconciler.generation(),
            error,
            notices: self.notices.clone(),
            interfaces: interfaces.collect(),
            hops: hops.collect(),
            targets: targets.collect(),
            nodes: cluster.nodes.iter().map(node_state).collect(),
            store_fault: cluster.fault,
        });
    }
}

fn finding_state(finding: Finding) -> FindingState {
    FindingState {
        severity: finding.severity.name(),
        place: finding.place,
        problem: finding.problem,
        mend: finding.mend,
    }
}

fn node_state(view: &NodeView) -> NodeState {
    NodeState {
        node: view.node.to_string(),
        is_this: view.is_this,
        is_there: view.is_there,
        is_current: view.is_current,
    }
}

fn target_state(view: TargetView) -> TargetState {
    let shown = |when| format!("{when:.0}");
    TargetState {
        load_balancer_id: view.target.load_balancer.to_string(),
        protocol: view.target.transport.number(),
        listener_port: view.target.listener_port,
        server_ip: view.target.ip,
        port: view.target.port,
        weight: view.weight,
        state: view.state,
        reason: view.reason,
        since: shown(view.since),
        draining_until: view.draining_until.map(shown),
    }
}
