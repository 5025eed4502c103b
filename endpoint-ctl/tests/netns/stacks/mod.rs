//! Real stacks and tools on both sides of an endpoint, by IPv4 and IPv6, at the XDP and at the TC
//! hook: what Linux, curl, iperf3, ping and tracepath make of it. Imports `capture`, `dual_stack`
//! (families), `flow_table` (talk, echo), `scene`, `waiting`, `web`.

mod bandwidth;
mod checksums;
mod datagrams;
mod files;
mod hairpin;
mod killed;
mod node;
mod pmtu;
mod routed;
mod routers;
mod traffic;
