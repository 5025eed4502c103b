//! What is explained is what happens: on rule sets and packets by chance, the program's explanation is
//! the oracle's, leaves nothing behind, and the real packet meets the same.
//!
//! May import: endpoint-ctl, endpoint-common, fastrand, traces, world.

use std::collections::BTreeMap;

use endpoint_common::path::Outcome;
use endpoint_ctl::explain::{Asked, End, Explained, Protocol, Question};
use fastrand::Rng;

use super::{config, setting};
use crate::traces;
use crate::world::World;

const SEED: u64 = 20_261_124;
const GENERATIONS: u64 = 60;
const QUESTIONS: usize = 25;

fn pick<'t>(from: &[&'t str], rng: &mut Rng) -> &'t str {
    from[rng.usize(0..from.len())]
}

fn end(ip: &str, port: Option<u16>) -> End {
    let ip = ip.parse().expect(ip);
    End { ip, port }
}

fn question(world: &World, rng: &mut Rng) -> Question {
    if rng.u8(..8) == 0
        && let Some(answer) = answer(world, rng)
    {
        return answer;
    }
    let clients = [
        "10.0.1.10",
        "10.0.1.11",
        "10.0.1.66",
        "10.0.9.5",
        "10.0.9.7",
        "10.0.2.9",
        "192.0.2.1",
        "127.0.0.1",
    ];
    let (from, to, vpc) = match rng.u8(..12) {
        0 => ("2001:db8:0:1::10", "2001:db8:0:1::100", "vpc-a"),
        1 => ("2001:db8:0:9::5", "2001:db8:0:1::100", "vpc-a"),
        2 | 3 => (pick(&clients, rng), "10.0.1.210", "pnet-a"),
        4 => (pick(&clients, rng), "10.0.1.200", "pnet-a"),
        5 => (pick(&clients, rng), "10.0.2.100", "vpc-a"),
        6 => (pick(&clients, rng), "10.0.1.101", "vpc-a"),
        7 => (pick(&clients, rng), "10.0.1.110", "vpc-a"),
        8 | 9 => (pick(&clients, rng), "10.0.1.100", "vpc-b"),
        _ => (pick(&clients, rng), "10.0.1.100", "vpc-a"),
    };
    let protocol = match rng.u8(..8) {
        0 if from.contains(':') => Protocol::Icmpv6,
        0 => Protocol::Icmp,
        1 | 2 => Protocol::Udp,
        _ => Protocol::Tcp,
    };
    let ports: [u16; 12] = [53, 54, 80, 81, 82, 83, 84, 85, 86, 88, 99, 443];
    let sources = [1024, 1500, 1999, 2000, 40_000, 40_001, 65_535];
    let ports = protocol.has_ports().then(|| {
        (
            sources[rng.usize(0..sources.len())],
            ports[rng.usize(0..ports.len())],
        )
    });
    Question {
        from: end(from, ports.map(|(source, _)| source)),
        to: end(to, ports.map(|(_, port)| port)),
        protocol,
        vpc: Some(vpc.to_owned()),
    }
}

/// Of a flow that is there, an answer's end.
fn answer(world: &World, rng: &mut Rng) -> Option<Question> {
    use endpoint_common::abi::flow::Side;
    let flows = world.twins.flows();
    let flow = flows.get(rng.usize(0..flows.len().max(1)))?;
    let key = flow.half(Side::Back).key;
    let end = |ip: [u8; 16], port: [u8; 2]| End {
        ip: std::net::IpAddr::from(ip).to_canonical(),
        port: Some(u16::from_be_bytes(port)),
    };
    Some(Question {
        from: end(key.src, key.src_port),
        to: end(key.dst, key.dst_port),
        protocol: match key.protocol {
            6 => Protocol::Tcp,
            17 => Protocol::Udp,
            _ => return None,
        },
        vpc: Some(
            if key.src[12] == 172 {
                "pnet-b"
            } else {
                "pnet-a"
            }
            .to_owned(),
        ),
    })
}

