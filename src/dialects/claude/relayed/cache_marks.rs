//! Fields of cache marks that a surface lacks.

use super::super::betas::Place;
use crate::json::{Object, Raw, Splice, read};

/// Whether any field of cache marks is cut.
pub(super) fn are_cut(cuts: &[Place]) -> bool {
    cuts.iter().any(|place| matches!(place, Place::CacheControl(_)))
}

/// Cuts them in blocks and in the blocks of tool results.
pub(super) fn cut(blocks: &[Raw<'_>], cuts: &[Place], splice: &mut Splice<'_>) {
    if !are_cut(cuts) {
        return;
    }
    for block in blocks.iter().filter_map(|block| Object::of(*block)) {
        in_mark(block.get("cache_control"), cuts, splice);
        let inside: Vec<Raw<'_>> =
            block.get("content").and_then(|inside| read(inside).ok()).unwrap_or_default();
        for block in inside.iter().filter_map(|block| Object::of(*block)) {
            in_mark(block.get("cache_control"), cuts, splice);
        }
    }
}

/// Cuts them in one mark.
pub(super) fn in_mark(mark: Option<Raw<'_>>, cuts: &[Place], splice: &mut Splice<'_>) {
    let mark = mark.and_then(Object::of).unwrap_or_default();
    for member in mark.members() {
        if cuts.iter().any(|place| matches!(place, Place::CacheControl(name) if member.is(name))) {
            splice.remove(member);
        }
    }
}
