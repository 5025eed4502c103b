//! Questions to the kernel about devices of one network namespace. They block, but not for long:
//! the kernel has answered by the time it has taken the question.
//!
//! May import: rtnetlink's packets, std, the module's own.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use rtnetlink::packet_core::{
    NLM_F_REQUEST, NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{LinkAttribute, LinkInfo, LinkMessage, LinkXdp};
use rtnetlink::packet_route::nsid::{NsidAttribute, NsidMessage};
use rtnetlink::sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};
use rtnetlink::sys::{Socket, SocketAddr};

use super::Device;
use super::genetlink::{self, Question};

/// Sockets in the network namespace that they were opened in.
pub(super) struct Kernel {
    route: Socket,
    generic: Socket,
    /// The numbers of families, as far as the kernel has them.
    ethtool: Option<u16>,
    netdev: Option<u16>,
}

impl Kernel {
    /// Opens sockets in the calling thread's namespace.
    pub(super) fn open() -> io::Result<Self> {
        let mut kernel = Self {
            route: socket(NETLINK_ROUTE)?,
            generic: socket(NETLINK_GENERIC)?,
            ethtool: None,
            netdev: None,
        };
        kernel.ethtool = kernel.family("ethtool");
        kernel.netdev = kernel.family("netdev");
        Ok(kernel)
    }

    fn family(&self, name: &str) -> Option<u16> {
        let answer = self.ask_generic(genetlink::CONTROL, &genetlink::family(name));
        genetlink::family_id(&answer.ok()?)
    }

    /// What there is to see of a device.
    pub(super) fn device(&self, ifindex: u32) -> io::Result<Device> {
        let mut question = LinkMessage::default();
        question.header.index = ifindex;
        let answer = self.ask_route(&RouteNetlinkMessage::GetLink(question))?;
        let RouteNetlinkMessage::NewLink(link) = answer else {
            return Err(io::Error::other("the kernel answered something else"));
        };
        let mut device = Device {
            name: String::new(),
            kind: None,
            mtu: 0,
            peer: None,
            has_xdp: false,
            features: self.features(ifindex),
            xdp_features: self.xdp_features(ifindex),
        };
        let (mut other, mut namespace) = (None, None);
        for attribute in link.attributes {
            match attribute {
                LinkAttribute::IfName(name) => device.name = name,
                LinkAttribute::Mtu(mtu) => device.mtu = mtu,
                LinkAttribute::Link(index) => other = Some(index),
                LinkAttribute::LinkNetNsId(id) => namespace = Some(id),
                LinkAttribute::Xdp(about) => {
                    let attached = |one: &LinkXdp| matches!(one, LinkXdp::ProgId(id) if *id != 0);
                    device.has_xdp = about.iter().any(attached);
                }
                LinkAttribute::LinkInfo(infos) => {
                    device.kind = infos.into_iter().find_map(|info| match info {
                        LinkInfo::Kind(kind) => Some(kind.to_string()),
                        _ => None,
                    });
                }
                _ => {}
            }
        }
        // For other kinds it is what they stand upon.
        if device.kind.as_deref() == Some("veth") {
            device.peer = other.map(|index| (index, namespace));
        }
        Ok(device)
    }

    fn features(&self, ifindex: u32) -> Option<BTreeSet<String>> {
        let answer = self.ask_generic(self.ethtool?, &genetlink::features(ifindex));
        genetlink::active_features(&answer.ok()?)
    }

    fn xdp_features(&self, ifindex: u32) -> Option<u64> {
        let answer = self.ask_generic(self.netdev?, &genetlink::xdp_features(ifindex));
        genetlink::xdp_feature_bits(&answer.ok()?)
    }

    /// The number that our namespace has given to another, if it has.
    pub(super) fn namespace_id(&self, namespace: &File) -> io::Result<Option<i32>> {
        let mut question = NsidMessage::default();
        let fd = namespace.as_raw_fd();
        let fd = u32::try_from(fd).map_err(io::Error::other)?;
        question.attributes.push(NsidAttribute::Fd(fd));
        let answer = self.ask_route(&RouteNetlinkMessage::GetNsId(question))?;
        let RouteNetlinkMessage::NewNsId(told) = answer else {
            return Ok(None);
        };
        let id = |attribute: &NsidAttribute| match attribute {
            NsidAttribute::Id(id) if *id >= 0 => Some(*id),
            _ => None,
        };
        Ok(told.attributes.iter().find_map(id))
    }

    fn ask_route(&self, question: &RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
        let kind = question.message_type();
        let mut payload = vec![0; question.buffer_len()];
        question.serialize(&mut payload);
        let answer = ask(&self.route, kind, &payload)?;
        let read = NetlinkMessage::deserialize(&answer).map_err(io::Error::other)?;
        match read.payload {
            NetlinkPayload::InnerMessage(message) => Ok(message),
            _ => Err(io::Error::other("the kernel answered something else")),
        }
    }

    fn ask_generic(&self, family: u16, question: &Question) -> io::Result<Vec<u8>> {
        let answer = ask(&self.generic, family, question)?;
        let buffer = NetlinkBuffer::new_checked(&answer).map_err(io::Error::other)?;
        Ok(buffer.payload().to_vec())
    }
}

fn socket(protocol: isize) -> io::Result<Socket> {
    let mut socket = Socket::new(protocol)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.set_non_blocking(true)?;
    Ok(socket)
}

/// Asks, and returns the answer with its header.
fn ask(socket: &Socket, kind: u16, payload: &[u8]) -> io::Result<Vec<u8>> {
    const LENGTH: usize = 16;
    let mut header = NetlinkHeader::default();
    header.length = (LENGTH + payload.len()) as u32;
    header.message_type = kind;
    header.flags = NLM_F_REQUEST;
    let mut message = vec![0; LENGTH];
    rtnetlink::packet_core::Emitable::emit(&header, &mut message);
    message.extend(payload);
    socket.send(&message, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let buffer = NetlinkBuffer::new_checked(&answer).map_err(io::Error::other)?;
    if buffer.message_type() != NLMSG_ERROR {
        return Ok(answer);
    }
    let code = buffer.payload().first_chunk().copied();
    let code = code.map_or(0, i32::from_ne_bytes);
    Err(io::Error::from_raw_os_error(-code))
}
