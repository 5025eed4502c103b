//! The control plane as clients meet it: a daemon in a lab, its API driven by the vendor's SDKs, and killed under
//! changes. Needs root; run by `cargo xtask test control`.

mod asks;
mod calls;
mod cluster;
mod commands;
mod describe;
mod killed;
mod load;
mod metrics;
mod network;
mod node;
mod restarted;
mod scale;
mod sdk;
mod standing;
mod two_nodes;
mod usage;
mod waiting;
