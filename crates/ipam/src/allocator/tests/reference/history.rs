//! Two allocators side by side in one world: the real one, and one that follows the rules as they are written.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{NodeName, Origins, ServiceName};

use super::object::{Object, Wanting};
use super::rules::{Row, Tables, compatible};
use super::steps::Step;
use super::world::{Configuration, SERVICES, address, reserved, service, universe};
use super::{checks, truth};
use crate::{Adoption, Claim, Ipam, Occupant, Sharing, Wait};

/// The world.
#[derive(Debug)]
pub(super) struct History {
    pub(super) ipam: Ipam,
    pub(super) tables: Tables,
    pub(super) objects: Vec<Object>,
    configuration: Configuration,
    /// How often the pools have changed.
    pub(super) edits: u64,
}

impl History {
    pub(super) fn new(configuration: Configuration) -> Self {
        let mut history = Self {
            ipam: Ipam::default(),
            tables: Tables::of(universe()),
            objects: (0..SERVICES).map(Object::new).collect(),
            configuration,
            edits: 0,
        };
        history.set_pools();
        history
    }

    /// Lets it happen to both, and compares them.
    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Change(who, change) => {
                let object = &mut self.objects[*who];
                if !object.exists && object.shown.0.is_empty() && object.in_flight.is_none() {
                    *object = Object::new(*who);
                }
                object.exists = true;
                let before = object.request.clone();
                change.apply(&mut object.request);
                if object.request != before {
                    (object.granted, object.wanting) = (false, None);
                }
                self.reconcile(*who);
            }
            Step::Reconcile(who) => self.reconcile(*who),
            Step::Misread(who) => self.misread(*who),
            Step::Begin(who) => self.begin(*who),
            Step::End(who) => self.end(*who),
            Step::Lose(who) => self.objects[*who].in_flight = None,
            Step::Delete(who) => self.delete(*who),
            Step::Clear(who) => self.clear(*who),
            Step::Pool(pool, edit) => {
                self.configuration.edit(*pool, edit);
                self.set_pools();
            }
            Step::Hand(from, count, owner) => {
                self.configuration.hand(*from, *count, *owner);
                self.set_pools();
            }
            Step::Reserve(number, addresses) => {
                let (name, addresses) = reserved(*number, addresses);
                // Who names a reservation looks again when that changes.
                for object in &mut self.objects {
                    object
                        .wanting
                        .take_if(|_| object.request.reservation.as_ref() == Some(&name));
                }
                self.tables.reservations.insert(name, addresses);
                self.tables
                    .reservations
                    .retain(|_, addresses| !addresses.is_empty());
                self.ipam.set_reservations(self.tables.reservations.clone());
            }
            Step::Occupy(addresses) => self.occupy(addresses),
            Step::Show(who, number) => self.show(*who, address(*number)),
            Step::Restart => self.restart(),
        }
        self.tell();
        checks::every_step(self);
    }

    /// What happened is told to those that wait for it, unless nothing of it is left.
    fn tell(&mut self) {
        let news: BTreeSet<Wait> = std::iter::from_fn(|| self.ipam.poll_news()).collect();
        for wanting in self
            .objects
            .iter_mut()
            .filter_map(|object| object.wanting.as_mut())
        {
            wanting.told.extend(news.intersection(&wanting.waits).cloned());
            wanting.told.retain(|wait| self.ipam.is_left(wait));
        }
    }

    fn set_pools(&mut self) {
        self.edits += 1;
        self.tables.set_pools(self.configuration.pools());
        let adoption = self.ipam.set_pools(self.tables.pools.clone());
        self.adopt(adoption);
    }

    fn occupy(&mut self, numbers: &[usize]) {
        let node = Occupant::Node(NodeName("n".into()));
        let addresses = numbers.iter().map(|&number| (address(number), node.clone()));
        self.tables.occupied = addresses.collect();
        let adoption = self.ipam.set_occupied(self.tables.occupied.clone());
        self.adopt(adoption);
    }

    /// What a status shows and we never gave is its Service's once it is of a pool.
    fn adopt(&mut self, adoption: Adoption) {
        let mut foreign = self.tables.rows.values().flat_map(|row| &row.foreign);
        let adopted = foreign.any(|&address| self.tables.is_adopted(address));
        assert_eq!(adopted, adoption == Adoption::ClaimAnew);
        if adopted {
            self.restart();
        }
    }

    fn show(&mut self, who: usize, address: IpAddr) {
        let object = &mut self.objects[who];
        if !object.exists || object.shown.0.contains(&address) {
            return;
        }
        object.in_flight = None;
        object.shown.0.push(address);
        match self.tables.rows.contains_key(&service(who)) {
            true => self.settle(who),
            false => self.claim(who),
        }
    }

    fn reconcile(&mut self, who: usize) {
        if !self.objects[who].exists {
            return;
        }
        let request = self.objects[who].request.clone();
        let before = self.tables.clone();
        let expected = before.expected(&request);
        let current = expected.clone().unwrap_or_else(|| before.left(&request));
        let known = expected.iter().flatten().filter_map(|&address| {
            before.declared(address)?;
            Some((address, before.pool_of(&request, address)?))
        });
        self.hold(&request.service, &request.sharing, current, known.collect());
        let result = self.ipam.assign(&request);
        match &result {
            Ok(grant) => assert_eq!(Some(&grant.addresses), expected.as_ref(), "{request:?}"),
            Err(refusal) => assert_eq!(expected, None, "{request:?} {refusal}"),
        }
        checks::asking_again_changes_nothing(&before, &self.ipam, &request, &result);
        let object = &self.objects[who];
        checks::no_status_of_another_shows_it(self, &before, who);
        checks::lost_for_a_reason(&before, object, &result, &self.tables.row(&request.service));
        checks::served_only_after_notice(&before, object, &result, self.edits);
        if let Err(refusal) = &result {
            truth::refusal_is_true(&before, &request, refusal);
        }
        let granted = result.as_ref().map_or(0, |grant| grant.addresses.len());
        let wanting = (granted < request.families.best().len()).then(|| Wanting {
            granted,
            row: self.tables.row(&request.service),
            edits: self.edits,
            waits: self.ipam.waits(&request),
            told: BTreeSet::new(),
        });
        if wanting.is_none() {
            assert_eq!(self.ipam.waits(&request), BTreeSet::new());
        }
        let object = &mut self.objects[who];
        (object.granted, object.wanting) = (result.is_ok(), wanting);
    }

    fn misread(&mut self, who: usize) {
        let request = self.objects[who].request.clone();
        if self.objects[who].exists {
            let current = self.tables.shareable(&request.service, &request.sharing);
            self.hold(&request.service, &request.sharing, current, Origins::default());
            self.ipam.retain(&request.service, &request.sharing);
        }
    }

    /// Make before break: what the Service has, and what it had as long as that is nobody else's.
    fn begin(&mut self, who: usize) {
        let name = service(who);
        let draining = self.ipam.draining(&name);
        checks::drains_harmlessly(&self.tables, &name, &draining);
        let object = &mut self.objects[who];
        if object.exists && object.in_flight.is_none() {
            let mut shown = [self.ipam.held(&name), &draining].concat();
            if shown.is_empty() {
                shown = self.ipam.foreign(&name).to_vec();
            }
            object.in_flight = Some((shown, self.ipam.origins(&name)));
        }
    }

    fn end(&mut self, who: usize) {
        let object = &mut self.objects[who];
        if let Some(written) = object.in_flight.take() {
            object.shown = written;
        }
        self.settle(who);
    }

    /// What is shown and not to be had is to be lost, or was never given by us.
    fn settle(&mut self, who: usize) {
        let (name, shown) = (service(who), self.objects[who].shown.0.clone());
        let mut row = self.tables.row(&name);
        let rest = shown
            .iter()
            .copied()
            .filter(|address| !row.current.contains(address));
        let rest: BTreeSet<IpAddr> = rest.collect();
        let ours = |address: &IpAddr| row.leaving.contains(address) || self.tables.is_adopted(*address);
        (row.leaving, row.foreign) = rest.into_iter().partition(ours);
        row.origins = known(&row);
        self.put(&name, row);
        self.ipam.settle(&name, &shown);
    }

    fn delete(&mut self, who: usize) {
        if self.objects[who].exists {
            (self.objects[who].exists, self.objects[who].granted) = (false, false);
            self.hold(&service(who), &Sharing::default(), Vec::new(), Origins::default());
            self.ipam.forfeit(&service(who));
        }
    }

    fn clear(&mut self, who: usize) {
        let object = &mut self.objects[who];
        if !object.exists {
            object.in_flight = None;
            object.shown = Default::default();
            let held = self.tables.rows.remove(&service(who)).is_some();
            assert_eq!(self.ipam.release(&service(who)), held);
        }
    }

    /// Every status is claimed, oldest Service first.
    fn restart(&mut self) {
        let written = |object: &Object| {
            let held = self.ipam.held(&object.request.service);
            object.shown.0 == held && object.shown.1 == self.ipam.origins(&object.request.service)
        };
        let written: Vec<bool> = self.objects.iter().map(written).collect();
        self.ipam = Ipam::default();
        self.tables.rows.clear();
        self.ipam.set_pools(self.tables.pools.clone());
        self.ipam.set_occupied(self.tables.occupied.clone());
        self.ipam.set_reservations(self.tables.reservations.clone());
        for (who, written) in written.into_iter().enumerate() {
            let object = &mut self.objects[who];
            (object.in_flight, object.wanting) = (None, None);
            self.claim(who);
            let row = self.tables.row(&service(who));
            self.objects[who].granted &= written && row.leaving.is_empty() && row.foreign.is_empty();
            if !self.objects[who].exists {
                self.hold(&service(who), &Sharing::default(), Vec::new(), Origins::default());
                self.ipam.forfeit(&service(who));
            }
        }
    }

    /// What the status shows is the Service's, where a record or a pool says so, and no other Service has it.
    fn claim(&mut self, who: usize) {
        let object = &self.objects[who];
        let (shown, origins) = object.shown.clone();
        let sharing = object.request.sharing.clone();
        let rows = self.tables.rows.values();
        let rivals: Vec<&Row> = rows.filter(|row| !compatible(&row.sharing, &sharing)).collect();
        let lost = |address: &IpAddr| rivals.iter().any(|row| row.current.contains(address));
        let ours = |address: &IpAddr| origins.get(*address).is_some() || self.tables.is_adopted(*address);
        let (ours, foreign): (Vec<_>, Vec<_>) = shown.iter().copied().partition(ours);
        let (leaving, current): (Vec<_>, Vec<_>) = ours.into_iter().partition(lost);
        let claim = Claim {
            addresses: shown,
            sharing: sharing.clone(),
            origins: origins.clone(),
        };
        let told = self.ipam.claim(&service(who), claim);
        assert_eq!(
            told.iter().map(|(address, _)| *address).collect::<Vec<_>>(),
            leaving
        );
        let row = Row {
            current,
            leaving,
            foreign,
            sharing,
            origins,
        };
        self.put(&service(who), row);
    }

    fn hold(&mut self, name: &ServiceName, sharing: &Sharing, current: Vec<IpAddr>, origins: Origins) {
        let before = self.tables.row(name);
        let mut leaving = [before.current, before.leaving].concat();
        leaving.retain(|address| !current.contains(address));
        let both = origins.iter().chain(before.origins.iter());
        let mut row = Row {
            foreign: before.foreign,
            current,
            leaving,
            sharing: sharing.clone(),
            origins: both.map(|(address, pool)| (address, pool.clone())).collect(),
        };
        row.foreign.retain(|address| !row.current.contains(address));
        row.origins = known(&row);
        self.put(name, row);
    }

    fn put(&mut self, name: &ServiceName, row: Row) {
        match row.current.is_empty() && row.leaving.is_empty() && row.foreign.is_empty() {
            true => drop(self.tables.rows.remove(name)),
            false => drop(self.tables.rows.insert(name.clone(), row)),
        }
    }
}

/// Where the addresses of the row came from.
fn known(row: &Row) -> Origins {
    let known = |&address: &IpAddr| Some((address, row.origins.get(address)?.clone()));
    row.current.iter().chain(&row.leaving).filter_map(known).collect()
}
