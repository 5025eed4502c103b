//! The programs that lab, tests and demo run, and the packages they come in.
//! Imports `apt` and `workspace`.

use anyhow::{Result, bail};

use crate::apt;
use crate::workspace::find_program;

/// A program and the Debian package that holds it.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The program's name.
    pub program: &'static str,
    /// The package's name.
    pub package: &'static str,
}

const fn tool(program: &'static str, package: &'static str) -> Tool {
    Tool { program, package }
}

/// Everything the lab and the tests may run.
pub(crate) const TOOLS: &[Tool] = &[
    tool("ip", "iproute2"),
    tool("ethtool", "ethtool"),
    tool("nsenter", "util-linux"),
    tool("curl", "curl"),
    tool("nginx", "nginx-light"),
    tool("iperf3", "iperf3"),
    tool("nc", "netcat-openbsd"),
    tool("ping", "iputils-ping"),
    tool("tracepath", "iputils-tracepath"),
    tool("tcpdump", "tcpdump"),
    tool("bpftool", "bpftool"),
    tool("nft", "nftables"),
    tool("etcd", "etcd-server"),
    tool("etcdctl", "etcd-client"),
    tool("openssl", "openssl"),
];

/// The tools that are not installed.
pub(crate) fn missing() -> Vec<&'static Tool> {
    TOOLS
        .iter()
        .filter(|tool| find_program(tool.program).is_none())
        .collect()
}

/// Installs what is missing, or says what to install.
pub(crate) fn find_or_install() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let programs: Vec<_> = missing.iter().map(|tool| tool.program).collect();
    let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    if let Some(obstacle) = apt::obstacle() {
        bail!(
            "the lab needs {}, and {obstacle}: install the packages {} (Debian's names)",
            programs.join(", "),
            packages.join(" ")
        );
    }
    apt::install(&packages)?;
    match self::missing().as_slice() {
        [] => Ok(()),
        [tool, ..] => bail!(
            "package {} is installed, yet {} is not in PATH",
            tool.package,
            tool.program
        ),
    }
}
