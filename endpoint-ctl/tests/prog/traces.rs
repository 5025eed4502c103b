//! Everything that packets change in the kernel's maps, row by row, as bytes.
//!
//! May import: aya, endpoint-common, std.

use std::collections::BTreeMap;
use std::fs;

use aya::maps::{Array, Map, MapData, MapInfo, MapType, PerCpuArray};
use endpoint_common::abi::counter::{EniCounters, EniDrops, RuleDrops};
use endpoint_common::abi::flow::{
    Bucket, FlowControl, FlowEntry, FlowEntry4, FlowLimits, RateBuckets,
};
use endpoint_common::abi::meta::Meta;
use endpoint_common::abi::service::Hop;
use endpoint_common::path::Scratch;

/// The maps by name.
pub(crate) type Traces = BTreeMap<String, Vec<Vec<u8>>>;

/// Maps that packets change. Event rings are not among them: what is in them is read.
const CHANGED: [&str; 19] = [
    "META",
    "FLOWS4",
    "FLOWS6",
    "INDEX4",
    "INDEX6",
    "FREE4",
    "FREE6",
    "HALF_OPEN4",
    "HALF_OPEN6",
    "FLOW_CONTROL",
    "STRIPE_LOCKS",
    "LIMITS",
    "RATE_BUCKETS",
    "ENI_FLOWS",
    "ENI_COUNTERS",
    "DROPS",
    "RULE_DROPS",
    "SCRATCH",
    "HOPS",
];

/// Reads those of the one object that this process has loaded.
pub(crate) fn read() -> Traces {
    let mut traces = Traces::new();
    for id in ids() {
        let info = MapInfo::from_id(id).expect("a map of ours");
        let name = info.name_as_str().expect("a name").to_owned();
        if !CHANGED.contains(&name.as_str()) || traces.contains_key(&name) {
            continue;
        }
        let rows = rows(&info, id);
        traces.insert(name, rows);
    }
    let found: Vec<_> = traces.keys().map(String::as_str).collect();
    for name in CHANGED {
        assert!(found.contains(&name), "no {name} among {found:?}");
    }
    traces
}

/// The ids of the maps that this process holds.
fn ids() -> Vec<u32> {
    let files = fs::read_dir("/proc/self/fdinfo").expect("/proc");
    let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    let id = |text: String| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix("map_id:"))?;
        line.trim().parse().ok()
    };
    texts.filter_map(id).collect()
}

/// Rows as large as one of these types.
macro_rules! sized {
    ($info:ident $id:ident: $($row:ty)+) => {
        let size = $info.value_size() as usize;
        let kind = $info.map_type().expect("a type");
        $(
            if size == size_of::<$row>() {
                let data = MapData::from_id($id).expect("a map");
                if kind == MapType::PerCpuArray {
                    let map: PerCpuArray<MapData, [u8; size_of::<$row>()]> =
                        Map::PerCpuArray(data).try_into().expect("rows");
                    let rows = map.iter().map(|row| row.expect("a row").concat());
                    return rows.collect();
                }
                let map: Array<MapData, [u8; size_of::<$row>()]> =
                    Map::Array(data).try_into().expect("rows");
                return map.iter().map(|row| row.expect("a row").to_vec()).collect();
            }
        )+
        panic!("no rows of {size} bytes in {kind:?}")
    };
}

fn rows(info: &MapInfo, id: u32) -> Vec<Vec<u8>> {
    sized! {info id:
        u32 u64 Meta Bucket FlowEntry4 FlowEntry FlowControl FlowLimits RateBuckets EniCounters
        EniDrops RuleDrops Scratch Hop
    }
}
