//! What an endpoint may use: `Bandwidth`, `FlowLimit` and `IdleTimeouts` of a `VpcEndpoint`.
//!
//! `Bandwidth` is the API's field of an endpoint connection. The API allows no less than 100 Mbit/s;
//! smaller ones do no harm here.
//!
//! May import: std, `model`, `fault`, `fields`, `node`, `scalar`.

use super::fault::Told;
use super::fields::Fields;
use super::scalar;
use crate::model::{EndpointLimits, IdleTimeouts};

/// The most Mbit/s of an endpoint connection in the API.
const MOST_BANDWIDTH: u32 = 50_000;
/// The most flows of a family that a node can be given room for.
const MOST_FLOWS: u32 = 1 << 22;
/// A day.
const LONGEST: u32 = 86_400;

/// Reads the limits of an endpoint.
pub(super) fn read(endpoint: &mut Fields<'_>) -> Result<EndpointLimits, Told> {
    let bandwidth = endpoint.optional("Bandwidth", |node| {
        scalar::integer(node, 1..=MOST_BANDWIDTH)
    });
    let flows = endpoint.optional("FlowLimit", |node| scalar::integer(node, 1..=MOST_FLOWS));
    let idle = endpoint.section("IdleTimeouts", idle_timeouts);
    Ok(EndpointLimits {
        bandwidth: bandwidth?,
        flows: flows?,
        idle: idle?.unwrap_or_default(),
    })
}

fn idle_timeouts(mut fields: Fields<'_>) -> Result<IdleTimeouts, Told> {
    let mut seconds = |name| fields.optional(name, |node| scalar::integer(node, 1..=LONGEST));
    let tcp_established = seconds("TcpEstablished");
    let half_open = seconds("HalfOpen");
    let tcp_closing = seconds("TcpClosing");
    let udp = seconds("Udp");
    let icmp = seconds("Icmp");
    fields.finish();
    Ok(IdleTimeouts {
        tcp_established: tcp_established?,
        half_open: half_open?,
        tcp_closing: tcp_closing?,
        udp: udp?,
        icmp: icmp?,
    })
}
