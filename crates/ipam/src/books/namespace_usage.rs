use std::collections::BTreeMap;

/// How many addresses of each list each namespace uses, for quotas and for saying who could be asked for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamespaceUsage {
    counts: BTreeMap<(usize, String), u32>,
}

impl NamespaceUsage {
    pub(crate) fn add(&mut self, list: usize, namespace: &str) {
        *self.counts.entry((list, namespace.to_owned())).or_default() += 1;
    }

    pub(crate) fn subtract(&mut self, list: usize, namespace: &str) {
        let key = (list, namespace.to_owned());
        if let Some(count) = self.counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&key);
            }
        }
    }

    pub(crate) fn count(&self, list: usize, namespace: &str) -> u32 {
        self.counts
            .get(&(list, namespace.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// The namespaces that use most of the list, at most `most` of them.
    pub(crate) fn largest(&self, list: usize, most: usize) -> Vec<(String, u32)> {
        let of_list = self
            .counts
            .range((list, String::new())..(list + 1, String::new()));
        let mut namespaces: Vec<(&String, u32)> = of_list
            .map(|((_, namespace), &count)| (namespace, count))
            .collect();
        namespaces.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let largest = namespaces.into_iter().take(most);
        largest
            .map(|(namespace, count)| (namespace.clone(), count))
            .collect()
    }
}
