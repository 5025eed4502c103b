//! The manifest: what loads, what is refused and how it is said, and which addresses ENIs get.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use endpoint_ctl::manifest::{ManifestErrors, load};
use endpoint_ctl::model::{
    EndpointId, Kind, Model, Policy, PortRange, ProtocolMatch, SecurityGroupId, ServiceId,
    VSwitchId,
};

#[path = "manifest/addresses.rs"]
mod addresses;
#[path = "manifest/families.rs"]
mod families;
#[path = "manifest/health.rs"]
mod health;
#[path = "manifest/hooks.rs"]
mod hooks;
#[path = "manifest/limits.rs"]
mod limits;
#[path = "manifest/nodes.rs"]
mod nodes;
#[path = "manifest/policy.rs"]
mod policy;
#[path = "manifest/reverse.rs"]
mod reverse;
#[path = "manifest/rules.rs"]
mod rules;
#[path = "manifest/size.rs"]
mod size;

fn example(name: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    std::fs::read_to_string(examples.join(name)).expect(name)
}

fn lab() -> String {
    example("lab.yaml")
}

fn loaded(text: &str) -> Model {
    load(text, "test.yaml", None).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refused(text: &str) -> ManifestErrors {
    load(text, "test.yaml", None).expect_err("a faulty manifest")
}

#[test]
fn the_lab_loads() {
    let model = loaded(&lab());
    let endpoint = &model.endpoints[&EndpointId::new("ep-web")];
    let about = model.about(Kind::Endpoint, "ep-web");
    assert_eq!(about.and_then(|about| about.name.as_deref()), Some("web"));
    assert_eq!(endpoint.zones[0].eni.as_str(), "eni-ep-web-lab-a");
    assert_eq!(endpoint.zones[0].ip, Ipv4Addr::new(10, 0, 1, 100));
    let service = &model.services[&ServiceId::new("epsrv-web")];
    assert_eq!(service.name, "com.aliyuncs.privatelink.local.epsrv-web");
    let vswitch = &model.vswitches[&VSwitchId::new("vsw-a")];
    let acl = vswitch.network_acl.as_ref().expect("an ACL");
    assert_eq!(model.network_acls[acl].ingress[0].id, "nacl-a-ingress-1");
    assert_eq!(model.network_acls[acl].egress[0].id, "nacl-a-egress-1");
    let rules = &model.security_groups[&SecurityGroupId::new("sg-web")].rules;
    assert_eq!(rules[0].id, "sgr-web-from-a");
    assert_eq!(
        rules[0].ports,
        PortRange {
            first: 80,
            last: 80
        }
    );
    assert_eq!(rules[1].protocol, ProtocolMatch::Number(1));
    assert_eq!((rules[1].policy, rules[1].priority), (Policy::Accept, 1));
}

#[test]
fn every_endpoint_brings_its_managed_group() {
    let model = loaded(&lab());
    let managed = &model.endpoints[&EndpointId::new("ep-web")].managed_group;
    assert_eq!(managed.as_str(), "sg-managed-ep-web");
    assert!(model.security_groups[managed].service_managed);
}

#[test]
fn every_fault_is_listed_with_place_and_mend() {
    check_golden("bad.yaml", "bad.expected");
}

fn check_golden(name: &str, golden: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifest");
    let text = std::fs::read_to_string(directory.join(name)).expect(name);
    let errors = load(&text, name, None).expect_err("a faulty manifest");
    for fault in &errors.faults {
        assert!(
            !fault.problem.is_empty() && !fault.mend.is_empty(),
            "{fault}"
        );
        assert!(fault.line.is_some() || fault.document.is_none(), "{fault}");
    }
    xtask::golden::check(&directory.join(golden), &format!("{errors}\n"))
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_fault_is_one_line_that_names_file_document_line_and_path() {
    let text = lab().replace("PortRange: 80/80", "PortRange: \"80\"");
    assert_eq!(
        refused(&text).to_string(),
        "test.yaml: document 3 (SecurityGroup sg-web, line 24): Permissions[0].PortRange: \
         \"80\" is not a port range; write first/last, such as 80/80"
    );
}

#[test]
fn faults_serialise() {
    let errors = refused("kind: Vpc\nVpcId: vpc-a\n");
    let json = serde_json::to_value(&errors).expect("JSON");
    assert_eq!(json["file"], "test.yaml");
    assert_eq!(json["faults"][0]["document"], 1);
    assert_eq!(json["faults"][0]["kind"], "Vpc");
    assert_eq!(json["faults"][0]["problem"], "CidrBlock is missing");
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let text = lab().replace("VpcId: vpc-a\nCidrBlock", "VpcId: vpc-a\n\tCidrBlock")
        + "---\nkind: Vpc\nVpcId: vpc-b\nCidrBlock: 10.0.0.0/8\n";
    let errors = refused(&text);
    let documents: Vec<_> = errors.faults.iter().map(|fault| fault.document).collect();
    assert_eq!(documents, [Some(1), Some(9)], "{errors}");
    assert_eq!(errors.faults[0].id.as_deref(), Some("vpc-a"));
    assert!(
        errors.faults[0].mend.contains("line 5 starts with a tab"),
        "{errors}"
    );
}

#[test]
fn a_file_without_documents_says_what_a_manifest_needs() {
    for text in ["", "\n", "# nothing\n---\n"] {
        let errors = refused(text);
        assert!(
            errors.to_string().contains("VpcEndpointService"),
            "{errors}"
        );
        assert!(
            errors
                .to_string()
                .starts_with("test.yaml: the file holds no documents")
        );
    }
}

#[test]
fn aliases_merges_and_quoted_numbers_are_understood() {
    let text = lab()
        .replace(
            "SourceCidrIp: 10.0.1.10/32\n  - SecurityGroupRuleId",
            "SourceCidrIp: &a 10.0.1.10/32\n  - SecurityGroupRuleId",
        )
        .replace(
            "PortRange: -1/-1\n    SourceCidrIp: 10.0.1.10/32",
            "PortRange: -1/-1\n    SourceCidrIp: *a",
        )
        .replace("Priority: 1", "Priority: \"1\"");
    assert!(text.contains("*a"));
    assert_eq!(loaded(&text), loaded(&lab()));
}

#[test]
fn a_rule_without_id_is_named_by_group_direction_and_place() {
    let rule = |direction: &str, field: &str| {
        format!(
            "{{ Direction: {direction}, IpProtocol: ALL, PortRange: -1/-1, {field}: 0.0.0.0/0 }}"
        )
    };
    let (inward, outward) = (
        rule("ingress", "SourceCidrIp"),
        rule("egress", "DestCidrIp"),
    );
    let other = inward.replace("ALL", "GRE");
    let text = format!(
        "{}---\nkind: SecurityGroup\nSecurityGroupId: sg-b\nVpcId: vpc-a\n\
         Permissions: [{inward}, {outward}, {other}]\n",
        lab()
    );
    let model = loaded(&text);
    let rules = &model.security_groups[&SecurityGroupId::new("sg-b")].rules;
    let ids: Vec<_> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["sg-b-ingress-1", "sg-b-egress-1", "sg-b-ingress-2"]);
}

#[test]
fn an_endpoint_may_have_100_000_rules_and_not_one_more() {
    let with = |count: usize| {
        let mut text = lab().replace(
            "SecurityGroupIds: [sg-web]",
            "SecurityGroupIds: [sg-web, sg-b]",
        );
        text += "---\nkind: SecurityGroup\nSecurityGroupId: sg-b\nVpcId: vpc-a\nPermissions:\n";
        for place in 0..count {
            let [_, last, second, third] = (place as u32).to_be_bytes();
            let peer = format!("10.{second}.{third}.{}/28", last << 4);
            writeln!(
                text,
                "- {{ Direction: egress, IpProtocol: ALL, PortRange: -1/-1, DestCidrIp: {peer} }}"
            )
            .expect("a string takes it");
        }
        text
    };
    loaded(&with(99_998));
    let errors = refused(&with(99_999));
    assert!(errors.to_string().contains("100001 rules"), "{errors}");
}
