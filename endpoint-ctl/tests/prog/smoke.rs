//! smoke
use endpoint_common::abi::meta::Port;
use endpoint_common::abi::service::*;
use endpoint_ctl::compiler::{Capacity, HopTo, Numbers, compile};
use endpoint_ctl::dataplane::{Dataplane, LoadOptions, OBJECT};
use endpoint_ctl::manifest;

#[test]
fn loads() {
    let text = std::fs::read_to_string("../examples/lab.yaml").unwrap();
    let model = manifest::load(&text, "lab.yaml", None).unwrap();
    let mut numbers = Numbers::default();
    numbers.assign(&model);
    let capacity = Capacity::default();
    let tables = compile(&model, &numbers, 1, &capacity).unwrap();
    println!("{} nodes", tables.policy.len());
    let (mut dp, observed) = Dataplane::load(&LoadOptions {
        object: OBJECT,
        capacity,
        seed: 7,
        log_packets: false,
    })
    .unwrap_or_else(|e| panic!("{e}"));
    println!("verified {:?}", dp.verified_instructions());
    dp.apply(&tables).unwrap();
    let mac = [2, 0, 0, 0, 0, 1];
    dp.set_port(Port::new(
        1,
        numbers.vswitch_scope(model.vswitches.keys().next().unwrap()),
        mac,
    ))
    .unwrap();
    for (hop, row) in numbers.hops() {
        let flags = match hop {
            HopTo::Clients(_) => HOP_RESOLVED | HOP_TO_CLIENT,
            HopTo::Backend(..) => HOP_RESOLVED,
        };
        dp.set_hop(
            row,
            Hop::new(9, flags, [2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 8]),
        )
        .unwrap();
    }
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([
        0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 1, 10, 10, 0, 1, 100,
    ]);
    frame.extend([
        0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0,
    ]);
    let r = dp.test_run(&frame, 1).unwrap();
    println!("{r:x?}");
    for (k, e) in observed.flows() {
        println!("{k:?} {e:?}");
    }
    println!("{:?} {:?}", observed.counters(1), observed.drops());
    for n in [1000, 100000, 1000000] {
        println!("{:?}", dp.test_run(&frame, n).unwrap().duration);
    }
}
