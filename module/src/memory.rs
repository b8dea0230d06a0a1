//! Records by name, which all workers share.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use switchboard::limits::{SharedMemory, Version};

/// The memory of this process.
pub(crate) static MEMORY: Memory = Memory(Mutex::new(None));

/// Versioned records.
pub(crate) struct Memory(Mutex<Option<Records>>);

/// By name: the record and its version.
type Records = HashMap<String, (Vec<u8>, u32)>;

impl Memory {
    fn with<T>(&self, run: impl FnOnce(&mut Records) -> T) -> T {
        run(self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
    }
}

impl SharedMemory for Memory {
    fn read(&self, name: &str) -> (Vec<u8>, Version) {
        self.with(|records| match records.get(name) {
            Some((record, version)) => (record.clone(), Some(*version)),
            None => (Vec::new(), None),
        })
    }

    fn write(&self, name: &str, record: &[u8], version: Version) -> bool {
        self.with(|records| match (records.get_mut(name), version) {
            (Some((current, found)), Some(expected)) if *found == expected => {
                record.clone_into(current);
                *found = found.wrapping_add(1);
                true
            }
            (None, None) => {
                records.insert(name.to_owned(), (record.to_vec(), 1));
                true
            }
            _ => false,
        })
    }
}
