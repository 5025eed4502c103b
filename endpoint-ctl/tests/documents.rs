//! Documents: what is written of a model is read as the same model.

use endpoint_ctl::document::{Document, documents, select};
use endpoint_ctl::manifest;
use endpoint_ctl::model::{Kind, Model};
use serde_json::{Map, Value};

const RARE: &str = include_str!("documents/rare.yaml");

#[track_caller]
fn load(text: &str) -> Model {
    manifest::load(text, "text", None).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// What was read, written and read again.
#[track_caller]
fn assert_same_again(text: &str) {
    let model = load(text);
    let written = documents(&model);
    let written: Vec<_> = written
        .iter()
        .map(|one| one.to_value().to_string())
        .collect();
    let again = written.join("\n---\n");
    assert_eq!(load(&again), model, "{again}");
}

#[test]
fn what_is_written_is_read_as_the_same() {
    assert_same_again(include_str!("prog/universe.yaml"));
    assert_same_again(include_str!("../../examples/backends.yaml"));
    assert_same_again(include_str!("../../examples/dual-stack.yaml"));
    assert_same_again(include_str!("../../examples/reverse.yaml"));
    assert_same_again(include_str!("../../examples/rules.yaml"));
    assert_same_again(include_str!("../../examples/two-nodes.yaml"));
    assert_same_again(RARE);
}

#[test]
fn listeners_have_the_servers_of_the_group_that_they_name() {
    let model = load(RARE);
    let balancer = &model.load_balancers["nlb"];
    let (group, listener) = (&model.server_groups["sgp"], &balancer.listeners[0]);
    assert_eq!(listener.servers, group.servers);
    assert_eq!(listener.health_check, group.health_check);
    assert!(group.connection_drain_timeout.is_some());
    assert_eq!(
        listener.connection_drain_timeout,
        group.connection_drain_timeout
    );
    for (wrong, right, says) in [
        (
            "ServerGroupId: sgp,",
            "ServerGroupId: sgp, Servers: [],",
            "has no meaning beside ServerGroupId",
        ),
        (
            "ServerGroupId: sgp,",
            "ServerGroupId: sgq,",
            "there is no ServerGroup \"sgq\"",
        ),
        (
            "Protocol: UDP, ListenerPort: 53,",
            "Protocol: TCP, ListenerPort: 53,",
            "of another protocol",
        ),
    ] {
        let text = RARE.replace(wrong, right);
        let errors = manifest::load(&text, "text", None).expect_err(right);
        assert!(errors.to_string().contains(says), "{errors}");
    }
}

/// Groups may refer to one another, so those of a kind come together.
#[track_caller]
fn assert_same_bit_by_bit(text: &str) {
    let model = load(text);
    let mut grown = Model::default();
    for part in documents(&model).chunk_by(|one, next| one.kind == next.kind) {
        let fields = part.iter().map(|one| (one.kind, &one.fields));
        let previous = grown.clone();
        grown = manifest::declare(fields, grown, &previous)
            .unwrap_or_else(|faults| panic!("{faults:?}\n{part:?}"));
    }
    assert_eq!(grown, model);
}

#[test]
fn documents_that_come_one_after_the_other_make_the_same_model() {
    assert_same_bit_by_bit(include_str!("prog/universe.yaml"));
    assert_same_bit_by_bit(include_str!("../../examples/backends.yaml"));
    assert_same_bit_by_bit(include_str!("../../examples/dual-stack.yaml"));
    assert_same_bit_by_bit(include_str!("../../examples/reverse.yaml"));
    assert_same_bit_by_bit(include_str!("../../examples/rules.yaml"));
    assert_same_bit_by_bit(RARE);
}

/// Why a document is refused over the examples' reverse endpoints.
#[track_caller]
fn refused(document: &str) -> String {
    let before = load(include_str!("../../examples/reverse.yaml"));
    let mut fields: Map<String, Value> = serde_saphyr::from_str(document).expect("a mapping");
    let kind = fields.remove("kind").expect("a kind");
    let kind = Kind::named(kind.as_str().expect("text")).expect("a kind");
    let previous = before.clone();
    let faults = manifest::declare([(kind, &fields)], before, &previous).expect_err(document);
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    faults.join("\n")
}

#[test]
fn what_one_alone_may_have_is_kept_from_later_documents() {
    let before = load(include_str!("../../examples/reverse.yaml"));
    let vswitch = before.vswitches.values().next().expect("a vSwitch");
    let mut groups = before.security_groups.values();
    let custom = groups.find(|one| !one.service_managed).expect("a group");
    let rule = &custom.rules.first().expect("a rule").id;
    let endpoint = before
        .endpoints
        .values()
        .find(|one| !one.resources.is_empty());
    let endpoint = endpoint.expect("a reverse endpoint");
    let (zone, resource) = (&endpoint.zones[0], &endpoint.resources[0]);
    let vpc = &vswitch.vpc;

    let error = refused(&format!(
        "{{kind: Vpc, VpcId: {vpc}, CidrBlock: 10.0.0.0/16}}"
    ));
    assert!(
        error.contains("there is a Vpc") && error.contains("already"),
        "{error}"
    );
    let new_vswitch = |cidr: &str, interface: &str| {
        refused(&format!(
            "{{kind: VSwitch, VSwitchId: vsw-new, VpcId: {vpc}, ZoneId: {}, CidrBlock: {cidr}, Interface: {interface}}}",
            vswitch.zone
        ))
    };
    let error = new_vswitch(&vswitch.cidr_block.to_string(), "new0");
    assert!(error.contains("overlaps"), "{error}");
    let error = new_vswitch(
        "10.0.200.0/24",
        vswitch.interface.as_deref().expect("bound"),
    );
    assert!(
        error.contains(&format!("is used by VSwitch {}", vswitch.id)),
        "{error}"
    );
    let error = refused(&format!(
        "{{kind: SecurityGroup, SecurityGroupId: sg-new, VpcId: {vpc}, Permissions: [{{SecurityGroupRuleId: {rule}, Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, SourceCidrIp: 0.0.0.0/0}}]}}"
    ));
    assert!(error.contains("is used in SecurityGroup"), "{error}");

    let error = refused(&format!(
        "{{kind: SecurityGroup, SecurityGroupId: sg-new, VpcId: {vpc}, Permissions: [{{Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, SourceCidrIp: 0.0.0.0/0, CreateTime: yesterday}}]}}"
    ));
    assert!(error.contains("is not a time"), "{error}");

    let new_endpoint = |ip: std::net::Ipv4Addr| {
        refused(&format!(
            "{{kind: VpcEndpoint, EndpointId: ep-new, VpcId: {vpc}, ServiceId: {}, SecurityGroupIds: [{}], Zones: [{{ZoneId: {}, VSwitchId: {}, ip: {ip}}}]}}",
            endpoint.service, custom.id, zone.zone, zone.vswitch
        ))
    };
    let error = new_endpoint(zone.ip);
    assert!(
        error.contains(&format!("is used by {}", zone.eni)),
        "{error}"
    );
    let error = new_endpoint(resource.ip);
    assert!(error.contains("is used by a resource of"), "{error}");
}

#[test]
fn documents_are_chosen_by_kind_and_id() {
    let model = load(RARE);
    let chosen = |kind, id| {
        let found = select(documents(&model), kind, id)?;
        Ok::<_, String>(
            found
                .into_iter()
                .map(|Document { id, .. }| id)
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(chosen(None, None).expect("all").len(), 10);
    assert_eq!(chosen(Some("VSwitches"), None).expect("a plural"), ["vsw"]);
    assert_eq!(
        chosen(Some("vpcendpoint"), Some("ep")).expect("one"),
        ["ep"]
    );
    let error = chosen(Some("Vpx"), None).expect_err("no kind");
    assert!(error.contains("VpcEndpointService"), "{error}");
    let error = chosen(Some("Vpc"), Some("vpx")).expect_err("no id");
    assert!(error.contains("there are: vpc"), "{error}");
}
