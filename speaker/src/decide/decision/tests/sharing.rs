//! Addresses that Services share: one node holds them, whatever each Service by itself would allow.

use super::*;

/// Advertises the Services of that tier from these nodes.
fn advertisement(tier: &str, nodes: &[&str], interface: &str) -> L2Advertisement {
    let selector = |node: &&str| json!({"matchLabels": {"host": node}});
    resource(
        "L2Advertisement",
        tier,
        json!({
            "serviceSelectors": [{"matchLabels": {"tier": tier}}],
            "nodeSelectors": nodes.iter().map(selector).collect::<Vec<_>>(),
            "interfaces": [interface],
        }),
    )
}

fn of_tier(tier: &str, addresses: &[&str]) -> Service {
    let mut service = at(tier, addresses);
    service.metadata.labels = Some([("tier".to_owned(), tier.to_owned())].into());
    service
}

impl Bench {
    /// Tiers `front` and `back` at one address, each advertised from nodes of its own.
    fn sharing(front: &[&str], back: &[&str]) -> Self {
        let mut bench = Self::started();
        let labelled = |name: &&str| node(name, json!({"host": name}));
        bench.all(|| Input::Nodes(Change::Listed(NODES.iter().map(labelled).collect())));
        let pool = || {
            resource::<IPPool>(
                "IPPool",
                "p",
                json!({"addresses": ["192.0.2.0/24", "2001:db8::/64"]}),
            )
        };
        bench.all(|| objects::<IPPool>(Change::Applied(pool().into())));
        bench.advertise(front, back);
        bench.all(|| services(Change::Deleted(service("web", "192.0.2.1"))));
        for tier in ["front", "back"] {
            bench.all(|| slices(Change::Applied(slice(tier, &NODES))));
            bench.all(|| services(Change::Applied(of_tier(tier, &["192.0.2.1"]))));
        }
        bench
    }

    fn advertise(&mut self, front: &[&str], back: &[&str]) {
        let both = || {
            let both = [
                advertisement("front", front, "eth0"),
                advertisement("back", back, "eth1"),
            ];
            Change::Listed(both.map(Stored::from).into())
        };
        self.all(|| objects::<L2Advertisement>(both()));
    }
}

/// P-L2-4, P-L2-12, F41
#[test]
fn services_of_one_address_are_for_a_node_that_both_may_have() {
    let mut bench = Bench::sharing(&["n1", "n2"], &["n2", "n3"]);
    assert_eq!(bench.may_hold("192.0.2.1"), ["n2"]);
    let held = alone("192.0.2.1");
    assert_eq!(bench.prospect_of("front"), held);
    assert_eq!(bench.prospect_of("back"), held);
}

/// P-L2-46: neither Service loses a segment to the other.
#[test]
fn an_address_of_two_services_is_announced_where_either_says() {
    let mut bench = Bench::sharing(&["n1"], &["n1"]);
    let units = bench.deciders[0].decision().unwrap().wanted.units.clone();
    let both = Interfaces::Named(["eth0".to_owned(), "eth1".to_owned()].into());
    let unit = units.into_values().next().unwrap();
    assert_eq!(unit.addresses, [("192.0.2.1".parse().unwrap(), both)].into());
}

/// P-L2-42, F41
#[test]
fn without_a_common_node_nobody_may_hold_the_address_and_both_services_say_why() {
    let mut bench = Bench::sharing(&["n1"], &["n3"]);
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
    for name in ["front", "back"] {
        assert!(matches!(
            bench.prospect_of(name),
            Layer2::Nobody(Reason::NoCommonNode(_))
        ));
    }
    bench.advertise(&["n1", "n3"], &["n3"]);
    assert_eq!(bench.may_hold("192.0.2.1"), ["n3"]);
}

/// P-L2-12: whichever Service of the unit changes, the others follow.
#[test]
fn a_dual_stack_pair_and_what_shares_it_are_one_unit_until_nothing_ties_them() {
    let mut bench = Bench::sharing(&["n1"], &["n1", "n2", "n3"]);
    let pair = of_tier("back", &["192.0.2.2", "2001:db8::2"]);
    bench.all(|| services(Change::Applied(pair.clone())));
    let apart = bench.may_hold("192.0.2.2");
    assert_eq!((apart.len(), &apart), (3, &bench.may_hold("2001:db8::2")));
    let mut unit = |name: &str| match bench.prospect_of(name) {
        Layer2::One(plan) => unit_of(&plan).to_string(),
        other @ (Layer2::Nobody(_) | Layer2::Off) => panic!("{other:?}"),
    };
    assert_eq!(
        (unit("front"), unit("back")),
        ("192.0.2.1".into(), "192.0.2.2".into())
    );
    let tying = of_tier("front", &["192.0.2.1", "192.0.2.2"]);
    bench.all(|| services(Change::Applied(tying.clone())));
    for address in ["192.0.2.1", "192.0.2.2", "2001:db8::2"] {
        assert_eq!(bench.may_hold(address), ["n1"]);
    }
    assert_eq!(bench.deciders[0].decision().unwrap().wanted.units.len(), 1);
    bench.all(|| services(Change::Deleted(tying.clone())));
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
    assert_eq!(bench.may_hold("192.0.2.2"), apart);
}

/// P-L2-5
#[test]
fn an_address_stays_as_long_as_one_of_its_services_has_an_endpoint() {
    let mut bench = Bench::sharing(&["n2"], &["n2", "n3"]);
    bench.all(|| slices(Change::Applied(slice("back", &[]))));
    assert_eq!(bench.may_hold("192.0.2.1"), ["n2"]);
    assert_eq!(bench.prospect_of("back"), Layer2::Nobody(Reason::NoEndpoints));
    bench.all(|| slices(Change::Applied(slice("front", &[]))));
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
}
