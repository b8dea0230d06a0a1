//! The memory that all workers of an Envoy process share, and atomic changes to it.

use super::roster::Roster;

/// The version of a record; `None` if there is no record.
pub type Version = Option<u32>;

/// Versioned records by name. Envoy's shared data is one implementation.
pub trait SharedMemory {
    /// The current record.
    fn read(&self, name: &str) -> (Vec<u8>, Version);

    /// Replaces the record if it still has that version; returns whether it did. With `None`, there must be
    /// no record yet.
    fn write(&self, name: &str, record: &[u8], version: Version) -> bool;
}

/// A value in the shared memory. Bytes that cannot be decoded count as no record, because only this code
/// writes them.
pub(super) trait SharedRecord: Default {
    fn decode(bytes: &[u8]) -> Option<Self>;
    fn encode(&self) -> Vec<u8>;
}

/// Changes a record. `change` may run several times: if another worker was faster, it runs again on that
/// worker's result. Some worker always makes progress, so this terminates.
pub(super) fn change<R: SharedRecord, T>(
    memory: &impl SharedMemory,
    name: &str,
    mut change: impl FnMut(&mut R) -> T,
) -> T {
    loop {
        let (bytes, version) = memory.read(name);
        let mut record = R::decode(&bytes).unwrap_or_default();
        let result = change(&mut record);
        let changed = record.encode();
        if changed == bytes || memory.write(name, &changed, version) {
            return result;
        }
    }
}

impl SharedRecord for Roster {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes)
    }

    fn encode(&self) -> Vec<u8> {
        self.write()
    }
}
