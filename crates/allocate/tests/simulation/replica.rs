//! The seam between the simulation and the machines under test: what a watch delivers becomes an [`Input`], an [`Action`]
//! becomes an [`Errand`]. A new variant of either is an addition here and in [`super::errand`].

use std::sync::Arc;
use std::time::Instant;

use config::Change;
use config::service::Classes;
use jiff::Timestamp;

use super::errand::{End, Errand};
use super::object::{Kind, Object};
use allocate::reconciler::{Action, Input, Reconciler};
use allocate::slim::slim;
use allocate::status_updates::StatusUpdates;

/// Which Services are Herald's.
pub(super) fn classes() -> Classes {
    Classes {
        classes: vec!["heraldlb.io/herald".to_owned()],
        require_class: false,
    }
}

/// The machines of a leader.
#[derive(Debug)]
pub(super) struct Machines {
    reconciler: Reconciler,
    updates: StatusUpdates,
    /// The publisher waits for the end of one write before it asks for the next.
    noticing: bool,
}

impl Machines {
    pub(super) fn new() -> Self {
        Self {
            reconciler: Reconciler::new(classes()),
            updates: StatusUpdates::default(),
            noticing: false,
        }
    }

    pub(super) fn handle_change(&mut self, now: Instant, kind: Kind, change: Change<Arc<Object>>) {
        let input = match kind {
            Kind::Services => Input::Services(each(change, |object| {
                let Object::Service(mut service) = object else {
                    return None;
                };
                slim(&mut service);
                Some(service)
            })),
            Kind::Namespaces => Input::Namespaces(each(change, |object| {
                if let Object::Namespace(object) = object {
                    Some(object)
                } else {
                    None
                }
            })),
            Kind::Pools => Input::Pools(each(change, |object| {
                if let Object::Pool(object) = object {
                    Some(object)
                } else {
                    None
                }
            })),
            Kind::L2Advertisements => Input::L2Advertisements(each(change, |object| {
                if let Object::L2Advertisement(object) = object {
                    Some(object)
                } else {
                    None
                }
            })),
            Kind::Reservations => Input::Reservations(each(change, |object| {
                if let Object::Reservation(object) = object {
                    Some(object)
                } else {
                    None
                }
            })),
            Kind::Leases => return,
        };
        self.reconciler.handle_input(now, input);
    }

    pub(super) fn handle_end(&mut self, now: Instant, end: End) {
        match end {
            End::Decided(input) => self.reconciler.handle_input(now, *input),
            End::Noticed(update, outcome) => {
                self.noticing = false;
                self.updates.handle_outcome(now, update, outcome);
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.reconciler.handle_timeout(now);
    }

    /// What is to be done next. `wall_clock` is what the process takes for the time of day.
    pub(super) fn poll_errand(&mut self, now: Instant, wall_clock: Timestamp) -> Option<Errand> {
        while let Some(action) = self.reconciler.poll_action(now) {
            return Some(match action {
                Action::FindFormer => Errand::FindFormer,
                Action::Write { object, desired, .. } => Errand::Write { object, desired },
                Action::Reserve {
                    service,
                    reservation,
                    addresses,
                    version,
                } => Errand::Reserve {
                    service,
                    reservation,
                    addresses,
                    version,
                },
                Action::Clear(name) => Errand::LookUp(name),
                Action::Publish(publication) => {
                    self.updates.handle_publication(*publication);
                    continue;
                }
            });
        }
        if self.noticing {
            return None;
        }
        let update = self.updates.poll_update(now, wall_clock)?;
        self.noticing = true;
        Some(Errand::StatusUpdate(Box::new(update)))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let updates = self.updates.poll_timeout().filter(|_| !self.noticing);
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
