//! Real servers for the lab. Imports `process`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::process::Process;
use super::{Lab, Namespace};

const START_LIMIT: Duration = Duration::from_secs(10);

impl Lab {
    /// Starts nginx in a role's namespace and waits until it listens. Every
    /// request is answered by `200` with `body` and the header `X-Backend`.
    pub fn nginx(&self, role: &str, port: u16, body: &str) -> Result<Process> {
        let dir = self.fresh_path(&format!("nginx-{role}"));
        fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
        let conf = dir.join("nginx.conf");
        fs::write(&conf, nginx_conf(&dir, role, port, body)?)
            .with_context(|| format!("writing {}", conf.display()))?;
        let log = dir.join("error.log");
        let mut command = self.ns(role).command("nginx");
        command.args(["-p".as_ref(), dir.as_os_str()]);
        command.args(["-c".as_ref(), conf.as_os_str()]);
        command.args(["-e".as_ref(), log.as_os_str()]);
        let process = super::spawn_command(command)?;
        await_listener(&process, port).with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("nginx in {role}\n{}", said.trim_end())
        })?;
        Ok(process)
    }

    /// Starts an iperf3 server in a role's namespace and waits until it
    /// listens.
    pub fn iperf3_server(&self, role: &str, port: u16) -> Result<Process> {
        self.listener(role, port, ["iperf3", "-s", "-p", &port.to_string()])
    }

    /// Starts any program that listens on a TCP port in a role's namespace
    /// and waits until it listens. What it prints is shown if it fails to.
    pub fn listener<'a>(
        &self,
        role: &str,
        port: u16,
        argv: impl IntoIterator<Item = &'a str>,
    ) -> Result<Process> {
        let namespace: &Namespace = self.ns(role);
        let mut argv = argv.into_iter();
        let program = argv.next().context("an empty command")?;
        let mut command = namespace.command(program);
        let log = self.fresh_path("listener.log");
        let output = fs::File::create(&log)?;
        command
            .args(argv)
            .stdout(output.try_clone()?)
            .stderr(output);
        let process = super::spawn_command(command)?;
        await_listener(&process, port).with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("{program} in {role}\n{}", said.trim_end())
        })?;
        Ok(process)
    }
}

/// nginx in the foreground, all its files in `dir`.
fn nginx_conf(dir: &Path, role: &str, port: u16, body: &str) -> Result<String> {
    if body.contains(['"', '\\', '$']) {
        bail!("nginx body `{body}`: quotes, backslashes and dollars would need escaping");
    }
    let dir = dir.display();
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {dir}/{kind};\n"))
        .concat();
    Ok(format!(
        "daemon off;\nuser root;\nworker_processes 1;\npid {dir}/nginx.pid;\n\
         error_log {dir}/error.log;\n\
         events {{ worker_connections 8192; }}\n\
         worker_rlimit_nofile 16384;\n\
         http {{\n  access_log off;\n  server_tokens off;\n{temp}  server {{\n    \
         listen {port} backlog=4096;\n    add_header X-Backend {role};\n    \
         default_type text/plain;\n    location / {{ return 200 \"{body}\\n\"; }}\n  }}\n}}\n"
    ))
}

/// Waits until the process's namespace has a TCP listener on `port`.
fn await_listener(process: &Process, port: u16) -> Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if let Some(status) = process.try_wait()? {
            bail!("ended before it listened on port {port}: {status}");
        }
        let listens = ["tcp", "tcp6"].iter().any(|table| {
            fs::read_to_string(format!("/proc/{}/net/{table}", process.pid()))
                .is_ok_and(|text| has_listener(&text, port))
        });
        // Until it has entered the namespace, it shows our own sockets.
        if listens && own_network(process) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            bail!("does not listen on port {port} after {START_LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn own_network(process: &Process) -> bool {
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    namespace(&process.pid().to_string()) != namespace("self")
}

/// Looks for state 0A (listening) on a port in the format of /proc/net/tcp.
fn has_listener(table: &str, port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().unwrap_or_default();
        let state = fields.nth(1).unwrap_or_default();
        local.ends_with(&wanted) && state == "0A"
    })
}

#[cfg(test)]
mod tests {
    use super::{has_listener, nginx_conf};

    #[test]
    fn listeners_are_told_from_connections() {
        let table = "  sl  local_address rem_address   st tx_queue\n   \
                     0: 00000000:1F90 00000000:0000 0A 0:0\n   \
                     1: 0A32000B:0050 0A3200FA:9C40 01 0:0\n";
        assert!(has_listener(table, 8080));
        assert!(!has_listener(table, 80));
        assert!(!has_listener(table, 8081));
    }

    #[test]
    fn a_body_that_needs_escaping_is_refused() {
        let dir = std::path::Path::new("/d");
        assert!(nginx_conf(dir, "b1", 80, "a\"b").is_err());
        assert!(nginx_conf(dir, "b1", 80, "b1").is_ok_and(|conf| conf.contains("listen 80")));
    }
}
