//! A shared memory for tests.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::asking::Pace;
use super::shared::{SharedMemory, Version};

/// A pace for tests.
pub(crate) const PACE: Pace = Pace { sync_ms: 1_000, timeout_ms: 500, grace_ms: 60_000 };

/// Records in a map, without concurrent workers.
#[derive(Default)]
pub(crate) struct Memory(RefCell<BTreeMap<String, (Vec<u8>, u32)>>);

impl Memory {
    /// Its size, including names.
    pub(crate) fn bytes(&self) -> usize {
        self.0.borrow().iter().map(|(name, (record, _))| name.len() + record.len()).sum()
    }
}

impl SharedMemory for Memory {
    fn read(&self, name: &str) -> (Vec<u8>, Version) {
        let known = self.0.borrow().get(name).cloned();
        known.map_or((Vec::new(), None), |(bytes, version)| (bytes, Some(version)))
    }

    fn write(&self, name: &str, record: &[u8], version: Version) -> bool {
        let next = version.unwrap_or_default() + 1;
        self.0.borrow_mut().insert(name.to_owned(), (record.to_vec(), next));
        true
    }
}
