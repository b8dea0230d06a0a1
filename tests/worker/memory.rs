//! The memory of one Envoy process.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use switchboard::limits::{SharedMemory, Version};

/// Records by name. Every seventh write fails, as if another worker had been faster.
#[derive(Default)]
pub(crate) struct Memory {
    records: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    writes: Cell<u32>,
}

impl SharedMemory for Memory {
    fn read(&self, name: &str) -> (Vec<u8>, Version) {
        let records = self.records.borrow();
        records.get(name).map_or((Vec::new(), None), |(bytes, version)| (bytes.clone(), Some(*version)))
    }

    fn write(&self, name: &str, record: &[u8], version: Version) -> bool {
        self.writes.set(self.writes.get() + 1);
        let mut records = self.records.borrow_mut();
        let known = records.get(name).map(|(_, version)| *version);
        if known != version || self.writes.get().is_multiple_of(7) {
            return false;
        }
        records.insert(name.to_owned(), (record.to_vec(), self.writes.get()));
        true
    }
}
