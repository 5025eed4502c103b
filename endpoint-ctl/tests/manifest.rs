//! The manifest: what loads, what is refused and how it is said, and which addresses ENIs get.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use endpoint_ctl::manifest::{LARGEST, ManifestErrors, load};
use endpoint_ctl::model::{
    EndpointId, Model, Policy, PortRange, ProtocolMatch, SecurityGroupId, ServiceId, VSwitchId,
};

fn lab() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/lab.yaml");
    std::fs::read_to_string(path).expect("examples/lab.yaml")
}

fn loaded(text: &str) -> Model {
    load(text, "test.yaml", None).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refused(text: &str) -> ManifestErrors {
    load(text, "test.yaml", None).expect_err("a faulty manifest")
}

/// The lab without its endpoint and with this network for its vSwitch.
fn lab_without_endpoint(cidr: &str) -> String {
    let lab = lab();
    let (rest, _) = lab
        .split_once("---\nkind: VpcEndpoint\n")
        .expect("an endpoint");
    rest.replacen("CidrBlock: 10.0.1.0/24", &format!("CidrBlock: {cidr}"), 1)
}

fn endpoint(id: &str, ip: Option<&str>) -> String {
    let ip = ip.map_or_else(String::new, |ip| format!(", ip: {ip}"));
    format!(
        "---\nkind: VpcEndpoint\nEndpointId: {id}\nVpcId: vpc-a\nServiceId: epsrv-web\n\
         SecurityGroupIds: [sg-web]\nZones: [{{ ZoneId: lab-a, VSwitchId: vsw-a{ip} }}]\n"
    )
}

fn address(model: &Model, endpoint: &str) -> Ipv4Addr {
    model.endpoints[&EndpointId::new(endpoint)].zones[0].ip
}

#[test]
fn the_lab_loads() {
    let model = loaded(&lab());
    let endpoint = &model.endpoints[&EndpointId::new("ep-web")];
    assert_eq!(endpoint.name.as_deref(), Some("web"));
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
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifest");
    let text = std::fs::read_to_string(directory.join("bad.yaml")).expect("bad.yaml");
    let errors = load(&text, "bad.yaml", None).expect_err("a faulty manifest");
    for fault in &errors.faults {
        assert!(
            !fault.problem.is_empty() && !fault.mend.is_empty(),
            "{fault}"
        );
        assert!(fault.line.is_some() || fault.document.is_none(), "{fault}");
    }
    same_as_golden(&directory.join("bad.expected"), &format!("{errors}\n"));
}

fn same_as_golden(path: &PathBuf, found: &str) {
    if std::env::var_os("BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(path, found).expect("a writable golden file");
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    let missing: Vec<_> = golden
        .lines()
        .filter(|l| !found.lines().any(|f| f == *l))
        .collect();
    let new: Vec<_> = found
        .lines()
        .filter(|l| !golden.lines().any(|g| g == *l))
        .collect();
    assert!(
        golden == found,
        "differs from {}\nno longer said: {missing:#?}\nnew: {new:#?}\n\
         if the new text is right: BLESS=1 cargo test -p endpoint-ctl --test manifest",
        path.display()
    );
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
    assert_eq!(
        (errors.faults[0].line, errors.faults[0].id.as_deref()),
        (Some(5), Some("vpc-a"))
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
fn a_file_that_is_too_large_is_refused() {
    let errors = refused(&" ".repeat(LARGEST + 1));
    assert_eq!(errors.faults.len(), 1, "{errors}");
}

#[test]
fn an_endless_row_of_broken_documents_is_given_up() {
    let errors = refused(&"---\na: [\n".repeat(10_000));
    assert_eq!(errors.faults.len(), 101);
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
    let text = format!(
        "{}---\nkind: SecurityGroup\nSecurityGroupId: sg-b\nVpcId: vpc-a\n\
         Permissions: [{inward}, {outward}, {inward}]\n",
        lab()
    );
    let model = loaded(&text);
    let rules = &model.security_groups[&SecurityGroupId::new("sg-b")].rules;
    let ids: Vec<_> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["sg-b-ingress-1", "sg-b-egress-1", "sg-b-ingress-2"]);
}

#[test]
fn an_endpoint_may_have_1000_rules_and_not_one_more() {
    let with = |count: usize| {
        let mut text = lab().replace(
            "SecurityGroupIds: [sg-web]",
            "SecurityGroupIds: [sg-web, sg-b]",
        );
        text += "---\nkind: SecurityGroup\nSecurityGroupId: sg-b\nVpcId: vpc-a\nPermissions:\n";
        for _ in 0..count {
            text += "- { Direction: egress, IpProtocol: ALL, PortRange: -1/-1, DestCidrIp: 0.0.0.0/0 }\n";
        }
        text
    };
    loaded(&with(998));
    let errors = refused(&with(999));
    assert!(errors.to_string().contains("1001 rules"), "{errors}");
}

#[test]
fn the_default_policy_is_taken_and_no_other() {
    let with = |policy: &str| lab() + &format!("\nPolicyDocument: '{policy}'\n");
    let all = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    loaded(&with(all));
    loaded(&with(&all.replacen('{', r#"{"Version":"1","#, 1)));
    let errors = refused(&with(&all.replace("Allow", "Deny")));
    assert!(errors.to_string().contains("not enforced yet"), "{errors}");
    assert!(refused(&with("{")).to_string().contains("is not JSON"));
}

#[test]
fn a_vswitch_of_8_addresses_has_4_for_enis() {
    let mut text = lab_without_endpoint("10.0.1.8/29");
    for n in 1..=4 {
        text += &endpoint(&format!("ep-{n}"), None);
    }
    let model = loaded(&text);
    let given: Vec<_> = (1..=4)
        .map(|n| address(&model, &format!("ep-{n}")).octets()[3])
        .collect();
    assert_eq!(given, [9, 10, 11, 12]);

    let errors = refused(&(text + &endpoint("ep-5", None)));
    assert_eq!(errors.faults.len(), 1, "{errors}");
    assert_eq!(
        errors.faults[0].problem,
        "no free IP in vsw-a (4 usable, 4 used)"
    );
    assert_eq!(errors.faults[0].id.as_deref(), Some("ep-5"));
}

#[test]
fn reserved_and_foreign_addresses_cannot_be_named() {
    for last in [0, 253, 254, 255] {
        let ip = format!("10.0.1.{last}");
        let errors = refused(&(lab_without_endpoint("10.0.1.0/24") + &endpoint("ep", Some(&ip))));
        assert_eq!(errors.faults.len(), 1, "{errors}");
        assert!(
            errors.faults[0]
                .problem
                .starts_with(&format!("{ip} is reserved")),
            "{errors}"
        );
        assert_eq!(errors.faults[0].path, "Zones[0].ip");
    }
    for last in [1, 252] {
        let ip = format!("10.0.1.{last}");
        loaded(&(lab_without_endpoint("10.0.1.0/24") + &endpoint("ep", Some(&ip))));
    }
    let errors =
        refused(&(lab_without_endpoint("10.0.1.0/24") + &endpoint("ep", Some("10.0.2.5"))));
    assert!(
        errors.faults[0].problem.contains("is outside 10.0.1.0/24"),
        "{errors}"
    );
}

#[test]
fn an_address_in_use_is_refused_and_its_user_named() {
    let text = lab() + "\n" + &endpoint("ep-b", Some("10.0.1.100"));
    let errors = refused(&text);
    assert_eq!(errors.faults.len(), 1, "{errors}");
    assert_eq!(
        errors.faults[0].problem,
        "10.0.1.100 is used by eni-ep-web-lab-a"
    );
    assert_eq!(errors.faults[0].id.as_deref(), Some("ep-b"));
}

#[test]
fn named_addresses_are_taken_before_any_is_chosen() {
    let text = lab_without_endpoint("10.0.1.0/24")
        + &endpoint("ep-a", None)
        + &endpoint("ep-b", Some("10.0.1.1"));
    let model = loaded(&text);
    assert_eq!(address(&model, "ep-a"), Ipv4Addr::new(10, 0, 1, 2));
    assert_eq!(address(&model, "ep-b"), Ipv4Addr::new(10, 0, 1, 1));
}

#[test]
fn an_eni_keeps_its_address() {
    let base = lab_without_endpoint("10.0.1.0/24");
    let first = loaded(&(base.clone() + &endpoint("ep-a", None) + &endpoint("ep-b", None)));
    assert_eq!(address(&first, "ep-b"), Ipv4Addr::new(10, 0, 1, 2));

    // A newcomer in front and a neighbour gone change nothing for it.
    let text = base.clone() + &endpoint("ep-0", None) + &endpoint("ep-b", None);
    let second = load(&text, "test.yaml", Some(&first)).expect("a good manifest");
    assert_eq!(address(&second, "ep-b"), Ipv4Addr::new(10, 0, 1, 2));
    assert_eq!(address(&second, "ep-0"), Ipv4Addr::new(10, 0, 1, 1));

    // Until someone names its address, or the network moves away from it.
    let text = base + &endpoint("ep-b", None) + &endpoint("ep-c", Some("10.0.1.2"));
    let third = load(&text, "test.yaml", Some(&first)).expect("a good manifest");
    assert_eq!(address(&third, "ep-b"), Ipv4Addr::new(10, 0, 1, 1));
    let text = lab_without_endpoint("10.0.7.0/24") + &endpoint("ep-b", None);
    let fourth = load(&text, "test.yaml", Some(&first)).expect("a good manifest");
    assert_eq!(address(&fourth, "ep-b"), Ipv4Addr::new(10, 0, 7, 1));
}

#[test]
fn two_hundred_endpoints_get_two_hundred_addresses() {
    let mut text = lab_without_endpoint("10.0.1.0/24");
    for n in 0..200 {
        text += &endpoint(&format!("ep-{n}"), None);
    }
    let model = loaded(&text);
    let addresses: BTreeSet<_> = model.endpoints.values().map(|e| e.zones[0].ip).collect();
    assert_eq!(addresses.len(), 200);
}

#[test]
fn a_hundred_thousand_rules_load() {
    let mut text = lab();
    for group in 0..100 {
        write!(
            text,
            "\n---\nkind: SecurityGroup\nSecurityGroupId: sg-{group}\nVpcId: vpc-a\nPermissions:\n"
        )
        .expect("a string takes it");
        for rule in 0..1000 {
            let peer = format!("10.{group}.{}.{}/32", rule / 250, rule % 250);
            writeln!(text, "- {{ Direction: ingress, IpProtocol: TCP, PortRange: 80/80, SourceCidrIp: {peer} }}")
                .expect("a string takes it");
        }
    }
    let start = std::time::Instant::now();
    let model = loaded(&text);
    println!("{} bytes in {:?}", text.len(), start.elapsed());
    assert_eq!(model.security_groups.len(), 102);
}

/// A small generator, so that a failing seed can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below a usize")
    }
}

fn mutate(text: &str, random: &mut Random) -> String {
    const PIECES: [&str; 24] = [
        "---\n",
        "\t",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: *a\n",
        "|\n",
        "'",
        "\"",
        "\0",
        "\u{feff}",
        "é",
        "-1",
        "0",
        "99999999999999999999",
        ".nan",
        "null",
        "!!binary ",
        "...\n",
    ];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=random.below(4) {
        let at = random.below(lines.len());
        match random.below(6) {
            0 if lines.len() > 1 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines[at] = lines[random.below(lines.len())].clone(),
            3 => {
                let value = lines[random.below(lines.len())].clone();
                let value = value
                    .split_once(": ")
                    .map_or(value.as_str(), |(_, value)| value);
                let field = lines[at].split_once(": ").map_or("", |(field, _)| field);
                lines[at] = format!("{field}: {value}");
            }
            _ => {
                let place = random.below(lines[at].chars().count() + 1);
                let cut = random.below(3);
                let piece = PIECES[random.below(PIECES.len())];
                let head: String = lines[at].chars().take(place).collect();
                let tail: String = lines[at].chars().skip(place + cut).collect();
                lines[at] = format!("{head}{piece}{tail}");
            }
        }
    }
    lines.join("\n")
}

#[test]
fn ten_thousand_mutations_of_the_lab_never_panic() {
    let lab = lab();
    let previous = loaded(&lab);
    let (mut good, mut bad) = (0, 0);
    for seed in 1..=10_000_u64 {
        let text = mutate(&lab, &mut Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let read = || load(&text, "test.yaml", Some(&previous));
        match std::panic::catch_unwind(read) {
            Ok(Ok(_)) => good += 1,
            Ok(Err(errors)) => {
                bad += 1;
                let lines = errors.to_string().lines().count();
                assert_eq!(lines, errors.faults.len(), "seed {seed}: {errors}");
                assert!(lines > 0, "seed {seed}");
            }
            Err(_) => panic!("seed {seed} panics:\n{text}"),
        }
    }
    println!("{good} loaded, {bad} refused");
    assert!(good > 100 && bad > 1000, "{good} loaded, {bad} refused");
}
