//! What a candidate would change: resources by field, and exactly the flows that it blocks.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use endpoint_common::abi::flow::FlowEntry;
use endpoint_common::abi::meta::Port;
use endpoint_common::path::Arrival;
use endpoint_ctl::compiler::{Capacity, Numbers, Tables, compile};
use endpoint_ctl::diff::{Replay, Replayed, changes};
use endpoint_ctl::explain::{End, Protocol, Question};
use endpoint_ctl::hostpath::HostWorld;
use endpoint_ctl::manifest;
use endpoint_ctl::model::{Model, VSwitchId};
use serde_json::json;

const FLOWS: u32 = 40_000;
const BLOCKED: u32 = 12;
const VSWITCH: u16 = 1;

const MANIFEST: &str = "
kind: Vpc
VpcId: vpc-a
CidrBlock: 10.1.0.0/16
---
kind: VSwitch
VSwitchId: vsw-a
VpcId: vpc-a
ZoneId: za
CidrBlock: 10.1.0.0/24
Interface: vsw-a
---
kind: SecurityGroup
SecurityGroupId: sg-a
VpcId: vpc-a
SecurityGroupType: normal
Permissions:
  - { SecurityGroupRuleId: sgr-web, Direction: ingress, Priority: 50, IpProtocol: TCP, PortRange: 80/80, SourceCidrIp: 10.0.0.0/8 }
---
kind: ProviderNetwork
ProviderNetworkId: pnet-a
CidrBlock: 10.0.50.0/24
Interface: provider
NatAddresses: [10.0.50.200, 10.0.50.201, 10.0.50.202, 10.0.50.203]
---
kind: LoadBalancer
LoadBalancerId: nlb-a
ProviderNetworkId: pnet-a
Listeners:
  - { ListenerProtocol: TCP, ListenerPort: 80, Servers: [{ ServerIp: 10.0.50.11, Port: 8080 }, { ServerIp: 10.0.50.12, Port: 8080 }] }
---
kind: VpcEndpointService
ServiceId: epsrv-a
Resources: [{ ResourceId: nlb-a, ResourceType: nlb }]
---
kind: VpcEndpoint
EndpointId: ep-a
VpcId: vpc-a
ServiceId: epsrv-a
SecurityGroupIds: [sg-a]
Zones: [{ ZoneId: za, VSwitchId: vsw-a, ip: 10.1.0.100 }]
";

fn load(text: &str) -> Model {
    manifest::load(text, "diff.yaml", None).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The client of a flow: each has one.
fn client(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from_be_bytes([10, 2, 0, 1]) + number)
}

/// Which clients the candidate blocks.
fn blocked() -> impl Iterator<Item = u32> {
    (0..BLOCKED).map(|one| 7 + one * (FLOWS / BLOCKED))
}

/// The manifest with a rule for each blocked client.
fn blocking() -> String {
    let rules: Vec<String> = blocked()
        .map(|number| {
            format!(
                "  - {{ SecurityGroupRuleId: sgr-no-{number}, Direction: ingress, Policy: drop, Priority: 1, IpProtocol: ALL, PortRange: -1/-1, SourceCidrIp: {}/32 }}\n",
                client(number)
            )
        })
        .collect();
    let rules = rules.concat();
    MANIFEST.replace("Permissions:\n", &format!("Permissions:\n{rules}"))
}

/// A model in force, and flows under it.
struct Scene {
    model: Model,
    numbers: Numbers,
    tables: Tables,
}

impl Scene {
    fn new() -> Self {
        let model = load(MANIFEST);
        let mut numbers = Numbers::default();
        numbers.assign(&model);
        let tables = compile(&model, &numbers, 1, &Capacity::default()).expect("it fits");
        Self {
            model,
            numbers,
            tables,
        }
    }

    /// A world in which every client has a flow.
    fn world(&self) -> HostWorld {
        let mut world = HostWorld::new([1, 2], 262_144);
        world.apply(self.tables.clone());
        let scope = self.numbers.vswitch_scope(&VSwitchId::new("vsw-a"));
        world.set_port(Port::new(u32::from(VSWITCH), scope, [2; 6]));
        let arrival = Arrival {
            ifindex: u32::from(VSWITCH),
            tick: 1,
        };
        for number in 0..FLOWS {
            let end = |ip: IpAddr, port| End {
                ip,
                port: Some(port),
            };
            let question = Question {
                from: end(client(number).into(), 40_000),
                to: end("10.1.0.100".parse().expect("an address"), 80),
                protocol: Protocol::Tcp,
                vpc: None,
            };
            world.run(&mut question.frame([2; 6]), arrival);
        }
        assert_eq!(world.flows().len(), FLOWS as usize);
        world
    }

