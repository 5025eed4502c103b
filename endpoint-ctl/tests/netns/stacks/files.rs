//! Files up and down by curl, compared byte by byte, and who served them. Imports `flow_table`
//! (families), `scene`, `web`, `node`.

use std::fs;
use std::path::PathBuf;

use xtask::lab::{Lab, Process};

use super::node::url;
use crate::dual_stack::Family;
use crate::scene::{Scene, WEB_PORT, argument};
use crate::web::{self, Answer};

/// Seconds that a transfer may take: one takes a fraction of one, and a path that swallows full
/// packets lets none end.
const LIMIT: &str = "20";

/// A server of files, for both families.
pub(super) struct Files {
    _process: Process,
    root: PathBuf,
}

impl Files {
    /// Starts one in a role's namespace, on the web port.
    #[track_caller]
    pub(super) fn serve(lab: &Lab, role: &str) -> Self {
        let dir = lab.dir().join(format!("files-{role}"));
        let root = dir.join("root");
        fs::create_dir_all(&root).expect("the lab's directory takes files");
        let conf = dir.join("nginx.conf");
        let (shown, log) = (argument(&dir), dir.join("error.log"));
        fs::write(&conf, nginx_conf(shown, role)).expect("the lab's directory takes files");
        let argv = [
            "nginx",
            "-p",
            shown,
            "-c",
            argument(&conf),
            "-e",
            argument(&log),
        ];
        let process = lab.listener(role, WEB_PORT, argv);
        Self {
            _process: process.expect("nginx must come to listen"),
            root,
        }
    }

    /// Has a client fetch so many random bytes through the endpoint; they must arrive whole.
    #[track_caller]
    pub(super) fn must_send(&self, scene: &Scene, role: &str, to: (Family, u16), bytes: usize) {
        let (family, port) = to;
        let name = format!("down-{role}-{}-{port}", family.name());
        let sent = random(bytes);
        fs::write(self.root.join(&name), &sent).expect("it takes files");
        let got = scene.file(&name);
        let url = url(family, port, &name);
        let argv = ["curl", "-gsS", "--fail", "-m", LIMIT, "-o", argument(&got)];
        scene.must(role, &[&argv[..], &[&url]].concat());
        let got = fs::read(&got).expect("curl wrote it");
        assert!(got == sent, "{url}: {} of {bytes} bytes", got.len());
    }

    /// Has a client send so many random bytes through the endpoint; they must arrive whole.
    #[track_caller]
    pub(super) fn must_take(&self, scene: &Scene, role: &str, to: (Family, u16), bytes: usize) {
        let (family, port) = to;
        let name = format!("up-{role}-{}-{port}", family.name());
        let sent = random(bytes);
        let file = scene.file(&name);
        fs::write(&file, &sent).expect("the lab's directory takes files");
        let url = url(family, port, &name);
        let argv = ["curl", "-gsS", "--fail", "-m", LIMIT, "-T", argument(&file)];
        scene.must(role, &[&argv[..], &[&url]].concat());
        let got = fs::read(self.root.join(&name)).expect("nginx wrote it");
        assert!(got == sent, "{url}: {} of {bytes} bytes", got.len());
    }
}

/// Who serves a client at that port, and whom it sees.
#[track_caller]
pub(super) fn who_serves(scene: &Scene, role: &str, family: Family, port: u16) -> Answer {
    let url = url(family, port, "who");
    let argv = ["curl", "-gsS", "--fail", "-m", LIMIT, &url];
    let outcome = scene.must(role, &argv);
    let answer = web::answers(&outcome.stdout).next();
    answer.unwrap_or_else(|| panic!("in {role}: {outcome}"))
}

fn random(bytes: usize) -> Vec<u8> {
    let mut random = vec![0; bytes];
    fastrand::fill(&mut random);
    random
}

fn nginx_conf(dir: &str, role: &str) -> String {
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {dir}/{kind}; "))
        .concat();
    format!(
        "daemon off; user root; worker_processes 1; pid {dir}/nginx.pid;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; client_max_body_size 100m; {temp}\n\
         server {{ listen {WEB_PORT}; listen [::]:{WEB_PORT}; root {dir}/root;\n\
         location / {{ dav_methods PUT; }}\n\
         location = /who {{ default_type text/plain; return 200 \
         \"served-by {role} $remote_addr $remote_port $server_addr\\n\"; }} }} }}\n"
    )
}
