//! Questions that take long hold up nobody: the daemon explains, reloads and serves meanwhile.
//! Imports `manifest`, `scene`, `waiting`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::thread;

use xtask::lab::address::{CLIENT_A, ENI_A};

use crate::manifest::{Manifest, accept, tcp};
use crate::scene::{Scene, argument};
use crate::waiting::eventually;

fn manifest() -> Manifest {
    Manifest::web().group(accept(tcp(80)).named("sgr-web"))
}

#[test]
fn a_diff_that_takes_long_holds_up_nobody() {
    let scene = Scene::new(&manifest());
    // A candidate that is never read to its end, until somebody writes it.
    let file = scene.file("candidate.fifo");
    scene.must("node", &["mkfifo", argument(&file)]);
    let target = format!("{ENI_A}:80");
    let explain = [
        "explain", "--from", CLIENT_A, "--to", &target, "--proto", "tcp",
    ];
    let argv = ["diff", "-f", argument(&file), "--replay"];
    thread::scope(|scope| {
        let diff = scope.spawn(|| scene.daemon.ctl_json(&argv));
        let mut writer = eventually("the daemon reads the candidate", || {
            // Opens only once somebody reads.
            let mut options = fs::OpenOptions::new();
            let opened = options.write(true).custom_flags(libc::O_NONBLOCK);
            opened.open(&file).map_err(|error| error.to_string())
        });
        let explained = scene
            .daemon
            .ctl_json(&explain)
            .expect("explain must answer");
        assert_eq!(explained["verdict"], "accepted", "{explained:#}");
        scene.reload(&manifest().group(accept(tcp(81))));
        scene.fetch("client-a");
        assert!(!diff.is_finished(), "it had nothing to read");
        let candidate = manifest().group(accept(tcp(82)).named("sgr-more"));
        let written = writer.write_all(candidate.text().as_bytes());
        written.expect("somebody reads it");
        drop(writer);
        let found = diff.join().expect("no panic").expect("diff must answer");
        assert_eq!(
            found["changes"][0]["fields"][0], "Permissions: added sgr-more",
            "{found:#}"
        );
    });
}
