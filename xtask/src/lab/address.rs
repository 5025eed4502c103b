//! The addresses of the standard lab; `examples/lab.yaml` uses the same.
//! Imports nothing.
//!
//! Consumer and provider both use 10.0.0.0/16. The clients' route covers their
//! own /24 only, so they have no way to the backends' addresses.

/// The network of both sides.
pub const NETWORK: &str = "10.0.0.0/16";
/// The first vSwitch, zone lab-a.
pub const VSWITCH_A: &str = "10.0.1.0/24";
/// The second vSwitch, zone lab-b, if the spec has it.
pub const VSWITCH_B: &str = "10.0.2.0/24";
/// Client A, in the first vSwitch.
pub const CLIENT_A: &str = "10.0.1.10";
/// Client B, in the first vSwitch.
pub const CLIENT_B: &str = "10.0.1.11";
/// Client C, in the second vSwitch.
pub const CLIENT_C: &str = "10.0.2.10";
/// A client of the same VPC that comes through the router.
pub const CLIENT_R: &str = "10.0.9.10";
/// The router's side in the first vSwitch.
pub const ROUTER: &str = "10.0.1.1";
/// The router's side toward its client.
pub const ROUTER_FAR: &str = "10.0.9.1";
/// The endpoint's address in the first vSwitch.
pub const ENI_A: &str = "10.0.1.100";
/// The endpoint's address in the second vSwitch.
pub const ENI_B: &str = "10.0.2.100";
/// The node's own address in the provider network.
pub const NODE: &str = "10.0.50.250";
/// Sources that backends see.
pub const NAT: [&str; 2] = ["10.0.50.200", "10.0.50.201"];
/// The backends b1, b2, b3.
pub const BACKENDS: [&str; 3] = ["10.0.50.11", "10.0.50.12", "10.0.50.13"];
/// Backend b1 answers here as well: exactly client A's address.
pub const BACKEND_TWIN: &str = CLIENT_A;
