//! A connection that stands: asked once, and again later.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use xtask::lab::Lab;

use crate::node::Node;

/// Opens a connection, asks for a page over it, and asks again for every line it is sent.
const SCRIPT: &str = r"
import socket, sys
with socket.create_connection((sys.argv[1], 80), timeout=10) as connection:
    while True:
        connection.settimeout(2)
        try:
            connection.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
            said = connection.recv(4096)
            print('answered' if b'200 OK' in said else 'closed', flush=True)
        except TimeoutError:
            print('silent', flush=True)
        if not sys.stdin.readline():
            break
";

/// See the module.
pub(crate) struct Standing {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Standing {
    /// Opens one from a role to an address, which must answer.
    #[track_caller]
    pub(crate) fn open(node: &Node, role: &str, ip: &str) -> Self {
        Self::open_in(&node.lab, role, ip)
    }

    /// The same in any lab.
    #[track_caller]
    pub(crate) fn open_in(lab: &Lab, role: &str, ip: &str) -> Self {
        let mut child = lab
            .ns(role)
            .command("python3")
            .args(["-c", SCRIPT, ip])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let to = child.stdin.take().expect("is piped");
        let from = BufReader::new(child.stdout.take().expect("is piped"));
        let mut standing = Self { child, to, from };
        assert_eq!(standing.line(), "answered");
        standing
    }

    /// What becomes of another request: `answered`, `silent` or `closed`.
    #[track_caller]
    pub(crate) fn ask(&mut self) -> String {
        self.to.write_all(b"again\n").expect("it listens");
        self.line()
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("is text");
        line.trim().to_owned()
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