    fn replay(&self, candidate: &str, work: impl FnOnce(&mut Replay)) -> Replayed {
        let model = load(candidate);
        let mut numbers = self.numbers.clone();
        numbers.assign(&model);
        let tables = compile(&model, &numbers, 2, &Capacity::default()).expect("it fits");
        let models = [model, self.model.clone()];
        let mut replay = Replay::new(self.tables.clone(), tables, models, numbers);
        work(&mut replay);
        replay.finish()
    }
}

fn replay_all(replay: &mut Replay, flows: &[FlowEntry]) {
    for flow in flows {
        replay.flow(flow);
    }
}

/// A record of a flow log.
fn record(number: u32, direction: &str, action: &str) -> String {
    let is_answer = direction == "out";
    let (client, eni) = (json!([client(number), 40_000]), json!(["10.1.0.100", 80]));
    let (nat, backend) = (json!(["10.0.50.200", 2_000]), json!(["10.0.50.11", 8080]));
    let (src, dst) = if is_answer {
        (eni, client)
    } else {
        (client, eni)
    };
    let (nat_src, nat_dst) = if is_answer {
        (backend, nat)
    } else {
        (nat, backend)
    };
    let is_accepted = action == "ACCEPT";
    let leg = |end: &serde_json::Value| {
        let none = json!([null, null]);
        if is_accepted { end.clone() } else { none }
    };
    let (nat_src, nat_dst) = (leg(&nat_src), leg(&nat_dst));
    json!({
        "version": 1, "eni-id": "eni-ep-a-za", "vswitch-id": "vsw-a", "direction": direction,
        "srcaddr": src[0], "srcport": src[1], "dstaddr": dst[0], "dstport": dst[1],
        "nat-srcaddr": nat_src[0], "nat-srcport": nat_src[1],
        "nat-dstaddr": nat_dst[0], "nat-dstport": nat_dst[1],
        "protocol": 6, "action": action, "generation": 1,
        "rule-id": if is_accepted { "sgr-web" } else { "default-ingress" },
        "reason": if is_accepted { None } else { Some("group-ingress") },
    })
    .to_string()
}

#[test]
fn a_candidate_that_blocks_twelve_flows_lists_these() {
    let scene = Scene::new();
    let flows = scene.world().flows();
    let start = Instant::now();
    let found = scene.replay(&blocking(), |replay| {
        replay_all(replay, &flows);
    });
    println!("{FLOWS} flows in {:?}", start.elapsed());
    assert_eq!(found.flows, u64::from(FLOWS));
    let mut clients: Vec<_> = found.changed.iter().map(|one| one.client.ip).collect();
    clients.sort_unstable();
    let wanted: Vec<IpAddr> = blocked().map(|number| client(number).into()).collect();
    assert_eq!(clients, wanted);
    assert_eq!((found.to_drop, found.to_accept, found.unlisted), (12, 0, 0));
    for changed in &found.changed {
        assert_eq!(changed.state, "half-open");
        assert_eq!(changed.old.verdict, "accept");
        assert_eq!(changed.old.rule_id.as_deref(), Some("sgr-web"));
        assert_eq!(changed.new.verdict, "drop");
        assert_eq!(changed.new.reason.as_deref(), Some("group-ingress"));
        let rule = changed.new.rule_id.as_deref().unwrap_or_default();
        assert!(rule.starts_with("sgr-no-"), "{changed:?}");
    }
}

#[test]
fn a_candidate_that_changes_nothing_lists_nothing() {
    let scene = Scene::new();
    let flows = scene.world().flows();
    // A rule that beats none, and another order of servers, change no verdict.
    let candidate = MANIFEST.replace("PortRange: 80/80", "PortRange: 80/81");
    for candidate in [MANIFEST, &candidate] {
        let found = scene.replay(candidate, |replay| {
            replay_all(replay, &flows);
            (0..100).for_each(|number| replay.record(&record(number, "in", "ACCEPT")));
        });
        assert_eq!(found.changed, []);
        assert_eq!((found.to_drop, found.to_accept), (0, 0));
        assert_eq!((found.records, found.skipped), (100, 0));
    }
}

