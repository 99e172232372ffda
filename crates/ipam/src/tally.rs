use std::collections::BTreeMap;

/// How many addresses of each shelf each namespace uses, for quotas and for saying who could be asked for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(usize, String), u32>,
}

impl Tally {
    pub(crate) fn add(&mut self, shelf: usize, namespace: &str) {
        *self.counts.entry((shelf, namespace.to_owned())).or_default() += 1;
    }

    pub(crate) fn subtract(&mut self, shelf: usize, namespace: &str) {
        let key = (shelf, namespace.to_owned());
        if let Some(count) = self.counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&key);
            }
        }
    }

    pub(crate) fn count(&self, shelf: usize, namespace: &str) -> u32 {
        self.counts
            .get(&(shelf, namespace.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// The namespaces that use most of the shelf, at most `most` of them.
    pub(crate) fn largest(&self, shelf: usize, most: usize) -> Vec<(String, u32)> {
        let of_shelf = self
            .counts
            .range((shelf, String::new())..(shelf + 1, String::new()));
        let mut namespaces: Vec<(&String, u32)> = of_shelf
            .map(|((_, namespace), &count)| (namespace, count))
            .collect();
        namespaces.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let largest = namespaces.into_iter().take(most);
        largest
            .map(|(namespace, count)| (namespace.clone(), count))
            .collect()
    }
}
