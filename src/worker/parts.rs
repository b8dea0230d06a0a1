//! The calls for parts of split requests that are in flight.

use core::cell::RefCell;
use std::rc::Rc;

use super::passage::Passage;

/// The calls of a worker for parts.
#[derive(Debug, Default)]
pub struct PartCalls(RefCell<Vec<PartCall>>);

/// A call for a part.
#[derive(Debug)]
pub struct PartCall {
    /// The host's number of the call.
    pub call: u64,
    /// The split request.
    pub passage: Rc<Passage>,
    /// The index of the part.
    pub index: usize,
}

impl PartCalls {
    /// A call was made.
    pub fn add(&self, call: PartCall) {
        self.0.borrow_mut().push(call);
    }

    /// The call with that number has ended.
    pub fn take(&self, call: u64) -> Option<PartCall> {
        self.take_if(|other| other.call == call)
    }

    /// A call of that request, which ends with it.
    pub fn take_of(&self, passage: &Passage) -> Option<PartCall> {
        self.take_if(|call| core::ptr::eq(Rc::as_ptr(&call.passage), passage))
    }

    fn take_if(&self, is_it: impl Fn(&PartCall) -> bool) -> Option<PartCall> {
        let mut all = self.0.borrow_mut();
        let at = all.iter().position(is_it)?;
        Some(all.swap_remove(at))
    }
}
