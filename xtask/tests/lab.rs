//! The lab itself: it comes up, its networks are what they say, and nothing
//! of it stays. Needs root; run by `cargo xtask test netns`.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use xtask::lab::{Lab, LabSpec, address};

/// The namespaces of this process's labs.
fn namespaces() -> Vec<String> {
    let prefix = format!("ep{}x", std::process::id());
    let Ok(entries) = std::fs::read_dir("/run/netns") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&prefix))
        .collect()
}

#[test]
fn the_standard_lab_is_what_it_says() -> Result<()> {
    let lab = Lab::new(&LabSpec::standard().with_second_vswitch())?;
    let client = lab.ns("client-a");

    // The vSwitch, the routed client, and no way to the provider.
    client.must(["ping", "-c1", "-W2", address::ROUTER])?;
    let routed = lab.ns("client-r");
    routed.must(["ping", "-c1", "-W2", address::ROUTER])?;
    for role in ["client-a", "client-b", "client-c"] {
        let route = lab
            .ns(role)
            .run(["ip", "route", "get", address::BACKENDS[0]])?;
        assert!(!route.ok(), "{route}");
    }

    // Real servers, seen from the node; the twin has client A's address.
    let _servers = ["b1", "b2", "b3"]
        .map(|role| lab.nginx(role, 8080, role))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let node = lab.ns("node");
    for (role, ip) in ["b1", "b2", "b3", "b1"]
        .into_iter()
        .zip(address::BACKENDS.into_iter().chain([address::BACKEND_TWIN]))
    {
        let url = format!("http://{ip}:8080/");
        let body = node.run(["curl", "-sS", "--max-time", "5", &url])?;
        assert!(body.ok() && body.stdout() == role, "{body}");
    }

    // Nobody but the daemon answers for the endpoint.
    let eni = client.run(["ping", "-c1", "-W1", address::ENI_A])?;
    assert!(!eni.ok(), "{eni}");
    Ok(())
}

#[test]
fn offloads_are_off_unless_the_spec_leaves_them_on() -> Result<()> {
    for (offloads, wanted) in [(false, "off"), (true, "on")] {
        let spec = LabSpec {
            offloads,
            ..LabSpec::standard()
        };
        let lab = Lab::new(&spec)?;
        for (role, interface) in [("client-a", "eth0"), ("node", "vsw-a"), ("pnet", "b1")] {
            let features = lab.ns(role).must(["ethtool", "-k", interface])?;
            for feature in ["tx-checksumming", "generic-segmentation-offload"] {
                let line = format!("{feature}: {wanted}");
                assert!(features.contains(&line), "{role}: no `{line}`: {features}");
            }
        }
    }
    Ok(())
}

#[test]
fn bulk_tcp_crosses_the_provider_network() -> Result<()> {
    let lab = Lab::new(&LabSpec::standard())?;
    let _server = lab.iperf3_server("b2", 5201)?;
    let out = lab.ns("node").run([
        "iperf3",
        "-c",
        address::BACKENDS[1],
        "-t1",
        "--connect-timeout",
        "2000",
    ])?;
    assert!(out.ok(), "{out}");
    Ok(())
}

#[test]
fn nothing_stays() -> Result<()> {
    // Dropped.
    let lab = Lab::new(&LabSpec::standard())?;
    let name = lab.ns("node").name().to_owned();
    let dir = lab.dir().to_path_buf();
    assert!(namespaces().contains(&name) && dir.is_dir());
    let child = lab.ns("node").spawn(["sleep", "60"])?;
    let pid = child.pid();
    drop(child);
    drop(lab);
    assert!(!namespaces().contains(&name) && !dir.exists());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());

    // Panicked.
    let panicked = std::thread::spawn(|| {
        let lab = Lab::new(&LabSpec::standard()).expect("builds");
        std::panic::panic_any(lab.ns("node").name().to_owned());
    });
    let name = panicked.join().expect_err("panics on purpose");
    let name = name.downcast::<String>().expect("the name");
    assert!(!namespaces().contains(&name));
    Ok(())
}

/// The body of a process that is killed: see `killed`.
#[test]
fn child_body() -> Result<()> {
    if std::env::var_os("LAB_CHILD").is_some() {
        let lab = Lab::new(&LabSpec::standard())?;
        let _sleeper = lab.ns("client-a").spawn(["sleep", "1000"])?;
        std::thread::sleep(Duration::from_mins(1));
    }
    Ok(())
}

/// Starts a process with a lab, ends it by `signal`, returns its pid and what
/// namespaces are left of it.
fn killed(signal: &str) -> Result<(String, usize)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", "child_body"])
        .env("LAB_CHILD", "1")
        .spawn()?;
    let pid = child.id().to_string();
    let left = || {
        let prefix = format!("ep{pid}x");
        std::fs::read_dir("/run/netns").map_or(0, |entries| {
            entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| name.starts_with(&prefix))
                .count()
        })
    };
    let all = 3 + LabSpec::standard().hosts.len() - 1; // two bridges
    while left() < all {
        std::thread::sleep(Duration::from_millis(20));
        anyhow::ensure!(child.try_wait()?.is_none(), "the child ended early");
    }
    std::thread::sleep(Duration::from_millis(500));
    Command::new("kill").args(["-s", signal, &pid]).status()?;
    child.wait()?;
    let left = left();
    Ok((pid, left))
}

#[test]
fn signals_clean_up_and_the_next_lab_sweeps() -> Result<()> {
    for signal in ["INT", "TERM"] {
        let (pid, left) = killed(signal)?;
        assert_eq!(left, 0, "SIG{signal} left namespaces of {pid}");
    }
    let (pid, left) = killed("KILL")?;
    assert!(left > 0, "SIGKILL cannot be caught");
    let inside = Command::new("ip")
        .args(["netns", "pids", &format!("ep{pid}x0-client-a")])
        .output()?;
    let sleeper = String::from_utf8(inside.stdout)?.trim().to_owned();
    let _lab = Lab::new(&LabSpec::standard())?;
    assert!(!sleeper.is_empty(), "the child had a child");
    // Killed at once, but reaped when init gets round to it.
    let cmdline = std::fs::read(format!("/proc/{sleeper}/cmdline"));
    assert!(cmdline.unwrap_or_default().is_empty(), "it still runs");
    let prefix = format!("ep{pid}x");
    for entry in std::fs::read_dir("/run/netns")? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        assert!(!name.starts_with(&prefix), "{name} was not swept");
    }
    Ok(())
}
