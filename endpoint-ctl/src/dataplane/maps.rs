//! Typed handles to maps, taken from a loaded object.
//!
//! May import: aya, compiler (its error), the module's own.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use aya::Ebpf;
use aya::maps::{Array, HashMap, Map, MapData, MapError};

use super::pod::Row;
use super::{DataplaneError, batch};
use crate::compiler::CompileError;

/// A hash map of rows.
pub(super) struct Hash<K: bytemuck::Pod, V: bytemuck::Pod> {
    name: &'static str,
    map: HashMap<MapData, Row<K>, Row<V>>,
}

impl<K: bytemuck::Pod, V: bytemuck::Pod> Hash<K, V> {
    pub(super) fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Self, DataplaneError> {
        let map = HashMap::try_from(take(ebpf, name)?).map_err(named(name))?;
        Ok(Self { name, map })
    }

    pub(super) fn set(&mut self, key: K, value: V) -> Result<(), DataplaneError> {
        self.map
            .insert(Row(key), Row(value), 0)
            .map_err(named(self.name))
    }

    /// Removes a row; one that is gone already is as good.
    pub(super) fn remove(&mut self, key: K) {
        let _ = self.map.remove(&Row(key));
    }
}

/// An array map of rows.
pub(super) struct Rows<V: bytemuck::Pod> {
    name: &'static str,
    map: Array<MapData, Row<V>>,
    /// For what aya has no call for.
    file: OwnedFd,
}

impl<V: bytemuck::Pod> Rows<V> {
    pub(super) fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Self, DataplaneError> {
        let map = take(ebpf, name)?;
        let file = match &map {
            Map::Array(data) => data.fd().as_fd().try_clone_to_owned(),
            _ => Err(io::ErrorKind::InvalidData.into()),
        };
        let file = file.map_err(MapError::from).map_err(named(name))?;
        let map = Array::try_from(map).map_err(named(name))?;
        Ok(Self { name, map, file })
    }

    pub(super) fn len(&self) -> u32 {
        self.map.len()
    }

    /// The error for `needed` rows in one bank of this map.
    pub(super) fn too_small(&self, needed: usize) -> DataplaneError {
        DataplaneError::DoesNotFit(CompileError {
            table: self.name,
            needed,
            capacity: self.len() as usize / 2,
            mend: "please report it: the compiler should have said so",
        })
    }

    pub(super) fn get(&self, row: u32) -> Result<V, DataplaneError> {
        self.map
            .get(&row, 0)
            .map(|row| row.0)
            .map_err(named(self.name))
    }

    pub(super) fn set(&mut self, row: u32, value: V) -> Result<(), DataplaneError> {
        self.map.set(row, Row(value), 0).map_err(named(self.name))
    }
}

impl<V: bytemuck::Pod> Rows<V> {
    /// Writes rows that follow each other, by one system call.
    pub(super) fn set_run(&mut self, first: u32, values: &[V]) -> Result<(), DataplaneError> {
        batch::update(self.file.as_fd(), first, values)
            .map_err(MapError::from)
            .map_err(named(self.name))
    }
}

/// Takes a map out of the object.
pub(super) fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, DataplaneError> {
    ebpf.take_map(name).ok_or(DataplaneError::Missing(name))
}

/// Names the map in an error.
pub(super) fn named(table: &'static str) -> impl Fn(MapError) -> DataplaneError {
    move |source| DataplaneError::Map { table, source }
}
