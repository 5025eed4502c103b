//! Rows: what is told to the sender of a packet that is refused, and the segment size that is lowered
//! so that it need not be.
//!
//! May import: endpoint-common, endpoint-ctl (dataplane rows), packet, packet6, the table's own.

use super::Expect::{Drop, Tells, To, ToWith};
use super::Step;
use super::told::Told::{PortUnreachable, Reset, TooBig};
use crate::packet::{ACK, SYN, tcp, udp};
use crate::packet6::{tcp6, udp6};
use crate::world::Leg::{ProviderA, VswA};
use crate::world::World;
use endpoint_common::abi::reason::DropReason::{NoBackend, PacketTooBig};

const ENI: &str = "2001:db8:0:1::100";
const BACKENDS: [&str; 6] = [
    "10.0.1.10",
    "10.0.1.20",
    "10.0.1.21",
    "2001:db8:1::10",
    "2001:db8:1::11",
    "2001:db8:1::20",
];

pub(super) fn steps() -> Vec<Step> {
    [too_big(), too_big6(), segment_size(), rejected()]
        .into_iter()
        .flatten()
        .collect()
}

/// The backends are behind a narrow link.
fn narrow(world: &mut World, mtu: u32) {
    for backend in BACKENDS {
        let row = world.hop_to("pnet-a", backend);
        world.change_hop(row, |hop| hop.mtu = mtu);
    }
}

/// Clients are behind a narrow link.
fn narrow_clients(world: &mut World, mtu: u32) {
    let row = world.hop_to_clients("vsw-a");
    world.change_hop(row, |hop| hop.mtu = mtu);
}

fn too_big() -> Vec<Step> {
    let web = || tcp("10.0.1.20:50100", "10.0.1.100:81");
    let dns = || udp("10.0.1.20:50100", "10.0.1.100:53");
    let first = |id: u16| dns().source_port(id).fragment(0x2000);
    rows! {
        VswA: "a connection through a narrow link", web().syn() => To(ProviderA);
        then Step::Change(|world| narrow(world, 100));
        VswA: "as long as the MTU", web().payload(&[7; 60]) => To(ProviderA);
        VswA: "longer by a byte", web().payload(&[7; 61]) => Tells(PacketTooBig, TooBig(100));
        VswA: "much longer", web().payload(&[7; 1400]) => Tells(PacketTooBig, TooBig(100));
        VswA: "longer, with IP options", web().options(&[1; 8]).payload(&[7; 61]) => Tells(PacketTooBig, TooBig(100));
        VswA: "longer, and may be fragmented", web().fragment(0).payload(&[7; 61]) => Tells(PacketTooBig, TooBig(100));
        VswA: "a new flow with a long datagram", dns().payload(&[7; 800]) => Tells(PacketTooBig, TooBig(100));
        VswA: "a long first fragment", first(50101).payload(&[7; 800]) => Tells(PacketTooBig, TooBig(100));
        VswA: "a short first fragment", first(50102) => To(ProviderA);
        VswA: "a long later fragment", first(50102).fragment(0x0003).payload(&[7; 800]) => Drop(PacketTooBig);
        then Step::Change(|world| narrow(world, 70_000));
        VswA: "the link is wide again", web().payload(&[7; 1400]) => To(ProviderA);
        then Step::Change(|world| narrow_clients(world, 100));
        ProviderA: "a long answer", super::answer("the link is wide again", |p| p.payload(&[7; 600])) => Tells(PacketTooBig, TooBig(100));
        then Step::Change(|world| narrow_clients(world, 1500));
        ProviderA: "the same when it fits", super::answer("the link is wide again", |p| p.payload(&[7; 600])) => To(VswA);
    }
}

fn too_big6() -> Vec<Step> {
    let web = || tcp6("[2001:db8:0:1::20]:50110", &format!("[{ENI}]:80"), ACK);
    let dns = || udp6("[2001:db8:0:1::20]:50110", &format!("[{ENI}]:53"));
    rows! {
        VswA: "an IPv6 connection through a narrow link", tcp6("[2001:db8:0:1::20]:50110", &format!("[{ENI}]:80"), SYN) => To(ProviderA);
        then Step::Change(|world| narrow(world, 1280));
        VswA: "IPv6 as long as the MTU", web().payload(&[7; 1220]) => To(ProviderA);
        VswA: "IPv6 longer by a byte", web().payload(&[7; 1221]) => Tells(PacketTooBig, TooBig(1280));
        VswA: "IPv6 much longer", web().payload(&[7; 1440]) => Tells(PacketTooBig, TooBig(1280));
        VswA: "IPv6, a new flow with a long datagram", dns().payload(&[7; 1300]) => Tells(PacketTooBig, TooBig(1280));
        then Step::Change(|world| narrow(world, 1500));
    }
}

