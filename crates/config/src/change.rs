use std::collections::BTreeMap;

use kube::ResourceExt;

/// What a watch says.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<K> {
    /// These are all the objects there are.
    Listed(Vec<K>),
    /// An object is new or has changed.
    Applied(K),
    /// An object is gone, or the selector of the watch matches it no more; this is its last state.
    Deleted(K),
}

impl<K> Change<K> {
    /// The same, of what `read` makes of each object.
    #[must_use]
    pub fn map<T>(self, read: impl Fn(K) -> T) -> Change<T> {
        match self {
            Self::Listed(listed) => Change::Listed(listed.into_iter().map(read).collect()),
            Self::Applied(object) => Change::Applied(read(object)),
            Self::Deleted(object) => Change::Deleted(read(object)),
        }
    }
}

impl<K: ResourceExt> Change<K> {
    /// Brings `objects`, which are kept by name, up to date.
    pub fn apply_to(self, objects: &mut BTreeMap<String, K>) {
        match self {
            Self::Listed(listed) => {
                *objects = listed
                    .into_iter()
                    .map(|object| (object.name_any(), object))
                    .collect();
            }
            Self::Applied(object) => drop(objects.insert(object.name_any(), object)),
            Self::Deleted(object) => drop(objects.remove(&object.name_any())),
        }
    }
}
