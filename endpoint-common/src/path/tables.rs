//! What the path needs of the world around a packet: the tables of one generation, and somewhere to
//! count. Look-ups never fail, they only find nothing.
//!
//! May import: core, abi, context, question.

use core::ops::DerefMut;

use super::context::Scratch;
use super::question::{Peer, PolicyKey};
use crate::abi::Addr;
use crate::abi::counter::DropKey;
use crate::abi::event::DropEvent;
use crate::abi::flow::Direction;
use crate::abi::fragment::{FragmentKey, FragmentPorts};
use crate::abi::meta::{Meta, Port, Tags};
use crate::abi::policy::{PolicySet, PolicySkip, PolicySlot, RuleWord};
use crate::abi::service::{Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey};

/// Compiled tables. `bank` is [`Meta::bank`]; indexes count within the bank.
pub trait Tables {
    /// A borrowed [`Scratch`].
    type Scratch<'a>: DerefMut<Target = Scratch>
    where
        Self: 'a;

    /// The generation in force.
    fn meta(&self) -> Option<Meta>;
    /// The interface, or the VLAN of it that frames with these tags are of, if it is bound.
    fn port(&self, ifindex: u32, tags: Tags) -> Option<Port>;
    /// An address this node answers for.
    fn address(&self, key: &AddressKey) -> Option<Address>;
    /// The rule of a rule set that decides: [`classify`](super::classify). Whoever has the tables knows
    /// how to call it.
    fn classify(&self, bank: u32, root: u32, peer: Peer, key: PolicyKey) -> RuleWord;
    /// A slot (0 to 15) of a policy node.
    fn policy_slot(&self, bank: u32, node: u32, slot: u8) -> Option<PolicySlot>;
    /// A way without branches through an address trie.
    fn policy_skip(&self, bank: u32, row: u32) -> Option<&PolicySkip>;
    /// The rules of a prefix.
    fn policy_set(&self, bank: u32, row: u32) -> Option<&PolicySet>;
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
    /// What the first fragment of a datagram left.
    fn fragment(&self, key: &FragmentKey) -> Option<FragmentPorts>;
    /// Leaves it; an old datagram's may be lost for it.
    fn remember(&self, key: &FragmentKey, ports: &FragmentPorts);
    /// How long later fragments may follow the first.
    fn fragment_ticks(&self) -> u32;
    /// The memory a packet needs, which is too large for the BPF stack. It stays as it is from one leg
    /// of a packet's way to the next; nobody borrows it twice at a time.
    fn scratch(&self) -> Option<Self::Scratch<'_>>;
}

/// Where counting goes. Nothing here can fail or change a verdict.
pub trait Account {
    /// One accepted packet of `bytes` IP bytes.
    fn accepted(&self, eni: u16, direction: Direction, bytes: u32);
    /// One dropped packet of `bytes` IP bytes, by this rule or, if that is 0, by none; whether it is told
    /// as well ([`super::tell`]).
    fn dropped(&self, what: DropKey, rule: u32, bytes: u32, tick: u32) -> bool;
    /// One packet that audit mode let pass; whether it is told, if it can be.
    fn audited(&self, eni: u16, bytes: u32, tick: u32, can_be_told: bool) -> bool;
    /// Tells of a packet that was dropped, or that audit mode let pass, or counts it as untold.
    fn tell(&self, event: &DropEvent);
}
