//! A listener and its servers, as the manifests of tests have them. Imports `manifest` (traffic).

use std::fmt::Write as _;

use crate::manifest::Traffic;

/// A server behind a listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    ip: &'static str,
    port: u16,
    weight: u8,
    drain: bool,
}

/// A server of weight 100.
pub(crate) fn server(ip: &'static str, port: u16) -> Server {
    Server {
        ip,
        port,
        weight: 100,
        drain: false,
    }
}

impl Server {
    /// Its share, relative to the others; 0 takes no new flows.
    pub(crate) fn weight(mut self, weight: u8) -> Self {
        self.weight = weight;
        self
    }

    /// Has it drain.
    pub(crate) fn drain(mut self) -> Self {
        self.drain = true;
        self
    }
}

/// A listener with its servers.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) traffic: Traffic,
    pub(crate) servers: Vec<Server>,
    pub(crate) health_check: &'static str,
    pub(crate) settings: &'static str,
}

impl Listener {
    /// As an item of a list in YAML.
    pub(crate) fn text(&self) -> String {
        let Self {
            traffic,
            health_check,
            settings,
            ..
        } = self;
        let port = traffic.ports.split('/').next().unwrap_or_default();
        let mut text = format!(
            "  - ListenerProtocol: {}\n    ListenerPort: {port}\n    \
             HealthCheckConfig: {{ {health_check} }}\n{settings}    Servers:\n",
            traffic.protocol
        );
        for server in &self.servers {
            let Server {
                ip,
                port,
                weight,
                drain,
            } = server;
            let _ = writeln!(
                text,
                "      - {{ ServerIp: {ip}, Port: {port}, Weight: {weight}, Drain: {drain} }}"
            );
        }
        text
    }
}
