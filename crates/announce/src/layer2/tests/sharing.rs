use super::*;

fn nodes_of(verdict: &Result<Plan, Reason>) -> Vec<String> {
    let plan = verdict.as_ref().unwrap();
    plan.candidates.keys().map(ToString::to_string).collect()
}

/// P-L2-4, P-L2-41, P-L2-42, F41
#[test]
fn services_that_share_an_address_may_go_only_where_each_of_them_may() {
    let mut facts = facts();
    facts.l2_advertisements = vec![from("front", &["n1", "n2"]), from("back", &["n2", "n3"])];
    let (a, b) = (
        sharing("a", "front", &["192.0.2.1"]),
        sharing("b", "back", &["192.0.2.1"]),
    );
    assert_eq!(nodes_of(&judge(&facts, &a)), ["n1", "n2"]);
    assert_eq!(nodes_of(&judge(&facts, &b)), ["n2", "n3"]);
    let verdicts = layer2(&facts, &[&a, &b]);
    assert_eq!(nodes_of(&verdicts[&a.name]), ["n2"]);
    assert_eq!(nodes_of(&verdicts[&b.name]), ["n2"]);
}

/// P-L2-12
#[test]
fn all_addresses_that_services_tie_together_are_one_unit() {
    let pair = sharing("pair", "front", &["192.0.2.2", "2001:db8::1"]);
    let other = sharing("other", "front", &["192.0.2.1", "192.0.2.2"]);
    let verdicts = layer2(&facts(), &[&pair, &other]);
    let plan = |service: &Service| verdicts[&service.name].clone().unwrap();
    assert_eq!(
        plan(&pair).unit,
        [ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8::1")].into()
    );
    assert_eq!(plan(&pair).unit, plan(&other).unit);
    assert_eq!(plan(&pair).addresses, [ip("192.0.2.2"), ip("2001:db8::1")].into());
}

/// P-L2-42, F41
#[test]
fn where_no_node_may_have_all_of_them_each_is_told_who_may_go_where() {
    let mut facts = facts();
    facts.l2_advertisements = vec![from("front", &["n1", "n2"]), from("back", &["n3"])];
    let (a, b) = (
        sharing("a", "front", &["192.0.2.1"]),
        sharing("b", "back", &["192.0.2.1"]),
    );
    let verdicts = layer2(&facts, &[&a, &b]);
    let reason = verdicts[&a.name].clone().unwrap_err();
    assert_eq!(verdicts[&b.name], Err(reason.clone()));
    assert_eq!(reason.word(), "NoCommonNode");
    assert!(
        reason
            .to_string()
            .contains("(default/a may be on n1, n2; default/b may be on n3)"),
        "{reason}"
    );
}

/// P-L2-5
#[test]
fn a_service_that_nobody_may_announce_leaves_the_address_to_the_others() {
    let mut facts = facts();
    facts.l2_advertisements = vec![from("front", &["n1"]), from("nowhere", &["n9"])];
    let front = sharing("front", "front", &["192.0.2.1"]);
    let without_endpoints = Service {
        endpoints: Endpoints::default(),
        ..sharing("empty", "front", &["192.0.2.1"])
    };
    let unselected = sharing("unselected", "back", &["192.0.2.1"]);
    let nowhere = sharing("nowhere", "nowhere", &["192.0.2.1"]);
    let verdicts = layer2(&facts, &[&without_endpoints, &front, &nowhere, &unselected]);
    assert_eq!(nodes_of(&verdicts[&front.name]), ["n1"]);
    let word = |service: &Service| verdicts[&service.name].as_ref().unwrap_err().word();
    assert_eq!(word(&without_endpoints), "NoEndpoints");
    assert_eq!(word(&unselected), "NoMatchingAdvertisement");
    assert_eq!(word(&nowhere), "NoNode");
}

/// S5
#[test]
fn a_node_that_is_not_ready_is_better_than_none_that_all_may_have() {
    let mut facts = facts();
    facts.nodes.get_mut(&name("n2")).unwrap().ready = false;
    facts.l2_advertisements = vec![from("front", &["n1", "n2"]), from("back", &["n2", "n3"])];
    let (a, b) = (
        sharing("a", "front", &["192.0.2.1"]),
        sharing("b", "back", &["192.0.2.1"]),
    );
    assert_eq!(nodes_of(&layer2(&facts, &[&a, &b])[&a.name]), ["n2"]);
    assert_eq!(nodes_of(&judge(&facts, &a)), ["n1"]);
}

/// P-L2-27
#[test]
fn the_weights_of_services_that_share_an_address_add_up_and_the_interfaces_stay_their_own() {
    let mut facts = facts();
    let weighing = |tier: &str, node: &str, weight, interface: &str| L2Advertisement {
        preferences: vec![Preference {
            weight,
            nodes: selector("host", node),
        }],
        interfaces: [interface.to_owned()].into(),
        ..from(tier, &[])
    };
    facts.l2_advertisements = vec![
        weighing("front", "n1", 10, "eth0"),
        weighing("back", "n2", 20, "eth1"),
    ];
    let (a, b) = (
        sharing("a", "front", &["192.0.2.1"]),
        sharing("b", "back", &["192.0.2.1"]),
    );
    let verdicts = layer2(&facts, &[&a, &b]);
    for (service, interface) in [(&a, "eth0"), (&b, "eth1")] {
        let candidates = &verdicts[&service.name].as_ref().unwrap().candidates;
        let weights: Vec<_> = candidates
            .values()
            .map(|candidate| candidate.preference)
            .collect();
        assert_eq!(weights, [10, 20, 0]);
        assert_eq!(
            candidates[&name("n1")].interfaces,
            Interfaces::Named([interface.to_owned()].into())
        );
    }
}
