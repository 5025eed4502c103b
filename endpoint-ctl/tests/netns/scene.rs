//! A lab with a daemon at work and real servers behind it, and what can be asked of them. Imports
//! `dialogue`, `flow_log`, `manifest`, `waiting`, `web`.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use xtask::lab::{Daemon, Lab, LabSpec, Outcome, Process, address};

use crate::dialogue::Dialogue;
use crate::flow_log::FlowLog;
use crate::manifest::Manifest;
use crate::waiting::{PATIENCE, eventually, eventually_within};
use crate::web::{self, Answer};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_endpoint-ctl");

/// curl's exit status when the time is up.
const TIMED_OUT: i32 = 28;

/// See the module.
pub(crate) struct Scene {
    // In the order they must go.
    pub(crate) daemon: Daemon,
    servers: Vec<Process>,
    pub(crate) lab: Lab,
}

/// The port the web servers listen on.
pub(crate) const WEB_PORT: u16 = 8080;

impl Scene {
    /// The standard lab with web servers in b1, b2 and b3.
    #[track_caller]
    pub(crate) fn new(manifest: &Manifest) -> Self {
        Self::with_options(manifest, &[])
    }

    /// The same with further arguments for the daemon.
    #[track_caller]
    pub(crate) fn with_options(manifest: &Manifest, options: &[&str]) -> Self {
        Self::built_as(&LabSpec::standard(), &manifest.text(), options)
    }

    /// Any lab that has b1, b2 and b3.
    #[track_caller]
    pub(crate) fn built_as(spec: &LabSpec, manifest: &str, options: &[&str]) -> Self {
        let lab = Lab::new(spec).expect("the lab must come up");
        let servers = ["b1", "b2", "b3"].map(|role| web::serve(&lab, role, WEB_PORT));
        Self::with_servers(lab, servers.into(), manifest, options)
    }

    /// Any lab; its servers are the test's own.
    #[track_caller]
    pub(crate) fn without_servers(spec: &LabSpec, manifest: &str, options: &[&str]) -> Self {
        let lab = Lab::new(spec).expect("the lab must come up");
        Self::in_lab(lab, manifest, options)
    }

    /// A lab that is there; its servers are the test's own.
    #[track_caller]
    pub(crate) fn in_lab(lab: Lab, manifest: &str, options: &[&str]) -> Self {
        Self::with_servers(lab, Vec::new(), manifest, options)
    }

    #[track_caller]
    fn with_servers(lab: Lab, servers: Vec<Process>, manifest: &str, options: &[&str]) -> Self {
        let daemon = lab.daemon(BINARY, manifest, options);
        Self {
            daemon: daemon.expect("the daemon must come up"),
            servers,
            lab,
        }
    }

    /// Stops a backend's web server: nobody listens there any more.
    #[track_caller]
    pub(crate) fn stop_server(&self, role: &str) {
        let place = ["b1", "b2", "b3"].iter().position(|one| *one == role);
        let server = &self.servers[place.expect("a backend")];
        server.signal("TERM").expect("sent");
        let ended = server.wait(PATIENCE).expect("it can be awaited");
        assert!(ended.is_some(), "nginx obeys");
    }

    /// Waits until every server's MAC address is known.
    #[track_caller]
    pub(crate) fn await_servers(&self) {
        eventually("all servers are found", || {
            let status = self.status();
            let hops = status["hops"].as_array().expect("hops");
            let all = hops.iter().all(|hop| hop["mac"].is_string());
            all.then_some(()).ok_or_else(|| status["hops"].to_string())
        });
    }

    /// What `status` says of a server on its web port.
    #[track_caller]
    pub(crate) fn target(&self, ip: &str) -> Value {
        let status = self.status();
        let targets = status["targets"].as_array().expect("status has targets");
        let found = targets
            .iter()
            .find(|target| target["server-ip"] == ip && target["port"] == WEB_PORT);
        found.cloned().unwrap_or_default()
    }

    /// Waits until a server is in that state; `status` must come to say so within `limit`.
    #[track_caller]
    pub(crate) fn await_state(&self, ip: &str, state: &str, limit: Duration) -> Value {
        eventually_within(limit, &format!("{ip} is {state}"), || {
            let target = self.target(ip);
            if target["state"] == state {
                Ok(target)
            } else {
                Err(target.to_string())
            }
        })
    }