fn segment_size() -> Vec<Step> {
    let web = |port, options: &[u8]| {
        let words = 5 + options.len() as u8 / 4;
        tcp("10.0.1.20:1", "10.0.1.100:81")
            .source_port(port)
            .offset(words)
            .payload(options)
    };
    let web6 = |port| {
        let source = format!("[2001:db8:0:1::20]:{port}");
        tcp6(&source, &format!("[{ENI}]:80"), SYN).options(&[2, 4, 0xff, 0xff])
    };
    rows! {
        then Step::Change(|world| { narrow(world, 1400); narrow_clients(world, 1380) });
        VswA: "MSS above what both links carry", web(50120, &[2, 4, 0x05, 0xb4]) => ToWith(ProviderA, &[2, 4, 0x05, 0x3c]);
        VswA: "MSS below", web(50121, &[2, 4, 0x05, 0x00]) => ToWith(ProviderA, &[2, 4, 0x05, 0x00]);
        VswA: "MSS across words", web(50122, &[1, 2, 4, 0xff, 0xff, 8, 2, 0]) => ToWith(ProviderA, &[1, 2, 4, 0x05, 0x3c, 8, 2, 0]);
        VswA: "MSS behind others", web(50123, &[8, 3, 0, 1, 2, 4, 0x05, 0xb4]) => ToWith(ProviderA, &[8, 3, 0, 1, 2, 4, 0x05, 0x3c]);
        VswA: "MSS behind the end", web(50124, &[0, 2, 4, 0x05, 0xb4, 0, 0, 0]) => ToWith(ProviderA, &[0, 2, 4, 0x05, 0xb4, 0, 0, 0]);
        VswA: "an option without a length", web(50125, &[8, 0, 2, 4, 0x05, 0xb4, 0, 0]) => ToWith(ProviderA, &[8, 0, 2, 4, 0x05, 0xb4, 0, 0]);
        VswA: "MSS cut short", web(50126, &[1, 1, 1, 2]).payload(&[1, 1, 1, 2, 4, 0x05, 0xb4]) => ToWith(ProviderA, &[1, 1, 1, 2, 4, 0x05, 0xb4]);
        VswA: "no SYN, no MSS", web(50120, &[2, 4, 0x05, 0xb4]).tcp_header(ACK, 6) => ToWith(ProviderA, &[2, 4, 0x05, 0xb4]);
        ProviderA: "MSS of an answer", super::answer("MSS below", |p| p.tcp_header(SYN | ACK, 6).payload(&[2, 4, 0x05, 0xb4])) => ToWith(VswA, &[2, 4, 0x05, 0x3c]);
        VswA: "MSS over IPv6", web6(50127) => ToWith(ProviderA, &[2, 4, 0x05, 0x28]);
        then Step::Change(|world| { narrow(world, 70_000); narrow_clients(world, 70_000) });
        VswA: "MSS of wide links", web(50128, &[2, 4, 0xff, 0xff]) => ToWith(ProviderA, &[2, 4, 0xff, 0xff]);
        then Step::Change(|world| { narrow(world, 1500); narrow_clients(world, 20) });
        VswA: "MSS of a link that carries nothing", web(50129, &[2, 4, 0x05, 0xb4]) => ToWith(ProviderA, &[2, 4, 0, 0]);
        then Step::Change(|world| narrow_clients(world, 1500));
    }
}

/// Listeners without servers that are to say so.
fn rejected() -> Vec<Step> {
    let web = |from: &str| tcp(from, "10.0.1.100:88").syn();
    let dns = || udp("10.0.1.20:50130", "10.0.1.100:54");
    let (client, eni) = ("[2001:db8:0:1::20]:50130", format!("[{ENI}]:88"));
    rows! {
        VswA: "TCP to nobody", web("10.0.1.20:50130") => Tells(NoBackend, Reset);
        VswA: "TCP to nobody, with data", web("10.0.1.20:50130").payload(&[7; 301]) => Tells(NoBackend, Reset);
        VswA: "TCP to nobody, without any", web("10.0.1.20:50130").payload(&[]) => Tells(NoBackend, Reset);
        VswA: "TCP to nobody, with IP options", web("10.0.1.20:50130").options(&[1; 4]) => Drop(NoBackend);
        VswA: "TCP to nobody, and answers are denied", web("10.0.9.5:1500") => Drop(NoBackend);
        VswA: "UDP to nobody", dns() => Tells(NoBackend, PortUnreachable);
        VswA: "UDP to nobody, with IP options", dns().options(&[1; 40]) => Tells(NoBackend, PortUnreachable);
        VswA: "UDP to nobody, a first fragment", dns().fragment(0x2000) => Tells(NoBackend, PortUnreachable);
        VswA: "IPv6 TCP to nobody", tcp6(client, &eni, SYN) => Tells(NoBackend, Reset);
        VswA: "IPv6 TCP to nobody, with an extension header", tcp6(client, &eni, SYN).extension(60, &[0, 1, 4, 0, 0, 0, 0]) => Drop(NoBackend);
        VswA: "IPv6 UDP to nobody", udp6(client, &format!("[{ENI}]:54")) => Tells(NoBackend, PortUnreachable);
    }
}
