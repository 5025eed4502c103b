//! What links of the node cannot carry, and what nobody serves, is told to its sender in a way that
//! real stacks take: at both hooks, by both families. Imports `dual_stack`, `scene`, `waiting`.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xtask::lab::inside;

use crate::dual_stack::{self, FAMILIES, Family, SERVER_PORT};
use crate::scene::Scene;
use crate::waiting::eventually;

const PATIENCE: Duration = Duration::from_secs(3);

#[test]
fn senders_are_told_at_the_xdp_hook() {
    are_told(&dual_stack::one_vpc_at("xdp"));
}

/// Its senders leave checksums half done. First nobody on the way completes them; then the node's
/// interface does, as a network card would, in what it sends back.
#[test]
fn senders_are_told_at_the_tc_hook_with_checksums_half_done() {
    let scene = dual_stack::one_vpc_at("tc");
    are_told(&scene);
    scene.must("node", &["ethtool", "-K", "vsw-a", "tx", "off"]);
    for family in FAMILIES {
        scene.must("client-a", &["ip", "route", "flush", "cache"]);
        scene.must("client-a", &["ip", "-6", "route", "flush", "cache"]);
        refuses(&scene, family);
        learns_of_servers_link(&scene, family, 1340);
    }
}

/// See the module.
pub(crate) fn are_told(scene: &Scene) {
    for family in FAMILIES {
        refuses(scene, family);
        learns_of_servers_link(scene, family, 1390);
        learns_of_clients_link(scene, family, 1370);
    }
    assert!(scene.dropped("packet-too-big") > 0);
    assert!(scene.dropped("no-backend") > 0);
}

/// A listener without servers says so.
fn refuses(scene: &Scene, family: Family) {
    let told = inside(scene.lab.ns("client-a"), || {
        let deserted = family.deserted();
        let connected = TcpStream::connect_timeout(&deserted, PATIENCE);
        let error = connected.err().context("somebody is there")?;
        ensure!(error.kind() == ErrorKind::ConnectionRefused, "TCP: {error}");
        let socket = talker(deserted)?;
        socket.send(b"is anybody there?")?;
        let error = socket.recv(&mut [0; 64]).err().context("an answer")?;
        ensure!(error.kind() == ErrorKind::ConnectionRefused, "UDP: {error}");
        Ok(())
    });
    told.unwrap_or_else(|error| panic!("{family:?}: {error:#}"));
}

/// The way to the servers becomes narrow: the client hears of it, and what it sends then arrives.
fn learns_of_servers_link(scene: &Scene, family: Family, mtu: u32) {
    set_mtu(scene, "provider", mtu);
    let server = listener(scene);
    let client = inside(scene.lab.ns("client-a"), || talker(family.target()));
    let client = client.expect("a socket");
    let long = vec![7; 1400];
    client
        .send(&long)
        .expect("the client's own link carries it");
    await_mtu(scene, "client-a", family.target().ip(), mtu);
    let error = client.take_error().expect("a socket");
    assert!(error.is_some(), "{family:?}: the socket was not told");
    // Its kernel cuts datagrams up from now on.
    client.send(&long).expect("sent in fragments");
    let (length, _) = server.recv_from(&mut [0; 2000]).expect("it arrives");
    assert_eq!(length, long.len(), "{family:?}");
    set_mtu(scene, "provider", 1500);
}

/// The way to the clients becomes narrow: the server hears of it.
fn learns_of_clients_link(scene: &Scene, family: Family, mtu: u32) {
    set_mtu(scene, "vsw-a", mtu);
    let server = listener(scene);
    let client = inside(scene.lab.ns("client-a"), || talker(family.target()));
    let client = client.expect("a socket");
    client.send(b"short").expect("sent");
    let (_, nat) = server.recv_from(&mut [0; 64]).expect("it arrives");
    let long = vec![7; 1400];
    server.send_to(&long, nat).expect("the server's own link");
    await_mtu(scene, "b1", nat.ip().to_canonical(), mtu);
    server.send_to(&long, nat).expect("sent in fragments");
    let length = client.recv(&mut [0; 2000]).expect("it arrives");
    assert_eq!(length, long.len(), "{family:?}");
    set_mtu(scene, "vsw-a", 1500);
}

/// A datagram socket on the server.
fn listener(scene: &Scene) -> UdpSocket {
    let socket = inside(scene.lab.ns("b1"), || {
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, SERVER_PORT))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    });
    socket.expect("the port is free")
}

/// A datagram socket that talks to one address.
fn talker(to: SocketAddr) -> Result<UdpSocket> {
    let any: IpAddr = if to.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(to)?;
    Ok(socket)
}

/// Narrows one of the node's links, and waits until the daemon knows.
fn set_mtu(scene: &Scene, device: &str, mtu: u32) {
    let number = mtu.to_string();
    scene.must("node", &["ip", "link", "set", device, "mtu", &number]);
    eventually("the MTU is noticed", || {
        let status = scene.status();
        let rows = status["interfaces"].as_array().expect("interfaces");
        let noticed = rows
            .iter()
            .any(|row| row["interface"] == device && row["mtu"] == mtu);
        noticed.then_some(()).ok_or_else(|| status.to_string())
    });
}

/// Waits until a host knows how long packets to an address may be.
fn await_mtu(scene: &Scene, role: &str, to: IpAddr, mtu: u32) {
    let (to, wanted) = (to.to_string(), format!("mtu {mtu} "));
    eventually("the sender knows the MTU", || {
        let route = scene.must(role, &["ip", "route", "get", &to]);
        if route.stdout.contains(&wanted) {
            return Ok(());
        }
        Err(route.to_string())
    });
}