    /// Opens connections from client A to port 80 until one is served by that backend.
    #[track_caller]
    pub(crate) fn dialogue_with(&self, backend: &str) -> Dialogue {
        // Which backend a connection gets is up to its port, which is the client's choice.
        for _ in 0..64 {
            let (dialogue, answer) = Dialogue::open(self, "client-a", 80);
            if answer.backend == backend {
                return dialogue;
            }
        }
        panic!("64 connections, and none to {backend}");
    }

    /// So many new connections of client A to port 80, all of which must be served, and by none
    /// of these backends.
    #[track_caller]
    pub(crate) fn assert_served_without(&self, count: usize, backends: &[&str]) {
        for _ in 0..count {
            let answer = self.fetch("client-a");
            assert!(!backends.contains(&answer.backend.as_str()), "{answer:?}");
        }
    }

    /// Runs a command in a role's namespace.
    #[track_caller]
    pub(crate) fn run(&self, role: &str, argv: &[&str]) -> Outcome {
        let run = self.lab.ns(role).run(argv);
        run.expect("the command must start")
    }

    /// Runs a command in a role's namespace; it must succeed.
    #[track_caller]
    pub(crate) fn must(&self, role: &str, argv: &[&str]) -> Outcome {
        let outcome = self.run(role, argv);
        assert!(outcome.ok(), "in {role}: {outcome}");
        outcome
    }

    /// Fetches a page through the endpoint, port 80; the answer must be `200`.
    #[track_caller]
    pub(crate) fn fetch(&self, role: &str) -> Answer {
        self.fetch_port(role, 80)
    }

    /// The same from another port.
    #[track_caller]
    pub(crate) fn fetch_port(&self, role: &str, port: u16) -> Answer {
        let url = format!("http://{}:{port}/", address::ENI_A);
        let argv = ["curl", "-sS", "--fail", "--max-time", "15", &url];
        let outcome = self.must(role, &argv);
        let answer = web::answers(&outcome.stdout).next();
        answer.unwrap_or_else(|| panic!("in {role}: no answer of a backend: {outcome}"))
    }

    /// A connection to the endpoint must meet silence: no answer, and no error either.
    #[track_caller]
    pub(crate) fn assert_silence(&self, role: &str, port: u16) {
        let url = format!("http://{}:{port}/", address::ENI_A);
        let outcome = self.run(role, &["curl", "-sS", "--max-time", "1.5", &url]);
        assert_eq!(
            outcome.status.code(),
            Some(TIMED_OUT),
            "in {role}: should meet silence, but: {outcome}"
        );
    }

    /// Puts another manifest in force.
    #[track_caller]
    pub(crate) fn reload(&self, manifest: &Manifest) {
        let reload = self.daemon.reload(&manifest.text());
        reload.expect("the manifest must come into force");
    }

    /// What `status` says.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let status = self.daemon.ctl_json(&["status"]);
        status.expect("status must answer")
    }

    /// What `flows` lists.
    #[track_caller]
    pub(crate) fn flows(&self) -> Vec<Value> {
        let flows = self.daemon.ctl_json(&["flows"]);
        let flows = flows.expect("flows must answer");
        flows.as_array().cloned().expect("flows is a list")
    }

    /// Ends the window and reads every record kept.
    #[track_caller]
    pub(crate) fn flow_log(&self) -> FlowLog {
        let lines = self.daemon.ctl_json_lines(&["flowlog", "--flush"]);
        FlowLog(lines.expect("flowlog must answer"))
    }

    /// Packets dropped for a reason so far, at all ENIs.
    #[track_caller]
    pub(crate) fn dropped(&self, reason: &str) -> u64 {
        let status = self.status();
        let drops = status["drops"].as_array().expect("status has drops");
        let mine = drops.iter().filter(|drop| drop["reason"] == reason);
        mine.filter_map(|drop| drop["packets"].as_u64()).sum()
    }

    /// Waits until packets have been dropped for a reason.
    #[track_caller]
    pub(crate) fn await_drops(&self, reason: &str) {
        eventually(&format!("drops as {reason}"), || {
            let packets = self.dropped(reason);
            (packets > 0)
                .then_some(())
                .ok_or_else(|| self.status()["drops"].to_string())
        });
    }

    /// A file in the lab's directory.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.lab.dir().join(name)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let status = self.daemon.ctl(["status"]);
            let status = status.map_or_else(|error| error.to_string(), |shown| shown.to_string());
            eprintln!("--- status at the end:\n{status}");
        }
    }
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().expect("lab paths are UTF-8")
}