#[test]
fn what_is_explained_is_what_happens() {
    let seed = setting("HINGE_SEED", SEED);
    println!("HINGE_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(4_096);
    let first = world.model.clone();
    let mut verdicts: BTreeMap<String, u32> = BTreeMap::new();
    let (mut of_flows, mut pairs) = (0, 0_u32);
    for generation in 0..GENERATIONS {
        if generation > 0 {
            world.change(|model| config::shuffle(model, &first, &mut rng));
        }
        let asked: Vec<_> = (0..QUESTIONS).map(|_| question(&world, &mut rng)).collect();
        let before = traces::read();
        let explained: Vec<_> = asked.iter().map(|one| explain(&mut world, one)).collect();
        let after = traces::read();
        for (name, rows) in &before {
            assert_eq!(rows, &after[name], "explaining left something in {name}");
        }
        world.twins.assert_nothing_told();
        for told in explained.into_iter().flatten() {
            let context = || format!("HINGE_SEED={seed}, {told:#?}");
            assert_eq!(told.disagreements, [""; 0], "{}", context());
            pairs += 1;
        }
        for question in &asked {
            let Some(told) = explain(&mut world, question) else {
                continue;
            };
            assert_eq!(told.disagreements, [""; 0], "HINGE_SEED={seed}, {told:#?}");
            of_flows += u32::from(told.flow.is_some());
            *verdicts
                .entry(happens(&mut world, question, &told))
                .or_default() += 1;
        }
    }
    println!("{pairs} pairs, {of_flows} of known flows: {verdicts:?}");
    assert!(pairs >= 1_000, "{pairs}");
    assert!(of_flows > 50, "{of_flows}");
    for verdict in [
        "accepted",
        "acl-ingress",
        "acl-egress",
        "group-ingress",
        "group-egress",
        "no-listener",
        "no-backend",
        "no-flow",
        "martian-source",
    ] {
        let count = verdicts.get(verdict).copied().unwrap_or(0);
        assert!(count > 2, "{verdict} only {count} times: {verdicts:?}");
    }
}

/// `None` where the model of the moment has no such address.
fn explain(world: &mut World, question: &Question) -> Option<Explained> {
    let model = world.model.clone();
    let asked = Asked::of(&model, question).ok()?;
    let found = world.explain(&asked);
    let found = found.unwrap_or_else(|error| panic!("{question:?}: {error}"));
    Some(asked.answer(&world.numbers, &|_| None, &found))
}

/// Runs the real packet, which must meet what was told; says what that was.
fn happens(world: &mut World, question: &Question, told: &Explained) -> String {
    let model = world.model.clone();
    let asked = Asked::of(&model, question).expect("it was asked before");
    let (leg, frame) = World::packet(&asked);
    let ran = world.run(leg, &frame);
    let ran = ran.unwrap_or_else(|error| panic!("{question:?}: {error}"));
    let context = || format!("{:?} met {:?}\n{told:#?}", question, ran.outcome);
    match ran.outcome {
        Outcome::Pass => assert_eq!(told.told.verdict, "not-ours", "{}", context()),
        Outcome::Transmit | Outcome::Redirect(_) => {
            assert_eq!(told.told.verdict, "accepted", "{}", context());
        }
        Outcome::Drop(reason) | Outcome::Answer(reason) => {
            assert_eq!(told.told.reason, Some(reason.name()), "{}", context());
            let event = ran.event.expect("drops are told");
            let rule = world.rule_name(event.rule);
            assert_eq!(
                told.told.rule_id.as_deref().unwrap_or(""),
                rule,
                "{}",
                context()
            );
            return reason.name().to_owned();
        }
    }
    told.told.verdict.to_owned()
}

fn web(vpc: Option<&str>) -> Question {
    Question {
        from: end("10.0.1.10", None),
        to: end("10.0.1.100", Some(80)),
        protocol: Protocol::Tcp,
        vpc: vpc.map(str::to_owned),
    }
}

#[test]
fn an_address_of_several_vpcs_needs_one_to_be_named() {
    let world = World::new(64);
    let refused = |question: &Question| {
        let asked = Asked::of(&world.model, question);
        asked.err().expect("a refusal")
    };
    let error = refused(&web(None));
    assert!(error.contains("vpc-a, vpc-b"), "{error}");
    assert!(error.contains("--vpc"), "{error}");
    let error = refused(&web(Some("vpc-c")));
    assert!(error.contains("pnet-a, pnet-b, vpc-a, vpc-b"), "{error}");
    let error = refused(&web(Some("pnet-b")));
    assert!(error.contains("it is in vpc-a, vpc-b"), "{error}");
}

/// Tables that no model leads to: the oracle, which knows only the model, says so.
#[test]
fn tables_that_say_other_than_the_model_are_found_out() {
    use endpoint_common::abi::service::KIND_ENI;

    let mut world = World::new(64);
    let question = web(Some("vpc-a"));
    let told = explain(&mut world, &question).expect("an ENI");
    assert_eq!(told.disagreements, [""; 0], "{told:#?}");
    world.tamper(|tables| {
        let enis = tables.addresses.values_mut();
        for eni in enis.filter(|row| row.kind == KIND_ENI) {
            eni.group_in = eni.group_out;
        }
    });
    let told = explain(&mut world, &question).expect("an ENI");
    let found = told.disagreements.join("\n");
    assert!(
        found.contains("security groups in: the program judged by"),
        "{told:#?}"
    );
    world.tamper(|tables| tables.listeners.clear());
    let told = explain(&mut world, &question).expect("an ENI");
    let found = told.disagreements.join("\n");
    assert!(
        found.contains("listener: the model does not drop it"),
        "{told:#?}"
    );
}
