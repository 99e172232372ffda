use std::collections::BTreeMap;

/// A set of numbers kept as maximal runs, so that the lowest number that is missing is found in O(log n).
#[derive(Clone, Debug, Default)]
pub(crate) struct IntervalSet {
    /// First to last number of each run, both included. Runs neither touch nor overlap.
    runs: BTreeMap<u128, u128>,
    len: u128,
}

impl IntervalSet {
    pub(crate) fn len(&self) -> u128 {
        self.len
    }

    pub(crate) fn contains(&self, number: u128) -> bool {
        self.run_around(number).is_some()
    }

    /// Adds `number`. False when it is there already.
    pub(crate) fn insert(&mut self, number: u128) -> bool {
        if self.contains(number) {
            return false;
        }
        self.len += 1;
        let after = number.checked_add(1).and_then(|next| self.runs.remove(&next));
        let last = after.unwrap_or(number);
        let before = number
            .checked_sub(1)
            .and_then(|previous| self.run_around(previous));
        let first = before.map_or(number, |(first, _)| first);
        self.runs.insert(first, last);
        true
    }

    /// Takes `number` out. False when it is not there.
    pub(crate) fn remove(&mut self, number: u128) -> bool {
        let Some((first, last)) = self.run_around(number) else {
            return false;
        };
        self.len -= 1;
        self.runs.remove(&first);
        if first < number {
            self.runs.insert(first, number - 1);
        }
        if number < last {
            self.runs.insert(number + 1, last);
        }
        true
    }

    /// The lowest number from `first` to `last` that is not in the set.
    pub(crate) fn lowest_missing(&self, first: u128, last: u128) -> Option<u128> {
        let candidate = match self.run_around(first) {
            None => first,
            Some((_, end)) => end.checked_add(1)?,
        };
        (candidate <= last).then_some(candidate)
    }

    fn run_around(&self, number: u128) -> Option<(u128, u128)> {
        let (&first, &last) = self.runs.range(..=number).next_back()?;
        (number <= last).then_some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_number_line_neither_wrap_nor_panic() {
        let mut set = IntervalSet::default();
        assert!(set.insert(u128::MAX) && set.insert(0));
        assert_eq!(set.lowest_missing(u128::MAX, u128::MAX), None);
        assert_eq!(set.lowest_missing(0, u128::MAX), Some(1));
        assert!(set.remove(u128::MAX) && set.remove(0) && !set.remove(0));
        assert_eq!(set.len(), 0);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_set(steps in prop::collection::vec((any::<bool>(), 0u128..40), 0..200)) {
            let (mut set, mut plain) = (IntervalSet::default(), BTreeSet::new());
            for (insert, number) in steps {
                if insert {
                    prop_assert_eq!(set.insert(number), plain.insert(number));
                } else {
                    prop_assert_eq!(set.remove(number), plain.remove(&number));
                }
                prop_assert_eq!(set.len(), plain.len() as u128);
                prop_assert_eq!(set.lowest_missing(3, 35), (3..=35).find(|number| !plain.contains(number)));
            }
        }
    }
}