#[test]
fn records_of_a_flow_log_are_judged_once_a_flow() {
    let scene = Scene::new();
    let start = Instant::now();
    let found = scene.replay(&blocking(), |replay| {
        for number in 0..FLOWS {
            replay.record(&record(number, "in", "ACCEPT"));
        }
        // Another window.
        for number in blocked() {
            replay.record(&record(number, "in", "ACCEPT"));
        }
        replay.record("not a record");
    });
    println!("{FLOWS} records in {:?}", start.elapsed());
    assert_eq!(found.changed.len(), 12, "{found:?}");
    assert_eq!(found.records, u64::from(FLOWS + BLOCKED));
    assert_eq!(found.skipped, 1);
    assert!(found.changed.iter().all(|one| one.state == "recorded"));
    let answers = scene.replay(&blocking(), |replay| {
        blocked().for_each(|number| replay.record(&record(number, "out", "ACCEPT")));
    });
    assert_eq!(answers.to_drop, 12, "{answers:?}");
    assert!(answers.changed.iter().all(|one| one.side == "answer"));
}

#[test]
fn what_was_refused_may_be_accepted() {
    let scene = Scene::new();
    let found = scene.replay(MANIFEST, |replay| {
        replay.record(&record(3, "in", "REJECT"));
    });
    assert_eq!((found.to_drop, found.to_accept), (0, 1), "{found:?}");
    assert_eq!(
        found.changed[0].old.rule_id.as_deref(),
        Some("default-ingress")
    );
    assert_eq!(found.changed[0].new.rule_id.as_deref(), Some("sgr-web"));
}

/// Of a flow that is over, it matters whether one like it would be served, not by whom.
#[test]
fn a_removed_backend_cuts_live_flows_alone() {
    let scene = Scene::new();
    let flows = scene.world().flows();
    let candidate = MANIFEST.replace("{ ServerIp: 10.0.50.11, Port: 8080 }, ", "");
    let found = scene.replay(&candidate, |replay| {
        replay_all(replay, &flows[..100]);
    });
    assert!((20..80).contains(&found.to_drop), "{}", found.to_drop);
    let reasons = found.changed.iter().map(|one| one.new.reason.as_deref());
    assert!(
        reasons
            .into_iter()
            .all(|reason| reason == Some("backend-removed"))
    );
    let found = scene.replay(&candidate, |replay| {
        replay.record(&record(3, "in", "ACCEPT"));
    });
    assert_eq!(found.to_drop, 0, "{found:?}");
}

#[test]
fn resources_that_differ_are_named_with_their_fields() {
    let after = blocking()
        .replace("Priority: 50", "Priority: 60")
        .replace("10.0.50.203]", "10.0.50.204]")
        .replace("ListenerPort: 80,", "ListenerPort: 81,")
        .replace(
            "ServiceId: epsrv-a\nResources",
            "ServiceId: epsrv-b\nResources",
        )
        .replace(
            "ServiceId: epsrv-a\nSecurity",
            "ServiceId: epsrv-b\nSecurity",
        );
    let found = changes(&load(MANIFEST), &load(&after));
    let shown: Vec<String> = found
        .iter()
        .map(|one| {
            format!(
                "{} {} {} {}",
                one.change,
                one.kind,
                one.id,
                one.fields.join("; ")
            )
        })
        .collect();
    assert!(shown[0].starts_with("changed SecurityGroup sg-a Permissions: added sgr-no-"));
    assert!(shown[0].ends_with(", changed sgr-web"), "{shown:#?}");
    assert_eq!(
        shown[1..],
        [
            "changed ProviderNetwork pnet-a NatAddresses",
            "changed LoadBalancer nlb-a Listeners: removed tcp/80, added tcp/81",
            "removed VpcEndpointService epsrv-a ",
            "added VpcEndpointService epsrv-b ",
            "changed VpcEndpoint ep-a ServiceId",
        ]
    );
    assert_eq!(changes(&load(MANIFEST), &load(MANIFEST)), []);
}
