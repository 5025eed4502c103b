//! Large, deep, endless and mangled manifests.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use endpoint_ctl::manifest::{LARGEST, load};
use endpoint_ctl::model::{AddressIpVersion, Ipam, Model};

use super::{example, lab, loaded, refused};

#[test]
fn nesting_is_limited() {
    for text in ["[".repeat(100_000), "{a: ".repeat(1000), "- ".repeat(1000)] {
        let errors = refused(&text);
        assert_eq!(errors.faults.len(), 1, "{errors}");
        assert!(errors.faults[0].mend.starts_with("nest less"), "{errors}");
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
            2 => {
                let other = lines[random.below(lines.len())].clone();
                lines[at] = other;
            }
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

/// What a model promises: every reference resolves, every ENI has an address of its own.
fn assert_consistent(model: &Model) {
    let mut addresses = BTreeSet::new();
    for endpoint in model.endpoints.values() {
        assert!(model.vpcs.contains_key(&endpoint.vpc));
        assert!(model.services.contains_key(&endpoint.service));
        assert!(!endpoint.security_groups.is_empty() && !endpoint.zones.is_empty());
        for group in endpoint
            .security_groups
            .iter()
            .chain([&endpoint.managed_group])
        {
            assert_eq!(model.security_groups[group].vpc, endpoint.vpc);
        }
        for zone in &endpoint.zones {
            let vswitch = &model.vswitches[&zone.vswitch];
            assert!((&vswitch.vpc, &vswitch.zone) == (&endpoint.vpc, &zone.zone));
            let is_dual_stack = endpoint.address_ip_version == AddressIpVersion::DualStack;
            assert_eq!(zone.ipv6.is_some(), is_dual_stack);
            for (ip, block) in zone.addresses().zip(vswitch.cidr_blocks()) {
                assert!(Ipam::usable(block).contains(&ip));
                assert!(addresses.insert((&zone.vswitch, ip)));
            }
        }
    }
    for vswitch in model.vswitches.values() {
        assert!(
            vswitch
                .network_acl
                .as_ref()
                .is_none_or(|acl| model.network_acls.contains_key(acl))
        );
        assert!(
            model.vpcs[&vswitch.vpc]
                .cidr_block
                .contains(&vswitch.cidr_block)
        );
    }
    for service in model.services.values() {
        let balancer = &model.load_balancers[&service.resources[0].load_balancer];
        assert!(
            model
                .provider_networks
                .contains_key(&balancer.provider_network)
        );
    }
}

#[test]
fn thousands_of_mutations_of_the_examples_never_panic() {
    mutate_and_load(&lab(), 10_000);
    mutate_and_load(&example("dual-stack.yaml"), 5_000);
    mutate_and_load(&example("reverse.yaml"), 5_000);
    mutate_and_load(&example("rules.yaml"), 5_000);
}

fn mutate_and_load(text: &str, times: u64) {
    let previous = loaded(text);
    let (mut good, mut bad) = (0, 0);
    for seed in 1..=times {
        let text = mutate(text, &mut Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let read = || load(&text, "test.yaml", Some(&previous));
        let Ok(result) = std::panic::catch_unwind(read) else {
            panic!("seed {seed} panics:\n{text}");
        };
        match result {
            Ok(model) => {
                good += 1;
                assert_consistent(&model);
            }
            Err(errors) => {
                bad += 1;
                let lines = errors.to_string().lines().count();
                assert_eq!(lines, errors.faults.len(), "seed {seed}: {errors}");
                assert!(lines > 0, "seed {seed}");
            }
        }
    }
    println!("{good} loaded, {bad} refused");
    let enough = good > times / 100 && bad > times / 10;
    assert!(enough, "{good} loaded, {bad} refused");
}
