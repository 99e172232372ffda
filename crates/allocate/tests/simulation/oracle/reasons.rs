//! Why a Service may lose an address: S2.

use std::net::IpAddr;
use std::sync::Arc;

use ipam::Families;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use model::{Family, PoolName};

use super::facts::{self, Pool};
use crate::log::{Author, Entry, Seen};
use crate::object::{Key, Kind, Object};
use crate::store::Store;

/// The time in which a Service had an address, up to the write that takes it away.
struct Tenure<'a> {
    store: &'a Store,
    key: &'a Key,
    address: IpAddr,
    /// What happened before the write.
    past: &'a [Entry],
    /// Where in that the Service got the address.
    got: usize,
    /// What had been seen by who decided to give the address, and by who decided to take it: what they had not may be older
    /// than the tenure and still be news to them.
    seen: [Seen; 2],
    /// What the Service was like in it.
    forms: Vec<&'a Service>,
}

/// Whether the Service of the write at `index` of the log may lose `address` by it. Whatever has happened since it got the
/// address can be the reason: the decision is older than the write, and may be older than the last news that it lets in.
///
/// One that takes two addresses or none loses both where one of them is lost for a reason, and no other is to be had.
pub(super) fn may_lose(store: &Store, index: usize, address: IpAddr, seen: Seen) -> bool {
    let tenure = Tenure::new(store, index, address, seen);
    let entry = &store.log()[index];
    let (before, after) = (facts::assigned(&entry.before), facts::assigned(&entry.after));
    let lost = before.into_iter().filter(|other| !after.contains(other));
    let mut others = lost.filter(|other| Family::of(*other) != Family::of(address));
    let undone = |other| Tenure::new(store, index, other, seen).may_end();
    tenure.may_end() || tenure.asks_for_both() && others.any(undone)
}

impl<'a> Tenure<'a> {
    fn new(store: &'a Store, index: usize, address: IpAddr, seen: Seen) -> Self {
        let (entry, past) = (&store.log()[index], &store.log()[..index]);
        let got = |past: &Entry| {
            past.key == entry.key
                && facts::assigned(&past.after).contains(&address)
                && !facts::assigned(&past.before).contains(&address)
        };
        let got = past.iter().rposition(got).unwrap_or_default();
        let own = past[got..]
            .iter()
            .filter(|event| event.key == entry.key)
            .filter_map(|event| event.after.as_ref());
        Self {
            store,
            key: &entry.key,
            address,
            past,
            got,
            seen: [seen_by(&past[got], seen), seen],
            forms: own
                .chain(&entry.before)
                .filter_map(|form| form.service())
                .collect(),
        }
    }
}

