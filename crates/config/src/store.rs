//! The custom resources as the watches tell them.

use std::collections::{BTreeMap, BTreeSet};

use crds::Stored;

use crate::change::Change;
use crate::kind::{Configured, Kind, Object};
use crate::object::ObjectName;

/// What the watch of one kind says.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    kind: Kind,
    change: Change<Object>,
}

impl Update {
    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The only object that it is about; none of a list.
    pub fn about(&self) -> Option<ObjectName> {
        match &self.change {
            Change::Listed(_) => None,
            Change::Applied(object) | Change::Deleted(object) => Some(object.name()),
        }
    }
}

impl<K: Configured> From<Change<Stored<K>>> for Update {
    fn from(change: Change<Stored<K>>) -> Self {
        Self {
            kind: K::KIND,
            change: change.map(Object::from),
        }
    }
}

/// What an [`Update`] has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Novelty {
    /// Nothing.
    Nothing,
    /// What controllers write: status, finalizers, versions. Nothing that is judged.
    Status,
    /// What is judged, or which objects there are.
    Content,
}

/// All custom resources of the kinds that are watched, by kind and name.
#[derive(Clone, Debug, Default)]
pub struct Store {
    objects: BTreeMap<ObjectName, Object>,
    /// The kinds whose watch has not delivered its first list.
    unlisted: BTreeSet<Kind>,
}

impl Store {
    /// One that waits for the lists of these kinds.
    pub fn new(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self {
            objects: BTreeMap::new(),
            unlisted: kinds.into_iter().collect(),
        }
    }

    /// Takes in what a watch says.
    pub fn handle_update(&mut self, update: Update) -> Novelty {
        let Update { kind, change } = update;
        match change {
            Change::Listed(objects) => self.replace(kind, objects),
            Change::Applied(object) => self.insert(object.name(), object),
            Change::Deleted(object) => match self.objects.remove(&object.name()) {
                Some(_) => Novelty::Content,
                None => Novelty::Nothing,
            },
        }
    }

    /// Whether the first list of a kind is in.
    pub fn is_listed(&self, kind: Kind) -> bool {
        !self.unlisted.contains(&kind)
    }

    /// Whether the first list of every kind is in.
    pub fn is_complete(&self) -> bool {
        self.unlisted.is_empty()
    }

    /// The objects of one kind, by name.
    pub fn all<K: Configured>(&self) -> impl Iterator<Item = &Stored<K>> {
        self.of_kind(K::KIND).filter_map(|(_, object)| object.typed())
    }

    /// The object of a kind without namespaces that has this name.
    pub fn named<K: Configured>(&self, name: &str) -> Option<&Stored<K>> {
        let name = ObjectName {
            kind: K::KIND,
            namespace: None,
            name: name.to_owned(),
        };
        self.object(&name)?.typed()
    }

    /// One object.
    pub fn object(&self, name: &ObjectName) -> Option<&Object> {
        self.objects.get(name)
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&ObjectName, &Object)> {
        let first = ObjectName {
            kind,
            namespace: None,
            name: String::new(),
        };
        self.objects
            .range(first..)
            .take_while(move |(name, _)| name.kind == kind)
    }

    fn replace(&mut self, kind: Kind, objects: Vec<Object>) -> Novelty {
        let mut novelty = match self.unlisted.remove(&kind) {
            true => Novelty::Content,
            false => Novelty::Nothing,
        };
        let listed: BTreeMap<_, _> = objects
            .into_iter()
            .map(|object| (object.name(), object))
            .collect();
        let gone: Vec<_> = self
            .of_kind(kind)
            .map(|(name, _)| name)
            .filter(|name| !listed.contains_key(name))
            .cloned()
            .collect();
        for name in gone {
            self.objects.remove(&name);
            novelty = Novelty::Content;
        }
        for (name, object) in listed {
            novelty = novelty.max(self.insert(name, object));
        }
        novelty
    }

    fn insert(&mut self, name: ObjectName, object: Object) -> Novelty {
        let novelty = match self.objects.get(&name) {
            Some(known) if *known == object => Novelty::Nothing,
            Some(known) if known.says_the_same_as(&object) => Novelty::Status,
            Some(_) | None => Novelty::Content,
        };
        self.objects.insert(name, object);
        novelty
    }
}

#[cfg(test)]
mod tests;
