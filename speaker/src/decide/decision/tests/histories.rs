//! Long random histories of Services that share addresses.

use proptest::prelude::*;

use super::*;

const ADDRESSES: [&str; 4] = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "198.51.100.1"];
const TIERS: [&str; 3] = ["front", "back", "side"];

#[derive(Clone, Debug)]
enum Step {
    /// A Service of a tier has these addresses now.
    Service(u8, usize, Vec<&'static str>),
    Delete(u8),
    Endpoints(u8, Vec<&'static str>),
    Advertise(usize, Vec<&'static str>),
    /// With addresses of both families, or of one.
    Pool(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let addresses = || prop::sample::subsequence(ADDRESSES.to_vec(), 0..=2);
    let nodes = || prop::sample::subsequence(NODES.to_vec(), 0..=3);
    let step = prop_oneof![
        5 => (0..5u8, 0..3usize, addresses()).prop_map(|(name, tier, at)| Step::Service(name, tier, at)),
        1 => (0..5u8).prop_map(Step::Delete),
        2 => (0..5u8, nodes()).prop_map(|(name, on)| Step::Endpoints(name, on)),
        1 => (0..3usize, nodes()).prop_map(|(tier, from)| Step::Advertise(tier, from)),
        1 => any::<bool>().prop_map(Step::Pool),
    ];
    prop::collection::vec(step, 0..40)
}

/// What the API server holds.
struct World {
    services: BTreeMap<u8, Service>,
    slices: BTreeMap<u8, EndpointSlice>,
    advertisements: BTreeMap<usize, L2Advertisement>,
    both_families: bool,
}

fn advertisement(tier: usize, from: &[&str]) -> L2Advertisement {
    let selector = |node: &&str| json!({"matchLabels": {"host": node}});
    let spec = json!({
        "serviceSelectors": [{"matchLabels": {"tier": TIERS[tier]}}],
        "nodeSelectors": from.iter().map(selector).collect::<Vec<_>>(),
    });
    resource("L2Advertisement", TIERS[tier], spec)
}

impl World {
    /// No Service yet, and nothing that would keep one from being announced, from all nodes or from some.
    fn new() -> Self {
        let from = [&NODES[..], &NODES[..2], &NODES[1..]];
        Self {
            services: BTreeMap::new(),
            slices: (0..5)
                .map(|name| (name, slice(&name.to_string(), &NODES)))
                .collect(),
            advertisements: (0..3)
                .map(|tier| (tier, advertisement(tier, from[tier])))
                .collect(),
            both_families: true,
        }
    }

    fn pool(&self) -> Stored<IPPool> {
        let addresses = if self.both_families {
            json!(["192.0.2.0/24", "2001:db8::/64"])
        } else {
            json!(["192.0.2.0/24"])
        };
        resource::<IPPool>("IPPool", "p", json!({"addresses": addresses})).into()
    }

    /// The deciders of nodes whose speakers start now.
    fn seen_anew(&self) -> Bench {
        let mut bench = Bench::new();
        let labelled = |name: &&str| node(name, json!({"host": name}));
        bench.all(|| Input::Nodes(Change::Listed(NODES.iter().map(labelled).collect())));
        bench.all(|| objects::<IPPool>(Change::Listed(vec![self.pool()])));
        let advertisements = || self.advertisements.values().cloned().map(Stored::from).collect();
        bench.all(|| objects::<L2Advertisement>(Change::Listed(advertisements())));
        bench.no_bgp();
        bench.all(|| slices(Change::Listed(self.slices.values().cloned().collect())));
        bench.all(|| services(Change::Listed(self.services.values().cloned().collect())));
        bench
    }

    /// Takes a step, and shows it to the speakers that have been running all the time.
    fn step(&mut self, step: Step, bench: &mut Bench) {
        match step {
            Step::Service(name, tier, addresses) => {
                let mut object = at(&name.to_string(), &addresses);
                object.metadata.labels = Some([("tier".to_owned(), TIERS[tier].to_owned())].into());
                let is_new = self.services.insert(name, object.clone()).is_none();
                bench.all(|| services(Change::Applied(object.clone())));
                // What was there of its slices before it is asked for.
                if let Some(missed) = self.slices.get(&name).filter(|_| is_new) {
                    bench.all(|| slices(Change::Applied(missed.clone())));
                }
            }
            Step::Delete(name) => {
                if let Some(object) = self.services.remove(&name) {
                    bench.all(|| services(Change::Deleted(object.clone())));
                }
            }
            Step::Endpoints(name, on) => {
                let object = slice(&name.to_string(), &on);
                self.slices.insert(name, object.clone());
                bench.all(|| slices(Change::Applied(object.clone())));
            }
            Step::Advertise(tier, from) => {
                let object = advertisement(tier, &from);
                self.advertisements.insert(tier, object.clone());
                bench.all(|| objects::<L2Advertisement>(Change::Applied(object.clone().into())));
            }
            Step::Pool(both_families) => {
                self.both_families = both_families;
                bench.all(|| objects::<IPPool>(Change::Applied(self.pool())));
            }
        }
    }

    /// The addresses that Services tie to this one.
    fn unit(&self, address: &'static str) -> BTreeSet<String> {
        let mut unit = BTreeSet::from([address.to_owned()]);
        for _ in &self.services {
            for service in self.services.values() {
                let addresses = config::service::assigned(service)
                    .into_iter()
                    .map(|ip| ip.to_string());
                let addresses: BTreeSet<_> = addresses.collect();
                if !addresses.is_disjoint(&unit) {
                    unit.extend(addresses);
                }
            }
        }
        unit
    }
}

proptest! {
    /// S8, P-L2-4, P-L2-12, P-L2-14: what may be announced, and from where, follows from what the API holds, not from how it
    /// came about; all nodes come to the same; and what Services tie together is one unit.
    #[test]
    fn what_is_tied_is_one_unit_and_history_does_not_matter(steps in steps()) {
        let mut world = World::new();
        let mut bench = world.seen_anew();
        for step in steps {
            world.step(step, &mut bench);
            let units = bench.deciders[0].decision().unwrap().wanted.units.clone();
            for unit in units.values() {
                let together = unit.addresses.keys().next().map(ToString::to_string).unwrap_or_default();
                let known = ADDRESSES.into_iter().find(|address| *address == together).unwrap();
                let tied = world.unit(known);
                prop_assert!(unit.addresses.keys().all(|ip| tied.contains(&ip.to_string())), "{unit:?}");
            }
            let mut places: Vec<_> = units.values().flat_map(|unit| unit.addresses.keys()).collect();
            let count = places.len();
            places.sort_unstable();
            places.dedup();
            prop_assert_eq!(places.len(), count, "an address is in one unit");
            for address in ADDRESSES {
                bench.may_hold(address);
            }
        }
        for (old, new) in bench.deciders.iter_mut().zip(&mut world.seen_anew().deciders) {
            prop_assert_eq!(old.decision(), new.decision());
        }
    }
}
