//! What flows and rules take in memory: rows of the maps, by their sizes.
//!
//! May import: endpoint-common, report (numbers).

use endpoint_common::abi::flow::{Bucket, FlowEntry, FlowEntry4};
use endpoint_common::path::flows::FlowSizes;

use super::report::grouped;

/// Most bytes per flow, both directions together.
const MOST: usize = 256;

/// Prints what tables for so many flows of each family take, and so many rules.
pub(crate) fn print(flows: u32, rules: u32, policy_bytes: usize) {
    let sizes = FlowSizes::for_flows(flows);
    println!("\nmemory for {} flows", grouped(sizes.entries));
    for (family, entry) in [
        ("IPv4", size_of::<FlowEntry4>()),
        ("IPv6", size_of::<FlowEntry>()),
    ] {
        let index = sizes.buckets as usize * size_of::<Bucket>();
        let lists =
            sizes.entries as usize * size_of::<u32>() + sizes.half_open as usize * size_of::<u64>();
        let bytes = sizes.entries as usize * entry + index + lists;
        let each = bytes / sizes.entries as usize;
        println!(
            "{family}: {} MiB, {each} bytes each  {} of {MOST}",
            bytes >> 20,
            if each <= MOST { "ok" } else { "OVER" },
        );
    }
    println!(
        "{} rules: {} MiB, {} bytes each, and as much for the generation that comes",
        grouped(rules),
        policy_bytes >> 20,
        policy_bytes / rules as usize
    );
}
