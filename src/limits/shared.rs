//! The memory that all workers of one Envoy process share, and how it is changed.

use super::roster::Roster;

/// Tells one version of a record from the next; nothing where there is no record.
pub type Version = Option<u32>;

/// Records under names, each with a version. Envoy's shared data is one.
pub trait SharedMemory {
    /// The record of that name as it is now.
    fn read(&self, name: &str) -> (Vec<u8>, Version);

    /// Replaces the record if its version is still that one; returns whether it did. Without a version there must be
    /// no record yet.
    fn write(&self, name: &str, record: &[u8], version: Version) -> bool;
}

/// What the memory holds. Bytes that cannot be read count as no record: nobody but this code writes them.
pub(super) trait Kept: Default {
    fn decode(bytes: &[u8]) -> Option<Self>;
    fn encode(&self) -> Vec<u8>;
}

/// Changes a record. `change` may run several times: when another worker was faster, it runs again on what that one
/// left. Some worker always gets on, so this ends.
pub(super) fn change<R: Kept, T>(
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

impl Kept for Roster {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes)
    }

    fn encode(&self) -> Vec<u8> {
        self.write()
    }
}
