//! A TCP stream through the endpoint that shows whether a second went by without a byte. Imports
//! `scene`.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use xtask::lab::address::ENI_A;
use xtask::lab::{Process, spawn_command};

use crate::scene::Scene;

/// A running iperf3 client and the file its report goes to.
pub(crate) struct Stream {
    process: Process,
    report: PathBuf,
    seconds: u32,
}

impl Stream {
    /// Starts one to the endpoint's port, for so many seconds.
    #[track_caller]
    pub(crate) fn start(scene: &Scene, role: &str, port: u16, seconds: u32) -> Self {
        let report = scene.file(&format!("iperf3-{role}.json"));
        let mut command = scene.lab.ns(role).command("iperf3");
        command
            .args(["-c", ENI_A, "-p", &port.to_string(), "-J"])
            .args(["-t", &seconds.to_string(), "-b", "50M"])
            .stdout(File::create(&report).expect("the lab's directory takes files"));
        let process = spawn_command(command).expect("iperf3 must start");
        Self {
            process,
            report,
            seconds,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// It must end well, with something sent in every second.
    #[track_caller]
    pub(crate) fn must_end_well(self) {
        let limit = Duration::from_secs(u64::from(self.seconds) + 20);
        let status = self.process.wait(limit).expect("it can be awaited");
        let report = fs::read_to_string(&self.report).unwrap_or_default();
        assert!(
            status.is_some_and(|status| status.success()),
            "{status:?}: {report}"
        );
        let said: Value = serde_json::from_str(&report).expect("iperf3 -J");
        assert_eq!(said.get("error"), None, "{report}");
        let intervals = said["intervals"].as_array().expect("intervals");
        assert!(intervals.len() >= self.seconds as usize, "{report}");
        for interval in intervals {
            let sum = &interval["sum"];
            // The last one may be the few milliseconds that were left.
            let is_long = sum["seconds"].as_f64() > Some(0.5);
            let moved = sum["bytes"].as_u64() > Some(0);
            assert!(moved || !is_long, "a second of nothing: {interval}");
        }
    }
}