impl Tenure<'_> {
    fn may_end(&self) -> bool {
        let unwanted = self.forms.iter().any(|form| self.is_unwanted(form));
        unwanted || self.is_taken_back() || self.is_disputed() || self.is_edited_apart()
    }

    /// Whether the Service, in some form, asks for an address of each family or none.
    fn asks_for_both(&self) -> bool {
        let mut requests = self.forms.iter().map(|form| facts::request(self.store, form));
        requests.any(|request| request.is_ok_and(|request| request.families == Families::Both))
    }

    /// Whether the Service, in this form, asks for something else, or for nothing that Herald gives.
    fn is_unwanted(&self, form: &Service) -> bool {
        if !facts::is_ours(form) {
            return true;
        }
        let Ok(request) = facts::request(self.store, form) else {
            return true;
        };
        let others = !request.addresses.is_empty() && !request.addresses.contains(&self.address);
        let elsewhere = !request.pools.is_empty() && !request.pools.iter().any(|pool| self.is_of(pool));
        let kept = request.reservation.is_some_and(|name| {
            let forms = self.forms_of(&Key::reservation(&name));
            forms.iter().any(|form| !keeps(form, self.address))
        });
        others || elsewhere || kept || self.is_misfit(request.families, form)
    }

    /// Whether the address is of a family that is not asked for, or lacks the one of the other family beside it.
    fn is_misfit(&self, families: Families, form: &Service) -> bool {
        match families {
            Families::One(family) => Family::of(self.address) != family,
            Families::Prefer(_) => false,
            Families::Both => {
                let held = config::service::assigned(form);
                held.iter()
                    .all(|held| Family::of(*held) == Family::of(self.address))
            }
        }
    }

    /// Whether the address came from a pool, or was one of its addresses all the time.
    fn is_of(&self, pool: &PoolName) -> bool {
        let came = self
            .forms
            .iter()
            .all(|form| config::service::recorded_pools(form).get(self.address) == Some(pool));
        let pools = self.forms_of(&Key::new(Kind::Pools, "", &pool.0));
        came || !pools.is_empty()
            && pools
                .iter()
                .all(|form| read(form).is_some_and(|pool| pool.covers(self.address)))
    }

    /// Whether a pool that the address may be one of moves Services away, or the Service asked to be moved.
    fn is_taken_back(&self) -> bool {
        let willing = |form: &&Service| {
            form.annotations()
                .get("heraldlb.io/reallocate")
                .is_some_and(|word| word == "true")
        };
        let former = self
            .events(Kind::Pools)
            .flat_map(|event| [&event.before, &event.after])
            .flatten();
        let pools = former.chain(self.store.of_kind(Kind::Pools).map(|(_, object)| object));
        let moves = pools.filter_map(|object| read(object)).any(Pool::moves);
        self.forms.iter().any(willing) || moves
    }

    /// Whether another Service had the address at the same time and the two could not share it. The older one keeps it,
    /// unless they could share it once: then the one that was edited moves.
    fn is_disputed(&self) -> bool {
        let others = self.events(Kind::Services).filter(|event| event.key != *self.key);
        let former = others.flat_map(|event| [&event.before, &event.after]).flatten();
        let now = self
            .store
            .of_kind(Kind::Services)
            .filter(|(key, _)| *key != self.key)
            .map(|(_, object)| object);
        let others: Vec<&Service> = former.chain(now).filter_map(|object| object.service()).collect();
        let rivals = others
            .iter()
            .filter(|other| config::service::assigned(other).contains(&self.address));
        rivals.into_iter().any(|rival| {
            let share = |form: &&Service| facts::may_share(form, rival);
            let refused = self.forms.iter().any(|form| !share(form));
            let older = self.forms.iter().any(|form| age(rival) < age(form));
            refused
                && (older
                    || self.forms.iter().any(share)
                    || others.iter().any(|other| self.shared(rival, other)))
        })
    }

    /// Whether the Service could share with another, and was edited so that it can no longer. That one may have been granted
    /// the address while it could, though its status never came to show it.
    fn is_edited_apart(&self) -> bool {
        let others = self.events(Kind::Services).filter(|event| event.key != *self.key);
        let forms = others.flat_map(|event| [&event.before, &event.after]).flatten();
        forms
            .filter_map(|object| object.service())
            .filter(|other| facts::is_ours(other))
            .any(|other| {
                let share = |form: &&&Service| facts::may_share(form, other);
                self.forms.iter().any(|form| share(&form)) && !self.forms.iter().all(|form| share(&form))
            })
    }

    /// Whether `other` is a form of `rival` in which it could share.
    fn shared(&self, rival: &Service, other: &Service) -> bool {
        rival.metadata.uid == other.metadata.uid
            && self.forms.iter().any(|form| facts::may_share(form, other))
    }

    /// What happened to the objects of a kind in this time, and what the writer may have seen as new in it.
    fn events(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        let first = self
            .seen
            .iter()
            .map(|seen| seen.of(kind))
            .chain([self.got])
            .min()
            .unwrap_or_default();
        self.past[first..]
            .iter()
            .filter(move |event| event.key.kind == kind)
    }

    /// All that an object was in this time.
    fn forms_of(&self, key: &Key) -> Vec<Arc<Object>> {
        let events = self.events(key.kind).filter(|event| event.key == *key);
        let former = events.flat_map(|event| [event.before.clone(), event.after.clone()]);
        former.chain([self.store.get(key).cloned()]).flatten().collect()
    }
}

fn seen_by(entry: &Entry, otherwise: Seen) -> Seen {
    match entry.stamp.author {
        Author::Process { seen, .. } => seen,
        Author::User | Author::Restore => otherwise,
    }
}

fn read(object: &Object) -> Option<Pool<'_>> {
    object.pool()?.readable().ok().map(Pool)
}

fn keeps(reservation: &Object, address: IpAddr) -> bool {
    let readable = reservation
        .reservation()
        .and_then(|object| object.readable().ok());
    readable.is_some_and(|object| object.spec.addresses.contains(&address.to_string()))
}

fn age(service: &Service) -> impl Ord + use<> {
    (
        service.metadata.creation_timestamp.clone(),
        config::service::name(service),
    )
}
