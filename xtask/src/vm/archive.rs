//! The file system that a guest starts with, as the kernel unpacks it: a cpio archive of the format
//! `newc`. Imports nothing of this crate.

use std::collections::BTreeSet;

const DIRECTORY: u32 = 0o04_0755;
const EXECUTABLE: u32 = 0o10_0755;
const CHARACTER_DEVICE: u32 = 0o02_0600;
const TRAILER: &str = "TRAILER!!!";

/// An archive in the making.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    directories: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    /// Adds a directory, and those above it.
    pub(super) fn directory(&mut self, path: &str) {
        let path = path.trim_matches('/');
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let directory = &path[..end];
            if !directory.is_empty() && self.directories.insert(directory.to_owned()) {
                self.entry(directory, DIRECTORY, (0, 0), &[]);
            }
        }
    }

    /// Adds an executable file, and the directories above it.
    pub(super) fn executable(&mut self, path: &str, contents: &[u8]) {
        let path = path.trim_matches('/');
        if let Some((directory, _)) = path.rsplit_once('/') {
            self.directory(directory);
        }
        self.entry(path, EXECUTABLE, (0, 0), contents);
    }

    /// Adds a character device, in a directory that is there.
    pub(super) fn character_device(&mut self, path: &str, number: (u32, u32)) {
        self.entry(path.trim_matches('/'), CHARACTER_DEVICE, number, &[]);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), contents: &[u8]) {
        self.entries += 1;
        let length = u32::try_from(contents.len()).expect("a file of less than 4 GiB");
        let name_length = u32::try_from(path.len() + 1).expect("a short name");
        let links = 1;
        let (owner, group, time, on, checksum) = (0, 0, 0, (0, 0), 0);
        let fields = [
            self.entries,
            mode,
            owner,
            group,
            links,
            time,
            length,
            on.0,
            on.1,
            device.0,
            device.1,
            name_length,
            checksum,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(contents);
        self.pad();
    }

    /// Names and contents end at a multiple of four.
    fn pad(&mut self) {
        let length = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(length, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Archive;

    /// Name, mode and contents of the entries, read back.
    fn entries(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            assert_eq!(&bytes[at..at + 6], b"070701");
            let field = |number: usize| {
                let digits = &bytes[at + 6 + 8 * number..][..8];
                let digits = std::str::from_utf8(digits).expect("text");
                u32::from_str_radix(digits, 16).expect("a number")
            };
            let (mode, length, name_length) = (field(1), field(6) as usize, field(11) as usize);
            let name = &bytes[at + 110..][..name_length - 1];
            let contents = (at + 110 + name_length).next_multiple_of(4);
            let name = String::from_utf8(name.to_vec()).expect("text");
            found.push((name, mode, bytes[contents..contents + length].to_vec()));
            at = (contents + length).next_multiple_of(4);
        }
        found
    }

    #[test]
    fn an_archive_reads_back_with_the_directories_first() {
        let mut archive = Archive::default();
        archive.executable("/lib/deep/a", b"12345");
        archive.executable("/lib/deep/b", b"");
        archive.directory("/proc");
        archive.character_device("/proc/c", (5, 1));
        let entry = |name: &str, mode, contents: &[u8]| (name.to_owned(), mode, contents.to_vec());
        let expected = [
            entry("lib", 0o4_0755, b""),
            entry("lib/deep", 0o4_0755, b""),
            entry("lib/deep/a", 0o10_0755, b"12345"),
            entry("lib/deep/b", 0o10_0755, b""),
            entry("proc", 0o4_0755, b""),
            entry("proc/c", 0o2_0600, b""),
            entry("TRAILER!!!", 0, b""),
        ];
        assert_eq!(entries(&archive.finish()), expected);
    }
}
