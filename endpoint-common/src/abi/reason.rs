//! Why packets are dropped: the one list behind counters, flow logs, metrics and documents.
//!
//! Append only: numbers are never reused. Each line names the layer that decided.
//!
//! May import: core.

macro_rules! drop_reasons {
    ($($number:literal $name:ident $text:literal $layer:literal $doc:literal;)+) => {
        /// Why a packet was dropped.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DropReason {
            $(#[doc = $doc] $name = $number,)+
        }

        impl DropReason {
            /// Every reason, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The reason with this number. 0 is "not dropped".
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Its name in flow logs and metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The layer that decided.
            #[must_use]
            pub fn layer(self) -> &'static str {
                match self { $(Self::$name => $layer,)+ }
            }

            /// What it means, for users.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)+ }
            }
        }
    };
}

drop_reasons! {
    1 AclIngress "acl-ingress" "network-acl" "The vSwitch's network ACL denies it inbound.";
    2 AclEgress "acl-egress" "network-acl" "The vSwitch's network ACL denies it outbound.";
    3 GroupIngress "group-ingress" "security-group" "The endpoint's security groups deny it inbound.";
    4 GroupEgress "group-egress" "security-group" "The endpoint's security groups deny the way to the backend.";
    5 NoListener "no-listener" "service" "The service listens on no such protocol and port.";
    6 NoBackend "no-backend" "service" "The listener has no backend that takes new flows.";
    7 BackendRemoved "backend-removed" "service" "The flow's backend is no longer behind the listener.";
    8 EndpointGone "endpoint-gone" "service" "The flow's endpoint was deleted.";
    9 NatExhausted "nat-exhausted" "nat" "No free NAT port was found toward the backend.";
    10 FlowTableFull "flow-table-full" "flow-table" "The flow table is full; existing flows live on.";
    11 NoFlow "no-flow" "flow-table" "Nothing was sent that this could be an answer to.";
    12 TcpNotSyn "tcp-not-syn" "flow-table" "A TCP packet of no known connection that does not open one.";
    13 NextHopUnresolved "next-hop-unresolved" "forward" "The next hop's MAC address is not known (yet).";
    14 TtlExpired "ttl-expired" "forward" "The packet's time to live is used up.";
    15 Malformed "malformed" "parse" "A header contradicts itself or the frame.";
    16 Truncated "truncated" "parse" "The frame ends before the packet does.";
    17 Fragment "fragment" "parse" "A fragment that ends before, or lies over, the header that rules look at.";
    18 ProtocolUnsupported "protocol-unsupported" "parse" "A protocol that endpoints do not carry.";
    19 IcmpUnsupported "icmp-unsupported" "parse" "An ICMP message that is neither an echo request nor an error about a packet.";
    20 MartianSource "martian-source" "parse" "A source address that no host may send from.";
    21 NotUnicast "not-unicast" "parse" "Sent to the ENI's address by link-level broadcast or multicast.";
    22 TableMissing "table-missing" "internal" "A table entry that must exist does not: please report it.";
    23 ExtensionHeaders "extension-headers" "parse" "IPv6 extension headers beyond what is looked through, or that route.";
    24 FlowShareFull "flow-share-full" "flow-table" "The endpoint has as many flows as it may have; existing ones live on.";
    25 FlowChanged "flow-changed" "flow-table" "The flow ended or gave way while the packet was under way.";
    26 IcmpUnrelated "icmp-unrelated" "flow-table" "An ICMP error about no packet that was sent through here.";
    27 FragmentUnknown "fragment-unknown" "flow-table" "A later fragment of a datagram whose first one was not let through (yet).";
    28 BandwidthExceeded "bandwidth-exceeded" "limits" "The endpoint carries as much as its Bandwidth allows, this way.";
    29 PacketTooBig "packet-too-big" "forward" "Longer than the next hop's MTU; its sender is told by ICMP, unless it is a later fragment.";
    30 EndpointPolicy "endpoint-policy" "endpoint-policy" "The endpoint's policy denies it to the client.";
}

#[cfg(test)]
mod tests {
    use super::DropReason;

    #[test]
    fn numbers_are_dense_and_names_unique() {
        for (place, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place + 1, "{}", reason.name());
            assert_eq!(DropReason::from_number(*reason as u8), Some(*reason));
            assert!(
                DropReason::ALL
                    .iter()
                    .filter(|other| other.name() == reason.name())
                    .count()
                    == 1
            );
        }
        assert_eq!(DropReason::from_number(0), None);
    }
}
