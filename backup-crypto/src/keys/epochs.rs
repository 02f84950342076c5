//! One key per epoch.

/// Keys by epoch: at least one, ascending, the last one current.
pub(crate) struct Epochs<T> {
    former: Vec<(u32, T)>,
    current: (u32, T),
}

impl<T> Epochs<T> {
    /// `None` if `keys` is empty or not strictly ascending by epoch.
    pub(crate) fn new(mut keys: Vec<(u32, T)>) -> Option<Self> {
        if !keys.is_sorted_by(|a, b| a.0 < b.0) {
            return None;
        }
        let current = keys.pop()?;
        Some(Self { former: keys, current })
    }

    pub(crate) fn current(&self) -> (u32, &T) {
        (self.current.0, &self.current.1)
    }

    pub(crate) fn get(&self, epoch: u32) -> Option<&T> {
        if epoch == self.current.0 {
            return Some(&self.current.1);
        }
        let at = self.former.binary_search_by_key(&epoch, |key| key.0).ok()?;
        Some(&self.former[at].1)
    }

    pub(crate) fn map<U>(&self, make: impl Fn(&T) -> U) -> Epochs<U> {
        Epochs {
            former: self.former.iter().map(|(epoch, key)| (*epoch, make(key))).collect(),
            current: (self.current.0, make(&self.current.1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Epochs;

    #[test]
    fn finds_each_epoch_and_no_other() {
        let epochs = Epochs::new(vec![(1, 'a'), (4, 'b'), (7, 'c')]).unwrap();
        let found: Vec<_> = (0..9).filter_map(|epoch| epochs.get(epoch).copied()).collect();
        assert_eq!(found, ['a', 'b', 'c']);
        assert_eq!(epochs.get(4), Some(&'b'));
        assert_eq!(epochs.current(), (7, &'c'));
    }

    #[test]
    fn refuses_empty_unsorted_and_duplicate_lists() {
        assert!(Epochs::<()>::new(vec![]).is_none());
        assert!(Epochs::new(vec![(2, ()), (1, ())]).is_none());
        assert!(Epochs::new(vec![(1, ()), (1, ())]).is_none());
    }
}
