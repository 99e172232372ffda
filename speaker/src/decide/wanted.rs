//! What the API wants announced on layer 2, as one node sees it: who may hold what. Who does is agreed on the segments.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use announce::{Announceable, Candidates, Interfaces, LocalEndpoints};
use claim::{Addresses, Takes, UnitId};
use model::NodeName;

/// Everything that is to be announced, and by whom it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Addresses that Services tie together, by the lowest of them.
    pub units: BTreeMap<UnitId, Unit>,
    /// Every node that could announce anything: what a majority of speakers is one of.
    pub possible: BTreeSet<NodeName>,
    /// What this node could announce beyond that.
    pub announceable: Announceable,
    /// This node is to hand over what it holds.
    pub drain: bool,
}

impl Wanted {
    /// Addresses that nobody but node `me` may hold, each by itself.
    pub fn only(me: &NodeName, places: impl IntoIterator<Item = (IpAddr, Interfaces)>) -> Self {
        let candidates = Arc::new(BTreeMap::from([(me.clone(), 0)]));
        let unit = |(ip, place): (IpAddr, Interfaces)| {
            let unit = Unit {
                addresses: [(ip, place)].into(),
                candidates: candidates.clone(),
                ..Unit::default()
            };
            (UnitId(ip), unit)
        };
        Self {
            units: places.into_iter().map(unit).collect(),
            possible: [me.clone()].into(),
            announceable: Announceable::default(),
            drain: false,
        }
    }

    /// All addresses that node `me` may hold.
    pub fn candidacies(&self, me: &NodeName) -> BTreeSet<IpAddr> {
        let units = self
            .units
            .values()
            .filter(|unit| unit.candidates.contains_key(me));
        units.flat_map(|unit| unit.addresses.keys().copied()).collect()
    }
}

/// Addresses that one node is to announce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// The addresses, and where this node may announce each of them. Where it is no candidate: wherever they could be
    /// announced, for it takes part in the agreement all the same.
    pub addresses: Places,
    /// Of these, the ones about which this node falls silent when a host outside of the cluster has them too.
    pub yielding: BTreeSet<IpAddr>,
    /// The nodes of which one is to announce them, with their preferences: of most units the same, see [`Shared`].
    pub candidates: Arc<BTreeMap<NodeName, u32>>,
    /// Of these, the ones that will not be able to serve them for long: they go after the others.
    pub terminating: Arc<BTreeSet<NodeName>>,
    /// Where this node's kube-proxy says whether it serves those of the Services that only nodes with endpoints of their own do; none where
    /// it is no candidate.
    pub health_checks: BTreeSet<u16>,
}

impl Unit {
    /// The unit as the interface sees it that takes those of its addresses for which `takes` holds; none if none of them could be
    /// there. `me` stays a candidate where it may not announce, and says what it takes.
    pub fn on(
        &self,
        me: &NodeName,
        mut takes: impl FnMut(IpAddr, &Interfaces) -> bool,
    ) -> Option<claim::Unit> {
        let own = self.candidates.contains_key(me).then(|| {
            let taken = self.addresses.iter().filter(|(ip, place)| takes(*ip, place));
            taken.map(|(ip, _)| ip).collect::<Addresses>()
        });
        match own {
            Some(own) if own.len() == self.addresses.keys().count() => Some(self.of(Takes::All)),
            Some(own) if !own.is_empty() => Some(self.of(Takes::Part(own))),
            Some(_) | None => {
                let could_be = self.addresses.keys().any(|ip| takes(*ip, &Interfaces::All));
                (could_be && !self.candidates.is_empty()).then(|| self.of(Takes::None))
            }
        }
    }

    /// The unit where none of its addresses can be answered for.
    pub fn nowhere(&self) -> claim::Unit {
        self.of(Takes::None)
    }

    fn of(&self, takes: Takes) -> claim::Unit {
        claim::Unit {
            addresses: self.addresses.keys().copied().collect(),
            candidates: self.candidates.clone(),
            terminating: self.terminating.clone(),
            takes,
            ..claim::Unit::default()
        }
    }
}

/// Addresses in order, and where each of them may be announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Vec<(IpAddr, Arc<Interfaces>)>);

