//! What the path needs of the world around a packet: the tables of one generation, the flows, and
//! somewhere to count. Look-ups never fail, they only find nothing.
//!
//! May import: core, bytemuck, abi, wire, case and parse (the memory a packet needs).

use super::case::{Case, Judged};
use super::parse::Packet;
use crate::abi::Addr;
use crate::abi::event::DropEvent;
use crate::abi::flow::{Direction, FlowEntry, FlowKey, FlowState};
use crate::abi::meta::{Meta, Port};
use crate::abi::policy::PolicySlot;
use crate::abi::service::{Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey};
use crate::wire::Ipv4;

/// Compiled tables. `bank` is [`Meta::bank`]; indexes count within the bank.
pub trait Tables {
    /// The generation in force.
    fn meta(&self) -> Option<Meta>;
    /// The interface, if it is bound.
    fn port(&self, ifindex: u32) -> Option<Port>;
    /// An address this node answers for.
    fn address(&self, key: &AddressKey) -> Option<Address>;
    /// A slot (0 to 15) of a policy node.
    fn policy_slot(&self, bank: u32, node: u32, slot: u8) -> Option<PolicySlot>;
    /// A listener.
    fn listener(&self, key: &ListenerKey) -> Option<Listener>;
    /// Whether the target is behind the listener.
    fn has_target(&self, key: &TargetKey) -> bool;
    /// The backend index in a slot of the Maglev tables.
    fn maglev(&self, bank: u32, slot: u32) -> Option<u32>;
    /// A backend.
    fn backend(&self, bank: u32, index: u32) -> Option<Backend>;
    /// A NAT address.
    fn nat_address(&self, bank: u32, index: u32) -> Option<Addr>;
    /// A next hop (not banked).
    fn hop(&self, index: u32) -> Option<Hop>;
    /// Lends the memory a packet needs while `work` runs, which does not borrow it again. It is too
    /// large for the BPF stack; what it holds before is of no matter.
    fn with_scratch<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> Option<R>;
}

/// A packet on its way. Any bytes are a valid one.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C, align(8))]
pub struct Scratch {
    pub(super) packet: Packet,
    pub(super) key: FlowKey,
    pub(super) reply_key: FlowKey,
    pub(super) case: Case,
}

/// What came of adding a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// It is in.
    Done,
    /// The key is taken; nothing changed.
    Exists,
    /// The table is full (or refused for another reason); nothing changed.
    Full,
}

/// The flow table. `V4` says of which family the key is, as a constant, so that the verifier follows
/// one family at a time.
pub trait Flows {
    /// A handle to an entry.
    type Flow: Flow;
    /// The entry with this key.
    fn flow<const V4: bool>(&self, key: &FlowKey) -> Option<Self::Flow>;
    /// Adds an entry unless its key is taken.
    fn insert<const V4: bool>(&self, key: &FlowKey, entry: &FlowEntry) -> Insert;
    /// Takes an entry back.
    fn remove<const V4: bool>(&self, key: &FlowKey);
}

/// A handle to one flow entry; other CPUs may use the same entry at the same time.
pub trait Flow: Copy {
    /// Its state.
    fn state(&self) -> FlowState;
    /// Source and destination after NAT, of an IPv4 flow.
    fn addresses4(&self) -> Option<[Ipv4; 2]>;
    /// Source and destination after NAT, of an IPv6 flow.
    fn addresses6(&self) -> Option<[Addr; 2]>;
    /// Copies the whole entry.
    fn copy_to(&self, entry: &mut FlowEntry);
    /// Accounts one accepted packet.
    fn record(&self, bytes: u32, tick: u32, tcp_flags: u8);
    /// Notes what `generation` said.
    fn judge(&self, generation: u32, judged: &Judged);
}

/// Where counting goes. Nothing here can fail or change a verdict.
pub trait Account {
    /// One accepted packet of `bytes` IP bytes.
    fn accepted(&self, eni: u16, direction: Direction, bytes: u32);
    /// One dropped packet.
    fn dropped(&self, event: &DropEvent);
}
