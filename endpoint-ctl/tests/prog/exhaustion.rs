//! What fills up: the NAT ports toward one backend. Both sides must find, and miss, the same ports.
//!
//! May import: endpoint-common, packet, world.

use endpoint_common::abi::reason::DropReason;
use endpoint_common::path::Outcome;

use crate::packet::{self, udp};
use crate::world::{Leg, World};

/// Ports of one NAT address toward one backend.
const PORTS: u32 = 64_512;

#[test]
fn nat_ports_of_one_address_run_out_at_the_same_flow_on_both_sides() {
    let mut world = World::new(2 * PORTS);
    let (mut opened, mut refused) = (0, 0);
    // All to one backend, by way of the one address of this provider network.
    world.change(|model| {
        let vswitches = model.vswitches.values_mut();
        vswitches.for_each(|vswitch| vswitch.network_acl = None);
        let balancers = model.load_balancers.values_mut();
        for listener in balancers.flat_map(|balancer| &mut balancer.listeners) {
            listener.servers.truncate(1);
        }
    });
    let request = udp("10.0.1.10:1", "10.0.1.101:443").at_mac(Leg::VswA.mac());
    for number in 0..PORTS + 4_000 {
        let [_, host_high, host, port] = number.to_be_bytes();
        let mut request = request.clone().source_port(1000 + u16::from(port));
        request.source.set_ip([10, 0, 9 + host_high, host].into());
        let ran = world.run(Leg::VswA, &request.bytes());
        let ran = ran.unwrap_or_else(|error| panic!("flow {number}:\n{error}"));
        match ran.outcome {
            Outcome::Redirect(_) => {
                opened += 1;
                let answer = packet::answer(&ran.frame).expect("a packet");
                let answered = world.run(Leg::ProviderB, &answer.bytes());
                let answered = answered.unwrap_or_else(|error| panic!("answer {number}:\n{error}"));
                assert!(
                    matches!(answered.outcome, Outcome::Redirect(_)),
                    "{answered:?}"
                );
            }
            Outcome::Drop(DropReason::NatExhausted) => refused += 1,
            other => panic!("flow {number}: {other:?}, {:?}", ran.event),
        }
    }
    println!("{opened} opened, {refused} refused");
    assert!(
        opened > PORTS * 85 / 100,
        "only {opened} of {PORTS} ports were found"
    );
    assert!(opened <= PORTS && refused > 4_000);
    assert_eq!(world.twins.flows().len(), opened as usize);
    let tables = world.twins.compare_tables();
    tables.unwrap_or_else(|error| panic!("{error}"));
}
