//! People at work: they create, edit and delete Services, pools and labels in a world so small that they are always in each
//! other's way.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::ObjectMeta;

use super::chance::Chance;
use super::log::Stamp;
use super::object::{Key, Kind, Object};
use super::store::{Store, time};
use reservations::delete_disputed_reservations;

mod pools;
mod reservations;
mod services;

const NAMESPACES: [&str; 2] = ["blue", "green"];
const TIERS: [&str; 2] = ["gold", "iron"];
/// What somebody did who found nothing to work on.
const NOTHING: &str = "nothing";

/// All the people, with the chance by which they decide.
#[derive(Debug)]
pub(super) struct Users {
    chance: Chance,
    /// Objects created so far: each gets a uid of its own.
    created: u64,
}

impl Users {
    pub(super) fn new(chance: Chance) -> Self {
        Self { chance, created: 0 }
    }

    /// What is there before the first replica starts.
    pub(super) fn furnish(&mut self, store: &mut Store) {
        for namespace in NAMESPACES {
            self.label_namespace(store, Duration::ZERO, namespace);
        }
        for pool in pools::NAMES
            .iter()
            .take(1 + self.chance.index(pools::NAMES.len()))
        {
            self.write_pool(store, Duration::ZERO, pool);
        }
        for _ in 0..self.chance.below(4) {
            self.write_service(store, Duration::ZERO);
        }
    }

    /// How long it takes until someone does something again.
    pub(super) fn pause(&mut self) -> Duration {
        let (least, most) = self
            .chance
            .one_of(&[(1, 20), (20, 500), (500, 3_000), (3_000, 8_000)]);
        self.chance
            .between(Duration::from_millis(least), Duration::from_millis(most))
    }

    /// One edit; what was done, in words.
    pub(super) fn act(&mut self, store: &mut Store, now: Duration) -> String {
        match self.chance.below(100) {
            0..30 => self.write_service(store, now),
            30..65 => self.edit_service(store, now),
            65..75 => self.delete_service(store, now),
            75..80 => self.touch_status(store, now),
            80..90 => {
                let name = self.chance.one_of(&pools::NAMES);
                self.write_pool(store, now, name)
            }
            90..93 => self.delete_pool(store, now),
            93..95 => self.write_reservation(store, now),
            95..98 => self.delete_reservation(store, now),
            _ => {
                let name = self.chance.one_of(&NAMESPACES);
                self.label_namespace(store, now, name)
            }
        }
    }

    /// What two objects claim at once or nobody can read is put right: which of two stays in force depends on what was
    /// before, and the oracle does not ask for that.
    pub(super) fn put_right(&mut self, store: &mut Store, now: Duration) {
        self.mend_pools(store, now);
        delete_disputed_reservations(store, now);
    }

    fn label_namespace(&mut self, store: &mut Store, now: Duration, name: &str) -> String {
        let tier = self.chance.percent(70).then(|| self.chance.one_of(&TIERS));
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: tier.map(|tier| [("tier".to_owned(), tier.to_owned())].into()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        store.put(
            Stamp::user(now),
            Key::new(Kind::Namespaces, "", name),
            Object::Namespace(namespace),
        );
        format!("namespace {name} has the tier {tier:?}")
    }

    /// Metadata of an object that is written now; what the server keeps over edits stays.
    fn metadata(&mut self, store: &Store, now: Duration, key: &Key) -> ObjectMeta {
        if let Some(object) = store.get(key) {
            let mut metadata = object.metadata().clone();
            metadata.generation = metadata.generation.map(|generation| generation + 1);
            return metadata;
        }
        self.created += 1;
        ObjectMeta {
            name: Some(key.name.clone()),
            namespace: Some(key.namespace.clone()).filter(|namespace| !namespace.is_empty()),
            uid: Some(format!("uid-{}", self.created)),
            creation_timestamp: Some(time(now)),
            generation: Some(1),
            ..ObjectMeta::default()
        }
    }

    fn any(&mut self, store: &Store, kind: Kind) -> Option<Key> {
        let keys: Vec<&Key> = store.of_kind(kind).map(|(key, _)| key).collect();
        (!keys.is_empty()).then(|| keys[self.chance.index(keys.len())].clone())
    }

    fn any_service(&mut self, store: &Store) -> Option<(Key, Service)> {
        let key = self.any(store, Kind::Services)?;
        let service = store.get(&key)?.service()?.clone();
        Some((key, service))
    }
}
