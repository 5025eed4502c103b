//! Health checks, draining and what meets no backend, at a listener.

use std::time::Duration;

use endpoint_ctl::model::{
    HealthCheck, HealthCheckKind, HttpCheck, HttpMethod, Listener, LoadBalancerId, OnNoBackend,
};

use super::{example, lab, loaded, refused};

/// The lab's listener with these lines in it; `protocol` is TCP or UDP.
fn with(protocol: &str, lines: &[&str]) -> String {
    let begin = "  - ListenerProtocol: TCP\n";
    let mut text = format!("  - ListenerProtocol: {protocol}\n");
    text.extend(lines.iter().map(|line| format!("    {line}\n")));
    let lab = lab();
    assert!(lab.contains(begin));
    lab.replace(begin, &text)
}

fn listener(text: &str) -> Listener {
    let mut model = loaded(text);
    let balancer = model.load_balancers.remove(&LoadBalancerId::new("nlb-web"));
    balancer.expect("a load balancer").listeners.remove(0)
}

fn check(protocol: &str, lines: &[&str]) -> Option<HealthCheck> {
    listener(&with(protocol, lines)).health_check
}

fn by_default() -> HealthCheck {
    HealthCheck {
        kind: HealthCheckKind::Tcp,
        connect_port: None,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
        connect_timeout: Duration::from_secs(5),
        interval: Duration::from_secs(10),
    }
}

#[test]
fn a_listener_that_says_nothing_is_as_in_the_api() {
    let listener = listener(&lab());
    assert_eq!(listener.health_check, Some(by_default()));
    assert_eq!(listener.connection_drain_timeout, None);
    assert_eq!(listener.on_no_backend, OnNoBackend::Drop);
    assert!(listener.servers.iter().all(|server| !server.drain));
}

#[test]
fn health_checks_can_be_switched_off() {
    let off = ["HealthCheckConfig: { HealthCheckEnabled: false }"];
    assert_eq!(check("TCP", &off), None);
    let off = ["HealthCheckConfig: { HealthCheckEnabled: \"False\", HealthCheckType: HTTP }"];
    assert_eq!(check("UDP", &off), None);
}

#[test]
fn a_udp_listener_is_probed_at_a_tcp_port_that_is_named() {
    assert_eq!(check("UDP", &[]), None);
    let named = check(
        "UDP",
        &["HealthCheckConfig: { HealthCheckConnectPort: 8053 }"],
    );
    let wanted = HealthCheck {
        connect_port: Some(8053),
        ..by_default()
    };
    assert_eq!(named, Some(wanted));
    let errors = refused(&with(
        "UDP",
        &["HealthCheckConfig: { HealthCheckInterval: 5 }"],
    ));
    assert!(
        errors.to_string().contains("a UDP port cannot be probed"),
        "{errors}"
    );
}

#[test]
fn every_field_of_a_health_check_is_read() {
    let read = check(
        "TCP",
        &[
            "HealthCheckConfig:",
            "  HealthCheckEnabled: true",
            "  HealthCheckType: http",
            "  HealthCheckConnectPort: \"8081\"",
            "  HealthyThreshold: 3",
            "  UnhealthyThreshold: 10",
            "  HealthCheckConnectTimeout: 300",
            "  HealthCheckInterval: 50",
            "  HealthCheckUrl: /health?deep=1",
            "  HealthCheckDomain: health.example",
            "  HttpCheckMethod: HEAD",
            "  HealthCheckHttpCode: [http_3xx, http_2xx]",
        ],
    );
    let http = HttpCheck {
        method: HttpMethod::Head,
        url: "/health?deep=1".to_owned(),
        domain: Some("health.example".to_owned()),
        code_classes: vec![2, 3],
    };
    let wanted = HealthCheck {
        kind: HealthCheckKind::Http(http),
        connect_port: Some(8081),
        healthy_threshold: 3,
        unhealthy_threshold: 10,
        connect_timeout: Duration::from_mins(5),
        interval: Duration::from_secs(50),
    };
    assert_eq!(read, Some(wanted));
}

#[test]
fn an_http_check_asks_for_the_root_at_the_servers_address_by_default() {
    let http = HttpCheck {
        method: HttpMethod::Get,
        url: "/".to_owned(),
        domain: None,
        code_classes: vec![2],
    };
    let wanted = HealthCheck {
        kind: HealthCheckKind::Http(http),
        ..by_default()
    };
    for config in [
        "{ HealthCheckType: HTTP }",
        "{ HealthCheckType: HTTP, HealthCheckDomain: $SERVER_IP, HealthCheckHttpCode: [] }",
    ] {
        let read = check("TCP", &[&format!("HealthCheckConfig: {config}")]);
        assert_eq!(read.as_ref(), Some(&wanted), "{config}");
    }
}

#[test]
fn draining_has_a_timeout_once_it_is_enabled() {
    let timeout = |lines: &[&str]| listener(&with("TCP", lines)).connection_drain_timeout;
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(timeout(&["ConnectionDrainEnabled: true"]), seconds(300));
    let both = ["ConnectionDrainEnabled: true", "ConnectionDrainTimeout: 10"];
    assert_eq!(timeout(&both), seconds(10));
    assert_eq!(timeout(&["ConnectionDrainTimeout: 900"]), None);
}

#[test]
fn a_server_can_be_told_to_drain() {
    let drain = |text: String| text.replace("Weight: 50", "Weight: 50, Drain: true");
    let listener = listener(&drain(with("TCP", &["ConnectionDrainEnabled: true"])));
    let drains: Vec<_> = listener.servers.iter().map(|server| server.drain).collect();
    assert_eq!(drains, [false, false, true]);
    let errors = refused(&drain(lab()));
    assert!(
        errors
            .to_string()
            .contains("Servers[2].Drain: the listener has no ConnectionDrainEnabled"),
        "{errors}"
    );
}

#[test]
fn a_listener_can_reject_what_no_backend_takes() {
    let read =
        |word: &str| listener(&with("TCP", &[&format!("OnNoBackend: {word}")])).on_no_backend;
    assert_eq!(read("reject"), OnNoBackend::Reject);
    assert_eq!(read("drop"), OnNoBackend::Drop);
}

#[test]
fn the_example_loads() {
    let listener = listener(&example("backends.yaml"));
    assert!(listener.connection_drain_timeout.is_some());
    assert_eq!(listener.on_no_backend, OnNoBackend::Reject);
}