impl Places {
    /// The address may be announced there too.
    pub fn allow(&mut self, ip: IpAddr, place: &Arc<Interfaces>) {
        match self.0.binary_search_by_key(&ip, |(ip, _)| *ip) {
            Ok(at) if self.0[at].1 == *place => {}
            Ok(at) => {
                let both = Interfaces::clone(&self.0[at].1).union(Interfaces::clone(place));
                self.0[at].1 = both.into();
            }
            Err(at) => {
                // Most units have one address, and there may be a great many of them.
                self.0.reserve_exact(1);
                self.0.insert(at, (ip, place.clone()));
            }
        }
    }

    /// The addresses in order.
    pub fn keys(&self) -> impl Iterator<Item = &IpAddr> {
        self.0.iter().map(|(ip, _)| ip)
    }

    /// The addresses in order, with the interfaces.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &Interfaces)> {
        self.0.iter().map(|(ip, place)| (*ip, &**place))
    }
}

impl FromIterator<(IpAddr, Interfaces)> for Places {
    fn from_iter<I: IntoIterator<Item = (IpAddr, Interfaces)>>(places: I) -> Self {
        let mut all = Self::default();
        for (ip, place) in places {
            all.allow(ip, &place.into());
        }
        all
    }
}

impl<const N: usize> From<[(IpAddr, Interfaces); N]> for Places {
    fn from(places: [(IpAddr, Interfaces); N]) -> Self {
        places.into_iter().collect()
    }
}

/// Nodes with how much each is preferred.
type Preferences = Arc<BTreeMap<NodeName, u32>>;

/// What is the same for most units, kept once.
#[derive(Debug, Default)]
pub struct Shared {
    candidates: BTreeSet<Preferences>,
    /// Of most units no node is about to go.
    none: Arc<BTreeSet<NodeName>>,
    /// The plan's candidates that came last, which most plans have, and what became of them.
    last: Option<(Arc<Candidates>, Preferences)>,
    places: Vec<Arc<Interfaces>>,
}

impl Shared {
    /// The one copy of the preferences of these candidates.
    pub fn preferences(&mut self, candidates: &Arc<Candidates>) -> Preferences {
        if let Some((_, known)) = self
            .last
            .as_ref()
            .filter(|(last, _)| Arc::ptr_eq(last, candidates))
        {
            return known.clone();
        }
        let preference =
            |(node, candidate): (&NodeName, &announce::Candidate)| (node.clone(), candidate.preference);
        let preferences = self.candidates(candidates.iter().map(preference).collect());
        self.last = Some((candidates.clone(), preferences.clone()));
        preferences
    }

    /// Those of the candidates that go after the others.
    pub fn terminating(&self, candidates: &Candidates) -> Arc<BTreeSet<NodeName>> {
        let terminate = |(node, candidate): (&NodeName, &announce::Candidate)| {
            (candidate.endpoints == LocalEndpoints::Terminate).then(|| node.clone())
        };
        let terminating: BTreeSet<NodeName> = candidates.iter().filter_map(terminate).collect();
        match terminating.is_empty() {
            true => self.none.clone(),
            false => terminating.into(),
        }
    }

    /// The one copy of these candidates.
    pub fn candidates(&mut self, candidates: BTreeMap<NodeName, u32>) -> Preferences {
        if let Some(known) = self.candidates.get(&candidates) {
            return known.clone();
        }
        let new = Arc::new(candidates);
        self.candidates.insert(new.clone());
        new
    }

    /// The unit, with the one copy of its candidates.
    pub(crate) fn unit(&mut self, unit: claim::Unit) -> claim::Unit {
        let candidates = match self.candidates.get(&unit.candidates) {
            Some(known) => known.clone(),
            None => {
                self.candidates.insert(unit.candidates.clone());
                unit.candidates
            }
        };
        claim::Unit { candidates, ..unit }
    }

