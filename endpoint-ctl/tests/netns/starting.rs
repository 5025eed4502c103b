//! A daemon that is only just starting. Imports `manifest`, `scene`, `waiting`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;

use serde_json::Value;
use xtask::lab::{Lab, LabSpec, run_command, spawn_command};

use crate::manifest::{Manifest, accept, tcp};
use crate::scene::{BINARY, argument};
use crate::waiting::{PATIENCE, eventually};

#[test]
fn a_reload_that_is_asked_for_too_early_is_done_later() {
    let lab = Lab::new(&LabSpec::standard()).expect("the lab must come up");
    let (file, socket) = (lab.dir().join("early.yaml"), lab.dir().join("early.sock"));
    let node = lab.ns("node");
    node.must(["mkfifo", argument(&file)]).expect("a FIFO");
    let mut command = node.command(BINARY);
    command.args(["run", "-f", argument(&file), "--socket", argument(&socket)]);
    let daemon = spawn_command(command).expect("the daemon must start");
    let mut writer = eventually("the daemon reads its manifest", || {
        // Opens only once somebody reads.
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).custom_flags(libc::O_NONBLOCK);
        opened.open(&file).map_err(|error| error.to_string())
    });
    daemon.signal("HUP").expect("it is there");
    // What it finds when it reads again.
    let second = lab.dir().join("second.yaml");
    let rule = accept(tcp(80)).named("sgr-second");
    fs::write(&second, Manifest::web().group(rule).text()).expect("a file of the lab's");
    fs::rename(&second, &file).expect("the same directory");
    let first = Manifest::web().text();
    writer.write_all(first.as_bytes()).expect("somebody reads");
    drop(writer);
    eventually("the second manifest is in force", || {
        assert!(daemon.is_running(), "it ended");
        let mut command = Command::new(BINARY);
        command.args(["rules", "-o", "json", "--socket", argument(&socket)]);
        let shown = run_command(command, PATIENCE).expect("it must run");
        let rules: Value = serde_json::from_str(&shown.stdout).unwrap_or_default();
        let rules = rules.as_array().cloned().unwrap_or_default();
        let is_there = rules.iter().any(|rule| rule["rule-id"] == "sgr-second");
        is_there.then_some(()).ok_or_else(|| shown.to_string())
    });
}
