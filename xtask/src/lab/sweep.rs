//! Removes what killed processes left behind: their namespaces, whatever they
//! started in there, and their directories. Imports `namespace`.

use std::fs;
use std::path::Path;

use super::namespace;

/// Deletes the namespaces and directories of labs whose process is gone.
pub(super) fn sweep() {
    for name in names_in("/run/netns") {
        if owner(&name).is_some_and(is_dead) {
            namespace::kill_inside(&name);
            namespace::delete(&name);
        }
    }
    let temp = std::env::temp_dir();
    for name in names_in(&temp) {
        if !name.contains('-') && owner(&name).is_some_and(is_dead) {
            let _ = fs::remove_dir_all(temp.join(name));
        }
    }
}

fn names_in(dir: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

fn is_dead(pid: u32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

/// The pid in a lab's name, `ep<pid>x<n>` or `ep<pid>x<n>-<role>`.
fn owner(name: &str) -> Option<u32> {
    let (pid, rest) = name.strip_prefix("ep")?.split_once('x')?;
    let number = rest.split('-').next()?;
    number.parse::<u32>().ok()?;
    pid.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::owner;

    #[test]
    fn only_our_names_are_ours() {
        assert_eq!(owner("ep12x0-client-a"), Some(12));
        assert_eq!(owner("ep12x3"), Some(12));
        for other in ["ep12", "epx0-a", "ep12x-a", "endpoint", "ep1xy-a", "xep1x0"] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
