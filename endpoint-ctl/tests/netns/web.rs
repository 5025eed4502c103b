//! Web servers that say who they are and whom they see. Imports nothing.

use std::fs;
use std::path::{Path, PathBuf};

use xtask::lab::{Lab, Process};

/// While this file is in its directory, a server answers `500` at `/health`.
const SICK: &str = "sick";

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its role in the lab.
    pub(crate) backend: String,
    /// The address it was asked from.
    pub(crate) peer: String,
    /// The port it was asked from.
    pub(crate) peer_port: u16,
    /// The address it was asked at.
    pub(crate) own: String,
}

/// Makes a server sick, or well again.
pub(crate) fn set_sick(lab: &Lab, role: &str, port: u16, sick: bool) {
    let file = dir_of(lab, role, port).join(SICK);
    let done = if sick {
        fs::write(file, "")
    } else {
        fs::remove_file(file)
    };
    done.expect("the lab's directory takes files");
}

fn dir_of(lab: &Lab, role: &str, port: u16) -> PathBuf {
    lab.dir().join(format!("web-{role}-{port}"))
}

/// Starts nginx in a role's namespace; every request is answered by one line that `read` reads.
pub(crate) fn serve(lab: &Lab, role: &str, port: u16) -> Process {
    let dir = dir_of(lab, role, port);
    fs::create_dir_all(&dir).expect("the lab's directory takes files");
    let conf = dir.join("nginx.conf");
    fs::write(&conf, nginx_conf(&dir, role, port)).expect("the lab's directory takes files");
    let path = |path: &Path| path.to_str().expect("lab paths are UTF-8").to_owned();
    let (dir, conf) = (path(&dir), path(&conf));
    let log = format!("{dir}/error.log");
    let argv = ["nginx", "-p", &dir, "-c", &conf, "-e", &log];
    lab.listener(role, port, argv)
        .expect("nginx must come to listen")
}

/// Reads the answers among the lines of `text`.
pub(crate) fn answers(text: &str) -> impl Iterator<Item = Answer> {
    text.split_inclusive('\n').filter_map(read)
}

fn read(line: &str) -> Option<Answer> {
    // Without its end, a line may be the half of one.
    let words: Vec<_> = line.strip_suffix('\n')?.split(' ').collect();
    let ["served-by", backend, peer, peer_port, own] = words[..] else {
        return None;
    };
    Some(Answer {
        backend: backend.to_owned(),
        peer: peer.to_owned(),
        peer_port: peer_port.parse().ok()?,
        own: own.to_owned(),
    })
}

/// nginx in the foreground, all its files in `dir`; connections may stay open.
fn nginx_conf(dir: &Path, role: &str, port: u16) -> String {
    let dir = dir.display();
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {dir}/{kind}; "))
        .concat();
    format!(
        "daemon off; user root; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_timeout 600s; default_type text/plain; {temp}\n\
         server {{ listen {port} backlog=4096;\n\
         location = /health {{ if (-f {dir}/{SICK}) {{ return 500 \"sick\\n\"; }} \
         return 200 \"well\\n\"; }}\n\
         location / {{ return 200 \
         \"served-by {role} $remote_addr $remote_port $server_addr\\n\"; }} }} }}\n"
    )
}
