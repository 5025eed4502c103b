//! Notifications: the kernel tells of changes by itself, into a socket buffer of bounded size. What
//! does not fit is lost, and that it was is told.
//!
//! May import: rtnetlink, std, the module's own.

use std::io;

use rtnetlink::MulticastGroup;
use rtnetlink::sys::{AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket, protocols};

use super::decode;
use super::{Change, NetlinkError};

/// All that next hops hang on. Addresses, rules and next hop objects change routes without a
/// message about these.
const GROUPS: [MulticastGroup; 9] = [
    MulticastGroup::Link,
    MulticastGroup::Neigh,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv4Rule,
    MulticastGroup::Ipv6Rule,
    MulticastGroup::Nexthop,
];

/// The longest datagram the kernel sends (since Linux 4.9), with room to spare.
const DATAGRAM: usize = 64 * 1024;
/// How much is taken at once before it is acted upon.
const BATCH: usize = 1_024;

/// A subscription to changes, in the network namespace it was opened in.
pub struct Watch {
    socket: TokioSocket,
    buffer: Vec<u8>,
}

impl Watch {
    /// Subscribes; must be called on a tokio runtime. Whoever wants a whole picture subscribes
    /// first and asks for the state then, so that nothing falls in between.
    ///
    /// # Errors
    /// No socket could be had.
    pub fn open() -> Result<Self, NetlinkError> {
        let mut socket = TokioSocket::new(protocols::NETLINK_ROUTE)?;
        socket.socket_mut().bind(&SocketAddr::new(0, 0))?;
        for group in GROUPS {
            socket.socket_mut().add_membership(group as u32)?;
        }
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(DATAGRAM),
        })
    }

    /// Waits for changes and returns all that are there, oldest first. Nothing is lost if the wait
    /// is given up.
    ///
    /// # Errors
    /// The socket is broken: open another.
    pub async fn changes(&mut self) -> Result<Vec<Change>, NetlinkError> {
        self.buffer.clear();
        let mut changes = Vec::new();
        let mut received = self.socket.recv_from(&mut self.buffer).await;
        loop {
            match received {
                // Only the kernel's word counts.
                Ok(from) if from.port_number() == 0 => {
                    changes.extend(decode::changes(&self.buffer));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(changes),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    changes.push(Change::Overrun);
                }
                Err(error) => return Err(error.into()),
            }
            if changes.len() >= BATCH {
                return Ok(changes);
            }
            self.buffer.clear();
            let socket = self.socket.socket_ref();
            received = socket.recv_from(&mut self.buffer, 0).map(|(_, from)| from);
        }
    }
}
