//! An etcd of a test's own, on loopback. Imports `rig`.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use endpoint_ctl::store::{Etcd, EtcdSettings, Revision, Store};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use xtask::workspace::find_program;

use crate::rig::Directory;

/// One member, alone or of a cluster.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) directory: Directory,
    name: String,
    pub(crate) client: u16,
    peer: u16,
    arguments: Vec<String>,
    /// What etcdctl needs to speak to it.
    pub(crate) control: Vec<String>,
    scheme: &'static str,
    child: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut server = Self::new("a");
        server.run();
        server.wait_until_ready();
        server
    }

    /// A member that is not started yet.
    pub(crate) fn new(name: &str) -> Self {
        let [client, peer] = free_ports();
        Self {
            directory: Directory::new(),
            name: name.to_owned(),
            client,
            peer,
            arguments: Vec::new(),
            control: Vec::new(),
            scheme: "http",
            child: None,
        }
    }

    /// Members of one cluster, started.
    pub(crate) fn cluster<const N: usize>(names: [&str; N]) -> [Self; N] {
        let mut servers = names.map(Self::new);
        let peers: Vec<_> = servers
            .iter()
            .map(|server| format!("{}=http://127.0.0.1:{}", server.name, server.peer))
            .collect();
        for server in &mut servers {
            server.arguments = vec![format!("--initial-cluster={}", peers.join(","))];
            server.run();
        }
        for server in &servers {
            server.wait_until_ready();
        }
        servers
    }

    /// Speaks TLS from the next start on.
    pub(crate) fn with_tls(&mut self, arguments: &[String], control: &[String]) {
        self.arguments.extend_from_slice(arguments);
        self.control.extend_from_slice(control);
        self.scheme = "https";
    }

    /// Starts it, on the data of before if it ran before.
    pub(crate) fn run(&mut self) {
        let etcd =
            find_program("etcd").expect("etcd (Debian's etcd-server): run `cargo xtask setup`");
        let (client, peer) = (self.own_url(), format!("http://127.0.0.1:{}", self.peer));
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.file("log"))
            .unwrap();
        let child = Command::new(etcd)
            .arg(format!("--name={}", self.name))
            .arg(format!("--data-dir={}", self.data().display()))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .args(self.initial_cluster(&peer))
            .arg("--logger=zap")
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    fn initial_cluster(&self, peer: &str) -> Option<String> {
        let is_set = |argument: &String| argument.starts_with("--initial-cluster=");
        let alone = !self.arguments.iter().any(is_set);
        alone.then(|| format!("--initial-cluster={}={peer}", self.name))
    }

    pub(crate) fn wait_until_ready(&self) {
        let start = Instant::now();
        while !self.try_control(&["endpoint", "health"]) {
            let log = || std::fs::read_to_string(self.directory.file("log"));
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.file("data")
    }

    fn own_url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.client)
    }

    pub(crate) fn url(&self) -> String {
        format!("etcd://127.0.0.1:{}/test", self.client)
    }

    pub(crate) async fn store(&self) -> Store {
        store(&self.url()).await
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn compact(&self, revision: Revision) {
        self.control(&["compact", "--physical", &revision.to_string()]);
    }

    /// Runs etcdctl, which must succeed.
    pub(crate) fn control(&self, arguments: &[&str]) {
        assert!(self.try_control(arguments), "etcdctl {arguments:?}");
    }

    fn try_control(&self, arguments: &[&str]) -> bool {
        let output = Command::new(find_program("etcdctl").expect("etcdctl (Debian's etcd-client)"))
            .env("ETCDCTL_API", "3")
            .arg(format!("--endpoints={}", self.own_url()))
            .args(&self.control)
            .args(arguments)
            .output()
            .unwrap();
        output.status.success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) async fn store(url: &str) -> Store {
    let settings = EtcdSettings::parse(url).unwrap();
    Store::Etcd(Etcd::open(&settings).await.unwrap())
}

/// Two ports that were free just now.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
