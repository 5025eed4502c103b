//! What an endpoint may use.

use endpoint_ctl::model::{EndpointId, EndpointLimits, IdleTimeouts};

use super::{lab, loaded, refused};

/// The lab with these lines in its endpoint.
fn with(lines: &str) -> String {
    let begin = "kind: VpcEndpoint\n";
    let lab = lab();
    assert_eq!(lab.matches(begin).count(), 1);
    lab.replace(begin, &format!("{begin}{lines}\n"))
}

fn limits(text: &str) -> EndpointLimits {
    let model = loaded(text);
    model.endpoints[&EndpointId::new("ep-web")].limits
}

#[test]
fn an_endpoint_that_says_nothing_is_not_limited() {
    assert_eq!(limits(&lab()), EndpointLimits::default());
}

#[test]
fn limits_are_read_each_for_itself() {
    let text = with(
        "Bandwidth: \"3072\"\nFlowLimit: 10000\n\
         IdleTimeouts: { TcpEstablished: 1, HalfOpen: 2, TcpClosing: 3, Udp: 4, Icmp: 86400 }",
    );
    let all = EndpointLimits {
        bandwidth: Some(3072),
        flows: Some(10_000),
        idle: IdleTimeouts {
            tcp_established: Some(1),
            half_open: Some(2),
            tcp_closing: Some(3),
            udp: Some(4),
            icmp: Some(86_400),
        },
    };
    assert_eq!(limits(&text), all);
    let one = limits(&with("IdleTimeouts: { Udp: 4 }"));
    assert_eq!(
        (one.bandwidth, one.flows, one.idle.udp),
        (None, None, Some(4))
    );
    assert_eq!(one.idle.tcp_established, None);
}

#[test]
fn a_bandwidth_is_a_limit_unless_the_document_says_otherwise() {
    use endpoint_ctl::model::TrafficControlMode::{BandwidthLimit, Scalability};
    for (lines, mode, limit) in [
        ("", Scalability, None),
        ("Bandwidth: 50", BandwidthLimit, Some(50)),
        (
            "Bandwidth: 50\nTrafficControlMode: Scalability",
            Scalability,
            None,
        ),
        (
            "TrafficControlMode: BandwidthLimit",
            BandwidthLimit,
            Some(3072),
        ),
    ] {
        let model = loaded(&with(lines));
        let endpoint = &model.endpoints[&EndpointId::new("ep-web")];
        assert_eq!(endpoint.connection.traffic_control, mode, "{lines}");
        assert_eq!(model.bandwidth_limit(endpoint), limit, "{lines}");
    }
}

#[test]
fn what_is_out_of_bounds_is_refused_with_the_bounds() {
    let text = with(
        "Bandwidth: 50001\nFlowLimit: 0\n\
         IdleTimeouts: { TcpEstablished: 0, Udp: 86401, Idle: 3 }",
    );
    let faults = refused(&text).faults;
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 5, "{told:#?}");
    for (told, [field, mend]) in told.iter().zip([
        ["Bandwidth: 50001", "from 1 to 50000"],
        ["FlowLimit: 0", "from 1 to 4194304"],
        ["IdleTimeouts.TcpEstablished: 0", "from 1 to 86400"],
        ["IdleTimeouts.Udp: 86401", "from 1 to 86400"],
        [
            "IdleTimeouts.Idle: unknown field",
            "known here: TcpEstablished",
        ],
    ]) {
        assert!(told.contains(field) && told.contains(mend), "{told}");
    }
}
