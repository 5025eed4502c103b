//! The vendor's SDKs, unmodified, make an endpoint from nothing; traffic flows through it as they say.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};

use serde_json::Value;
use xtask::lab::address::{ENI_A, ENI_B};

use crate::node::{API, Node, source};
use crate::standing::Standing;

/// A script that hands over at some points.
struct Script {
    child: Child,
    to: ChildStdin,
    from: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Script {
    fn start(node: &Node, name: &str) -> Self {
        let python = xtask::python::with_sdks().expect("has the SDKs");
        let mut child = node
            .lab
            .ns("node")
            .command(python)
            .arg(source(name))
            .arg(API)
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let to = child.stdin.take().expect("is piped");
        let from = BufReader::new(child.stdout.take().expect("is piped")).lines();
        Self { child, to, from }
    }

    /// Waits until the script hands over at this point.
    #[track_caller]
    fn until(&mut self, point: &str) {
        let line = self.from.next();
        let line = line.unwrap_or_else(|| panic!("the script ended before {point:?}"));
        let line = line.expect("is text");
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(told["point"], point);
    }

    fn go_on(&mut self) {
        self.to.write_all(b"go on\n").expect("it listens");
    }

    /// The rest of what it says; it must do well.
    #[track_caller]
    fn end(mut self) -> String {
        drop(self.to);
        let rest: Vec<String> = self.from.map(|line| line.expect("is text")).collect();
        let rest = rest.join("\n");
        println!("{rest}");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        rest
    }
}

#[test]
fn unmodified_sdks_make_an_endpoint_and_traffic_flows_through_it() {
    let node = Node::new();
    let mut script = Script::start(&node, "drive.py");
    script.until("waits to be let in");
    assert_eq!(node.fetch("client-a", ENI_A), None);
    script.go_on();

    script.until("is let in");
    assert_eq!(node.fetch("client-a", ENI_A).as_deref(), Some("b1"));
    assert!(node.run("client-a", &["ping", "-c2", "-W5", ENI_A]).ok());
    script.go_on();

    script.until("zone is shut");
    assert_eq!(node.fetch("client-a", ENI_A), None);
    script.go_on();

    script.until("is led to the other load balancer");
    assert_eq!(node.fetch("client-a", ENI_A).as_deref(), Some("b2"));
    script.go_on();

    script.until("has two zones");
    assert_eq!(node.fetch("client-c", ENI_B).as_deref(), Some("b2"));
    script.go_on();

    for point in ["client b is shut out", "client b is shut out by policy"] {
        script.until(point);
        assert_eq!(node.fetch("client-b", ENI_A), None, "{point}");
        assert_eq!(node.fetch("client-a", ENI_A).as_deref(), Some("b2"));
        script.go_on();
    }
    script.until("all are let in again");
    assert_eq!(node.fetch("client-b", ENI_A).as_deref(), Some("b2"));
    script.go_on();

    script.until("is about to be deleted");
    let mut standing = Standing::open(&node, "client-a", ENI_A);
    assert_eq!(standing.ask(), "answered");
    script.go_on();

    script.until("is deleted");
    assert_eq!(
        standing.ask(),
        "silent",
        "a deleted endpoint ends what stood"
    );
    assert_eq!(node.fetch("client-a", ENI_A), None);
    script.go_on();

    let said = script.end();
    assert!(
        said.contains("39 of PrivateLink's 39 operations were called"),
        "{said}"
    );
    assert!(said.ends_with("all as it should be"), "{said}");
}
