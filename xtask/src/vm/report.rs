//! What a guest printed, read. Imports nothing of this crate.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// What the tests found in a guest where all went well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// Instructions that the verifier walked through, by program.
    pub(super) instructions: BTreeMap<String, u32>,
    /// Tests that passed.
    pub(super) passed: usize,
}

impl Report {
    /// Reads a guest's output. All tests must have run, and passed: nothing that is skipped, ignored or
    /// cut short counts.
    ///
    /// # Errors
    /// Whatever did not go well.
    pub(super) fn read(output: &str, tests: usize, most_instructions: u32) -> Result<Self> {
        let status = word_after(output, "vm: the tests ended with status ");
        match status {
            Some("0") => {}
            Some(status) => bail!("the tests ended with status {status}"),
            None => bail!("the guest ended before its tests"),
        }
        match word_after(output, "vm: the kernel is tainted by ") {
            Some("0") => {}
            Some(bits) => bail!("the kernel complained (tainted: {bits})"),
            None => bail!("the guest ended before its time"),
        }
        let result = output
            .lines()
            .find(|line| line.starts_with("test result: "));
        let result = result.context("the tests told no result")?;
        let count = |of: &str| {
            let parts = result.split(['.', ';']).map(str::trim);
            let mut counts = parts.filter_map(|part| part.strip_suffix(of));
            counts.next().and_then(|count| count.trim().parse().ok())
        };
        let passed: Option<usize> = count("passed");
        if passed != Some(tests) || count("failed") != Some(0) {
            bail!("of {tests} tests not all passed: {result}");
        }
        let mut instructions = BTreeMap::new();
        for (program, count) in output.lines().filter_map(program) {
            // Loaded several times, for tables of several sizes.
            let most = instructions.entry(program).or_insert(0);
            *most = count.max(*most);
        }
        if instructions.is_empty() {
            bail!("the tests told of no program");
        }
        for (program, count) in &instructions {
            if *count >= most_instructions {
                bail!("{program}: {count} verified instructions, {most_instructions} are too many");
            }
        }
        Ok(Self {
            instructions,
            passed: tests,
        })
    }

    /// The program that the verifier walked longest through, and how long.
    pub(super) fn most(&self) -> (&str, u32) {
        let most = self.instructions.iter().max_by_key(|(_, count)| **count);
        most.map_or(("", 0), |(program, count)| (program, *count))
    }
}

fn word_after<'a>(output: &'a str, what: &str) -> Option<&'a str> {
    let (_, rest) = output.rsplit_once(what)?;
    rest.split_whitespace().next()
}

/// A line such as `endpoint_xdp: 14236 verified instructions of 250000`; before it, the test's name may
/// stand.
fn program(line: &str) -> Option<(String, u32)> {
    let (count, _) = line.split_once(" verified instructions of ")?;
    let (name, count) = count.rsplit_once(": ")?;
    let name = name.split_whitespace().last()?;
    Some((name.to_owned(), count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::Report;

    const GOOD: &str = "vm: this is Linux 6.1.0\r
running 2 tests\r
test object::few ... endpoint_xdp: 14236 verified instructions of 250000\r
endpoint_tc: 16559 verified instructions of 250000\r
ok\r
test other ... ok\r
\r
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 8.54s\r
\r
vm: the tests ended with status 0\r
vm: the kernel is tainted by 0\r
";

    fn fault(output: &str) -> String {
        let report = Report::read(output, 2, 250_000);
        report.expect_err("a fault").to_string()
    }

    #[test]
    fn a_good_run_is_read() {
        let report = Report::read(GOOD, 2, 250_000).expect("all is well");
        assert_eq!(report.passed, 2);
        assert_eq!(report.instructions.len(), 2);
        assert_eq!(report.most(), ("endpoint_tc", 16_559));
    }

    #[test]
    fn what_did_not_run_has_not_passed() {
        let less = GOOD.replace(
            "2 passed; 0 failed; 0 ignored",
            "1 passed; 0 failed; 1 ignored",
        );
        assert!(fault(&less).contains("not all passed"));
        let none = GOOD.replace("verified", "of");
        assert_eq!(fault(&none), "the tests told of no program");
        let silent = GOOD.replace("test result", "test");
        assert_eq!(fault(&silent), "the tests told no result");
    }

    #[test]
    fn a_guest_that_fails_or_ends_early_is_found_out() {
        let failed = GOOD.replace("status 0", "status 101");
        assert_eq!(fault(&failed), "the tests ended with status 101");
        let (panicked, _) = GOOD.split_once("test other").expect("there");
        assert_eq!(fault(panicked), "the guest ended before its tests");
        let warned = GOOD.replace("tainted by 0", "tainted by 512");
        assert_eq!(fault(&warned), "the kernel complained (tainted: 512)");
        assert!(fault("").contains("before its tests"));
    }

    #[test]
    fn a_program_that_takes_too_long_to_verify_is_a_fault() {
        let error = Report::read(GOOD, 2, 16_559).expect_err("too many");
        let expected = "endpoint_tc: 16559 verified instructions, 16559 are too many";
        assert_eq!(error.to_string(), expected);
    }
}
