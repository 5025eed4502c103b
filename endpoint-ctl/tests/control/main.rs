//! The control plane as clients meet it: a daemon in a lab, its API driven by the vendor's SDKs, and killed under
//! changes. Needs root; run by `cargo xtask test control`.

mod asks;
mod calls;
#[path = "../api/client.rs"]
#[expect(dead_code, reason = "the tests of the API alone use the rest")]
mod client;
mod cluster;
mod commands;
mod describe;
mod keyed;
mod killed;
mod load;
mod malformed;
mod metrics;
mod network;
mod node;
mod restarted;
mod reverse;
mod scale;
mod sdk;
#[path = "../api/signer.rs"]
#[expect(dead_code, reason = "the tests of the API alone use the rest")]
mod signer;
mod standing;
mod two_nodes;
mod usage;
mod waiting;
#[path = "../netns/web.rs"]
#[expect(dead_code, reason = "the tests of the packet path alone use the rest")]
mod web;
mod zones;
