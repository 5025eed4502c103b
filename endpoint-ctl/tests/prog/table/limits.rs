//! Rows: what endpoints may use. Both sides have clocks of their own, so rates here are so low that
//! none of them gives anything back in time.
//!
//! May import: endpoint-common, packet, the table's own.

use endpoint_common::abi::flow::FlowLimits;
use endpoint_common::abi::reason::DropReason::BandwidthExceeded;

use super::Expect::{Answer, Drop, To};
use super::{Step, answer};
use crate::packet::{ACK, SYN, ping, tcp, udp};
use crate::world::Leg::{ProviderA, VswA};
use crate::world::World;

const OPENS: &str = "a flow opens before there is a bandwidth";

pub(super) fn steps() -> Vec<Step> {
    [bandwidth(), shared_bucket()]
        .into_iter()
        .flatten()
        .collect()
}

/// Gives all ENIs a bandwidth of next to nothing.
fn limit(world: &mut World, burst: u32, bucket: u32) {
    let limits = FlowLimits {
        rate: 1,
        burst,
        bucket,
        ..FlowLimits::default()
    };
    for eni in 1..16 {
        world.twins.set_limits(eni, limits);
    }
    world.change(|_| {});
}

fn unlimit(world: &mut World) {
    for eni in 1..16 {
        world.twins.set_limits(eni, FlowLimits::default());
    }
    world.change(|_| {});
}

fn bandwidth() -> Vec<Step> {
    let web = || tcp("10.0.1.20:50090", "10.0.1.100:80");
    let echo = || ping("10.0.1.20:90", "10.0.1.100");
    rows! {
        VswA: OPENS, web().syn() => To(ProviderA);
        ProviderA: "it is answered", answer(OPENS, |p| p.flags(SYN | ACK)) => To(VswA);
        VswA: "it is confirmed", web() => To(ProviderA);
        VswA: "a ping before there is a bandwidth", echo() => Answer;
        then Step::Change(|world| limit(world, 1, 1));
        VswA: "excess, in", web() => Drop(BandwidthExceeded);
        ProviderA: "excess, out", answer(OPENS, |p| p.flags(ACK)) => Drop(BandwidthExceeded);
        VswA: "excess, echo", echo() => Drop(BandwidthExceeded);
        VswA: "excess, a new flow", web().source_port(50091).syn() => Drop(BandwidthExceeded);
        VswA: "excess, a new echo", ping("10.0.1.20:91", "10.0.1.100") => Drop(BandwidthExceeded);
        then Step::Change(|world| limit(world, 1 << 31, 1));
        VswA: "within the bandwidth, in", web() => To(ProviderA);
        ProviderA: "within the bandwidth, out", answer(OPENS, |p| p.flags(ACK)) => To(VswA);
        VswA: "within the bandwidth, echo", echo() => Answer;
        VswA: "within the bandwidth, a new flow", udp("10.0.9.5:50092", "10.0.1.100:53") => To(ProviderA);
        VswA: "its next datagram", udp("10.0.9.5:50092", "10.0.1.100:53") => To(ProviderA);
        then Step::Change(unlimit);
        VswA: "unlimited again", web() => To(ProviderA);
        ProviderA: "unlimited again, out", answer(OPENS, |p| p.flags(ACK)) => To(VswA);
    }
}

/// Each direction has a bucket, whichever flow and ENI fills it.
fn shared_bucket() -> Vec<Step> {
    let dns = |port| {
        udp("10.0.9.5:1", "10.0.1.100:53")
            .source_port(port)
            .payload(&[0; 1_000])
    };
    let first = "the first flow takes most of the bucket";
    rows! {
        then Step::Change(|world| limit(world, 1_500, 3));
        VswA: first, dns(50_093) => To(ProviderA);
        VswA: "the next one finds too little", dns(50_094) => Drop(BandwidthExceeded);
        VswA: "a small packet finds enough", dns(50_094).payload(&[0; 300]) => To(ProviderA);
        ProviderA: "the way back has a bucket of its own", answer(first, |p| p.payload(&[0; 1_000])) => To(VswA);
        ProviderA: "with room for a little", answer(first, |p| p.payload(&[0; 350])) => To(VswA);
        ProviderA: "and no more", answer(first, |p| p.payload(&[0; 100])) => Drop(BandwidthExceeded);
        VswA: "an echo whose answer is excess", ping("10.0.1.20:92", "10.0.1.100").payload(&[0; 100]) => Drop(BandwidthExceeded);
        then Step::Change(unlimit);
    }
}
