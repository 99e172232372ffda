//! The seam between the simulation and the machines under test: what a watch delivers becomes an [`Input`], an [`Action`]
//! becomes an [`Errand`].

use std::sync::Arc;
use std::time::Instant;

use allocate::reconciler::{Action, Input, Reconciler};
use allocate::request::Answer;
use allocate::status_updates::{StatusUpdate, StatusUpdates};
use allocate::{Release, slim};
use config::service::Classes;
use config::{Change, Update};
use jiff::Timestamp;
use kube::core::PartialObjectMetaExt as _;

use super::errand::Errand;
use super::object::{Kind, Object};

/// The release that is simulated.
pub(super) fn release() -> Release {
    Release::new(Classes {
        classes: vec!["heraldlb.io/herald".to_owned()],
        require_class: false,
    })
}

/// The machines of a leader.
#[derive(Debug)]
pub(super) struct Machines {
    reconciler: Reconciler,
    updates: StatusUpdates,
    /// The publisher waits for the end of one write before it asks for the next.
    updating: bool,
}

impl Machines {
    /// In a cluster whose nodes have no address of a pool.
    pub(super) fn new(now: Instant) -> Self {
        let mut reconciler = Reconciler::new(release());
        reconciler.handle_input(now, Input::Nodes(Change::Listed(Vec::new())));
        Self {
            reconciler,
            updates: StatusUpdates::default(),
            updating: false,
        }
    }

    pub(super) fn handle_change(&mut self, now: Instant, kind: Kind, change: Change<Arc<Object>>) {
        let input = match kind {
            Kind::Services => Input::Services(each(change, |object| {
                let Object::Service(mut service) = object else {
                    return None;
                };
                slim(&mut service, &release());
                Some(service)
            })),
            Kind::Namespaces => Input::Namespaces(each(change, |object| {
                if let Object::Namespace(object) = object {
                    Some(object.metadata.into_response_partial())
                } else {
                    None
                }
            })),
            Kind::Pools => Input::Objects(Update::from(each(change, |object| {
                if let Object::Pool(object) = object {
                    Some(object)
                } else {
                    None
                }
            }))),
            Kind::L2Advertisements => Input::Objects(Update::from(each(change, |object| {
                if let Object::L2Advertisement(object) = object {
                    Some(object)
                } else {
                    None
                }
            }))),
            Kind::Reservations => Input::Objects(Update::from(each(change, |object| {
                if let Object::Reservation(object) = object {
                    Some(object)
                } else {
                    None
                }
            }))),
            Kind::Leases => return,
        };
        self.reconciler.handle_input(now, input);
    }

    pub(super) fn handle_end(&mut self, now: Instant, input: Input) {
        self.reconciler.handle_input(now, input);
    }

    pub(super) fn handle_update_answer(&mut self, now: Instant, update: StatusUpdate, answer: Answer) {
        self.updating = false;
        self.updates.handle_answer(now, update, answer);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.reconciler.handle_timeout(now);
    }

    /// What is to be done next. `wall_clock` is what the process takes for the time of day.
    pub(super) fn poll_errand(&mut self, now: Instant, wall_clock: Timestamp) -> Option<Errand> {
        while let Some(action) = self.reconciler.poll_action(now) {
            match action {
                Action::Do(task) => return Some(Errand::Task(task)),
                Action::Publish(publication) => self.updates.handle_publication(*publication),
            }
        }
        if self.updating {
            return None;
        }
        let update = self.updates.poll_update(now, wall_clock)?;
        self.updating = true;
        Some(Errand::Update(Box::new(update)))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let updates = self.updates.poll_timeout().filter(|_| !self.updating);
        self.reconciler.poll_timeout().into_iter().chain(updates).min()
    }
}

fn each<K>(change: Change<Arc<Object>>, read: impl Fn(Object) -> Option<K>) -> Change<K> {
    let read = |object: Arc<Object>| read(Object::clone(&object)).expect("a watch delivers one kind");
    match change {
        Change::Listed(objects) => Change::Listed(objects.into_iter().map(read).collect()),
        Change::Applied(object) => Change::Applied(read(object)),
        Change::Deleted(object) => Change::Deleted(read(object)),
    }
}
