//! What crosses an interface, as tcpdump tells it. Imports `waiting`.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use xtask::lab::{Lab, Process, spawn_command};

use crate::waiting::eventually;

/// A running tcpdump.
pub(crate) struct Capture {
    process: Process,
    lines: PathBuf,
}

impl Capture {
    /// Begins to capture what matches `filter` on a role's interface.
    #[track_caller]
    pub(crate) fn start(lab: &Lab, role: &str, interface: &str, filter: &str) -> Self {
        Self::with(lab, (role, interface), &[], filter)
    }

    /// The same of what comes in alone, with all that tcpdump has to say: it says it in several lines.
    #[track_caller]
    pub(crate) fn verbose(lab: &Lab, role: &str, interface: &str, filter: &str) -> Self {
        Self::with(lab, (role, interface), &["-vv", "-Qin", "-B16384"], filter)
    }

    /// The same of what comes in alone, with MAC addresses.
    #[track_caller]
    pub(crate) fn with_macs(lab: &Lab, role: &str, interface: &str, filter: &str) -> Self {
        Self::with(lab, (role, interface), &["-e", "-Qin"], filter)
    }

    /// The same with link-level headers, VLAN tags among them.
    #[track_caller]
    pub(crate) fn of_frames(lab: &Lab, role: &str, interface: &str) -> Self {
        Self::with(lab, (role, interface), &["-e"], "")
    }

    #[track_caller]
    fn with(lab: &Lab, (role, interface): (&str, &str), options: &[&str], filter: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = |kind: &str| lab.dir().join(format!("capture-{number}.{kind}"));
        let (lines, errors) = (file("out"), file("err"));
        let create = |path| File::create(path).expect("the lab's directory takes files");
        let mut command = lab.ns(role).command("tcpdump");
        command
            .args(["-i", interface, "-n", "-l", "--immediate-mode"])
            .args(options)
            .arg(filter)
            .stdout(create(&lines))
            .stderr(create(&errors));
        let process = spawn_command(command).expect("tcpdump must start");
        eventually("tcpdump listens", || {
            let said = fs::read_to_string(&errors).unwrap_or_default();
            if said.contains("listening on") {
                Ok(())
            } else {
                Err(said)
            }
        });
        Self { process, lines }
    }

    /// Ends the capture and returns all that was seen, a line for each packet.
    #[track_caller]
    pub(crate) fn stop(self) -> String {
        self.process.stop().expect("tcpdump must end");
        // It ends its output by an empty line when it is stopped.
        let seen = fs::read_to_string(&self.lines).unwrap_or_default();
        seen.trim_end().to_owned()
    }

    /// The same once it has seen enough: tcpdump may be behind.
    #[track_caller]
    pub(crate) fn stop_after(self, what: &str, is_enough: impl Fn(&str) -> bool) -> String {
        eventually(what, || {
            let seen = fs::read_to_string(&self.lines).unwrap_or_default();
            if is_enough(&seen) { Ok(()) } else { Err(seen) }
        });
        self.stop()
    }
}
