//! Real traffic through a running daemon, between network namespaces: what an endpoint promises,
//! behaviour by behaviour. Needs root; run by `cargo xtask test netns`.
//!
//! Every test builds a lab and starts a daemon of its own. What must happen is awaited with
//! generous limits, so that a loaded machine is no reason to fail; what must not happen is proven
//! by a counter or a capture, not by waiting alone.

mod accounting;
mod asks;
mod audit;
mod backends;
mod capture;
mod commands;
mod dialogue;
mod diff;
mod drain;
mod dual_stack;
mod endpoint;
mod endpoint_policy;
mod explain;
mod flow_log;
mod flow_table;
mod group;
mod health;
mod hooks;
mod interfaces;
mod ipv6;
mod lifecycle;
mod limits;
mod listener;
mod manifest;
mod network_acl;
mod next_hops;
mod own_stack;
mod ping;
mod reach;
mod reload;
mod reverse;
mod scene;
mod spread;
mod stacks;
mod starting;
mod stream;
mod swaps;
mod temporary;
mod tenants;
mod told;
mod vlan;
mod waiting;
mod web;
