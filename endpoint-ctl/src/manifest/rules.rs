//! Rules of a security group by themselves, before they are put into its document: as they would be read
//! there.
//!
//! May import: std, `serde_json`, `model`, `context`, `document`, `fault`, `fields`, `kind`, `node`, `permission`.

use serde_json::{Map, Value};

use super::context::Context;
use super::document::{Declared, whole};
use super::fault::{Fault, Faults, Path, Place};
use super::fields::Fields;
use super::kind::Header;
use super::node;
use super::permission::{self, Reading};
use crate::model::{Kind, Model, SecurityGroup, SecurityGroupRule};

/// Reads rules that were written as JSON, each with an id of its own, as rules of `group`. They may say the
/// same as others, or as each other.
///
/// # Errors
/// All the faults that could be found. Their paths begin with `Permissions[0]`, which is the first rule here.
pub fn rules(
    group: &SecurityGroup,
    permissions: &[Map<String, Value>],
    model: &Model,
) -> Result<Vec<SecurityGroupRule>, Vec<Fault>> {
    let faults = Faults::default();
    let header = Header {
        number: 1,
        line: 0,
        kind: Some(Kind::SecurityGroup),
        id: Some(group.id.to_string()),
    };
    let all: Vec<_> = permissions.iter().map(node::entries).collect();
    let read = {
        let declared = Declared::new(&[], &faults);
        let mut context = Context::beside(model.clone(), &declared);
        let path = Path::default().part("Permissions");
        let mut read = Vec::new();
        for (index, entries) in all.iter().enumerate() {
            let place = Place {
                path: path.item(index),
                ..whole(&header, &faults)
            };
            let (id, vpc, group_type) = (&group.id, &group.vpc, group.group_type);
            let mut reading = Reading::new(Some(id), Some(vpc), Some(group_type));
            let rule = permission::read(Fields::new(place, entries), &mut reading, &mut context);
            read.extend(rule.ok());
        }
        permission::check_references(&context);
        read
    };
    let faults = faults.into_sorted();
    if faults.is_empty() {
        return Ok(read);
    }
    Err(faults)
}
