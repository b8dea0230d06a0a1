//! Sorting by numbers, which is compiled once: each instance of the standard library's stable sort takes 4 KB of the module.

/// Sorts by a key. Items with the same key stay in their order.
pub fn sort_by_key<T>(items: &mut Vec<T>, key: impl Fn(&T) -> (usize, usize)) {
    // As they mostly are.
    if items.is_sorted_by_key(&key) {
        return;
    }
    let order = order(items.iter().map(key));
    let mut unsorted: Vec<Option<T>> = core::mem::take(items).into_iter().map(Some).collect();
    items.extend(order.into_iter().filter_map(|(_, at)| unsorted.get_mut(at)?.take()));
}

/// The keys in order, with their places.
fn order(keys: impl Iterator<Item = (usize, usize)>) -> Vec<((usize, usize), usize)> {
    let mut order: Vec<_> = keys.zip(0..).collect();
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::sort_by_key;

    #[test]
    fn items_are_in_the_order_of_their_keys_and_else_of_their_places() {
        for seed in 0..200_usize {
            let mut items: Vec<(usize, usize)> =
                (0..seed % 41).map(|at| ((at * 7919 + seed * 31) % 11, at)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| (*key / 3, *key));
            sort_by_key(&mut items, |(key, _)| (*key / 3, *key));
            assert_eq!(items, expected);
        }
    }
}
