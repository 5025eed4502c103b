//! SYNs from sources that are not there, as many as go through. Imports `dual_stack`, `scene`.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use endpoint_common::wire::checksum;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, connect, socket,
};
use xtask::lab::inside;

use crate::dual_stack::{CLIENT_ADDRESSES, Family, in_vswitch};
use crate::scene::Scene;

const TCP: usize = 20;

/// A sender in client A's namespace.
pub(super) struct Flood {
    family: Family,
    target: SocketAddr,
    /// A raw socket, connected to the target. Its headers are ours.
    socket: UdpSocket,
    random: fastrand::Rng,
}

impl Flood {
    #[track_caller]
    pub(super) fn new(scene: &Scene, family: Family, seed: u64) -> Self {
        let target = family.target();
        let raw = match family {
            Family::V4 => AddressFamily::Inet,
            Family::V6 => AddressFamily::Inet6,
        };
        let opened = inside(scene.lab.ns("client-a"), || {
            let raw = socket(raw, SockType::Raw, SockFlag::empty(), SockProtocol::Raw)?;
            // Ports mean nothing to it.
            let to = SockaddrStorage::from(SocketAddr::new(target.ip(), 0));
            connect(raw.as_raw_fd(), &to)?;
            Ok(UdpSocket::from(raw))
        });
        Self {
            family,
            target,
            socket: opened.expect("root has raw sockets"),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Sends so many; how many the kernel took.
    pub(super) fn send(&mut self, count: u64) -> u64 {
        let mut taken = 0;
        for _ in 0..count {
            let sent = match self.family {
                Family::V4 => self.syn4(),
                Family::V6 => self.syn6(),
            };
            taken += u64::from(sent);
        }
        taken
    }

    fn syn4(&mut self) -> bool {
        let SocketAddr::V4(target) = self.target else {
            return false;
        };
        // Neither the network's own address, a client's, the endpoint's, nor broadcast.
        let host = self.random.u8(CLIENT_ADDRESSES + 10..255);
        let host = if host == 100 { 101 } else { host };
        let mut packet = [0; 20 + TCP];
        // The kernel fills in the header's checksum, length and id.
        packet[..10].copy_from_slice(&[0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6]);
        packet[12..16].copy_from_slice(&Ipv4Addr::new(10, 0, 1, host).octets());
        packet[16..20].copy_from_slice(&target.ip().octets());
        self.fill_tcp(&mut packet[12..], target.port());
        self.socket.send(&packet).is_ok()
    }

    fn syn6(&mut self) -> bool {
        let SocketAddr::V6(target) = self.target else {
            return false;
        };
        let src = in_vswitch(self.random.u64(..) | 1 << 63);
        let mut packet = [0; 40 + TCP];
        packet[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, TCP as u8, 6, 64]);
        packet[8..24].copy_from_slice(&src.octets());
        packet[24..40].copy_from_slice(&target.ip().octets());
        self.fill_tcp(&mut packet[8..], target.port());
        self.socket.send(&packet).is_ok()
    }

    /// Makes what follows both addresses a SYN from any port, with its checksum.
    fn fill_tcp(&mut self, addresses_and_tcp: &mut [u8], port: u16) {
        let at = addresses_and_tcp.len() - TCP;
        let tcp = &mut addresses_and_tcp[at..];
        tcp[..2].copy_from_slice(&self.random.u16(1024..).to_be_bytes());
        tcp[2..4].copy_from_slice(&port.to_be_bytes());
        tcp[4..8].copy_from_slice(&self.random.u32(..).to_be_bytes());
        // Five words of header, SYN, and a window.
        tcp[12..16].copy_from_slice(&[0x50, 2, 0xff, 0xff]);
        // The rest of the pseudo-header: protocol and length.
        let check = checksum::whole(addresses_and_tcp, 6 + TCP as u32);
        addresses_and_tcp[at + 16..at + 18].copy_from_slice(&check);
    }
}