    /// The one copy of these interfaces.
    pub fn place(&mut self, place: &Interfaces) -> Arc<Interfaces> {
        if let Some(known) = self.places.iter().find(|known| ***known == *place) {
            return known.clone();
        }
        let new = Arc::new(place.clone());
        self.places.push(new.clone());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(node: &str) -> NodeName {
        NodeName(node.into())
    }

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn unit(place: Interfaces) -> Unit {
        Unit {
            addresses: [(ip("192.0.2.1"), place)].into(),
            candidates: Arc::new([(name("n1"), 0), (name("n2"), 5)].into()),
            ..Unit::default()
        }
    }

    /// An interface with the subnet, of the name eth0.
    fn eth0(_: IpAddr, place: &Interfaces) -> bool {
        match place {
            Interfaces::All => true,
            Interfaces::Named(names) => names.contains("eth0"),
        }
    }

    #[test]
    fn a_unit_is_on_the_interfaces_that_take_it() {
        let on = unit(Interfaces::All).on(&name("n1"), eth0).unwrap();
        assert_eq!(on.candidates.len(), 2);
        assert_eq!(unit(Interfaces::All).on(&name("n1"), |_, _| false), None);
    }

    /// P-L2-44, P-L2-45: and it counts for who may hold.
    #[test]
    fn a_node_says_that_it_takes_nothing_on_an_interface_that_it_may_not_announce_on() {
        let elsewhere = Interfaces::Named(["eth1".to_owned()].into());
        let on = unit(elsewhere).on(&name("n1"), eth0).unwrap();
        assert_eq!((on.candidates.len(), on.takes), (2, Takes::None));
    }

    /// F30
    #[test]
    fn a_node_that_is_about_to_go_stays_a_candidate_and_the_segment_knows() {
        let mut unit = unit(Interfaces::All);
        unit.terminating = Arc::new([name("n2")].into());
        for me in ["n1", "n2"] {
            let on = unit.on(&name(me), eth0).unwrap();
            assert_eq!((on.candidates.len(), &on.terminating), (2, &unit.terminating));
        }
    }

    #[test]
    fn a_unit_is_told_whole_and_which_of_its_addresses_the_interface_takes() {
        let elsewhere = Interfaces::Named(["eth1".to_owned()].into());
        let unit = Unit {
            addresses: [(ip("192.0.2.1"), Interfaces::All), (ip("192.0.2.2"), elsewhere)].into(),
            ..unit(Interfaces::All)
        };
        let on = unit.on(&name("n1"), eth0).unwrap();
        assert_eq!(on.addresses, [ip("192.0.2.1"), ip("192.0.2.2")].into());
        assert_eq!(on.takes, Takes::Part([ip("192.0.2.1")].into()));
        assert_eq!(unit.nowhere().takes, Takes::None);
    }

    #[test]
    fn a_node_that_is_no_candidate_takes_part_wherever_the_address_could_be() {
        let on = unit(Interfaces::All).on(&name("n3"), eth0).unwrap();
        assert_eq!(on.candidates.len(), 2);
    }

    #[test]
    fn an_address_may_be_announced_wherever_one_of_those_who_have_it_says() {
        let named = |names: &[&str]| Interfaces::Named(names.iter().map(|name| (*name).to_owned()).collect());
        let mut places: Places = [(ip("192.0.2.2"), named(&["eth0"]))].into();
        places.allow(ip("192.0.2.1"), &Arc::new(Interfaces::All));
        places.allow(ip("192.0.2.2"), &Arc::new(named(&["eth1"])));
        places.allow(ip("192.0.2.2"), &Arc::new(named(&["eth1", "eth0"])));
        let expected = [
            (ip("192.0.2.1"), Interfaces::All),
            (ip("192.0.2.2"), named(&["eth0", "eth1"])),
        ];
        assert_eq!(places, expected.into());
    }

    #[test]
    fn what_is_the_same_for_two_units_is_there_once() {
        let mut shared = Shared::default();
        let of = |nodes: &[&str]| -> BTreeMap<_, _> { nodes.iter().map(|node| (name(node), 0)).collect() };
        let (one, same, other) = (
            shared.candidates(of(&["n1", "n2"])),
            shared.candidates(of(&["n1", "n2"])),
            shared.candidates(of(&["n1"])),
        );
        assert!(Arc::ptr_eq(&one, &same));
        assert_eq!(*other, of(&["n1"]));
        assert!(Arc::ptr_eq(
            &shared.place(&Interfaces::All),
            &shared.place(&Interfaces::All)
        ));
    }
}
