use std::sync::Arc;

use super::*;
use crate::reconciler::decision::DRAIN_TIME;

/// P-ALLOC-58, DESIGN §7
#[test]
fn an_edit_of_the_pools_moves_nothing() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    bench.input(objects::<IPPool>(Change::Applied(pool(
        "home",
        "198.51.100.0/24",
    ))));
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert!(
        bench
            .condition("web")
            .1
            .contains("no IPPool would give it out now")
    );
    bench.input(objects::<IPPool>(Change::Deleted(pool(
        "home",
        "198.51.100.0/24",
    ))));
    bench.restart("198.51.100.0/24");
    assert_eq!(bench.address("web"), "192.0.2.0");
}

/// P-ALLOC-43, P-ALLOC-60
#[test]
fn a_changed_request_shows_the_new_address_before_the_old_one_goes() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    bench.writes.clear();
    let wanted = json!({"heraldlb.io/loadBalancerIPs": "192.0.2.9"});
    bench.apply_with("web", wanted, load_balancer());
    assert_eq!(bench.address("web"), "192.0.2.9,192.0.2.0");
    bench.apply("api", load_balancer());
    assert_eq!(
        bench.address("api"),
        "192.0.2.1",
        "the old address is not free yet"
    );
    bench.pass(DRAIN_TIME);
    assert_eq!(bench.address("web"), "192.0.2.9");
    bench.apply("third", load_balancer());
    assert_eq!(bench.address("third"), "192.0.2.0");
    bench.pass(DRAIN_TIME * 100);
    assert_eq!(
        bench
            .writes
            .iter()
            .filter(|write| *write == "write default/web")
            .count(),
        2
    );
}

#[test]
fn a_restart_in_the_middle_of_a_move_ends_the_move() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    let wanted = json!({"heraldlb.io/loadBalancerIPs": "192.0.2.9"});
    bench.apply_with("web", wanted, load_balancer());
    bench.restart("192.0.2.0/24");
    assert_eq!(bench.address("web"), "192.0.2.9,192.0.2.0");
    bench.pass(DRAIN_TIME);
    assert_eq!(bench.address("web"), "192.0.2.9");
}

/// S1: nobody gets an address while a write that ended without an answer may have shown it on another Service.
#[test]
fn an_address_that_a_lost_write_may_show_is_not_free() {
    let mut bench = Bench::started("192.0.2.0/31");
    let object = bench.put("web", load_balancer());
    bench
        .reconciler
        .handle_input(bench.now, Input::Services(Change::Applied(object)));
    let write = bench.next_write();
    // It takes effect, and the reply is lost.
    let object = Arc::clone(&write.object);
    bench.write(write);
    bench.input(Input::Ended(ServiceName::new("default", "web"), Ending::Unknown));
    // What the watch shows next is older than that: another address is asked for.
    let mut edited = (*object).clone();
    edited.metadata.annotations =
        serde_json::from_value(json!({"heraldlb.io/loadBalancerIPs": "192.0.2.1"})).unwrap();
    bench.input(Input::Services(Change::Applied(edited)));
    bench.apply("api", load_balancer());
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert_eq!(bench.address("api"), "");
}

/// P-ALLOC-49, P-ALLOC-51
#[test]
fn a_service_that_may_share_no_longer_moves_at_once_and_another_joins() {
    let mut bench = Bench::started("192.0.2.0/31");
    let shared = json!({"heraldlb.io/allow-shared-ip": "team"});
    let port = |port: u16| {
        let mut spec = load_balancer();
        spec["ports"] = json!([{"port": port}]);
        spec
    };
    bench.apply_with("a", shared.clone(), port(80));
    bench.apply_with("b", shared.clone(), port(443));
    assert_eq!(
        (bench.address("a"), bench.address("b")),
        ("192.0.2.0".into(), "192.0.2.0".into())
    );
    bench.apply_with("c", shared, port(443));
    assert_eq!(bench.address("c"), "192.0.2.1");
    bench.apply_with("b", json!({"heraldlb.io/allow-shared-ip": "other"}), port(443));
    assert_eq!(bench.address("b"), "", "no address is left");
    assert_eq!(bench.condition("b").0, "PoolFull");
    bench.delete("c");
    assert_eq!(bench.address("b"), "192.0.2.1");
}

/// S1: what a Service was granted and does not show yet outlives the rule that let it share.
#[test]
fn an_address_is_not_shown_before_who_may_share_it_no_longer_shows_it_no_more() {
    let mut bench = Bench::started("192.0.2.0/31");
    let team = || serde_json::from_value(json!({"heraldlb.io/allow-shared-ip": "team"})).unwrap();
    let port =
        |port: u16| json!({"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "ports": [{"port": port}]});
    bench.apply_with("a", json!({"heraldlb.io/allow-shared-ip": "team"}), port(80));
    let mut changed =
        [("b", 443), ("b", 443), ("a", 443)].map(|(name, number)| bench.put(name, port(number)));
    for object in &mut changed {
        object.metadata.annotations = team();
    }
    let [stale, fresh, edited] = changed;
    bench.input(Input::Services(Change::Applied(stale)));
    assert_eq!(bench.address("b"), "", "its write came too late");
    for object in [fresh, edited] {
        let input = Input::Services(Change::Applied(object));
        bench.reconciler.handle_input(bench.now, input);
    }
    let write = bench.next_write();
    bench.drain();
    assert_eq!(bench.address("b"), "", "a shows the address still");
    let ended = bench.write(write);
    bench.input(ended);
    assert_eq!(
        (bench.address("a"), bench.address("b")),
        ("192.0.2.1".into(), "192.0.2.0".into())
    );
}

/// P-ALLOC-62
#[test]
fn an_entry_of_the_status_that_is_no_address_is_replaced() {
    let mut bench = Bench::started("192.0.2.0/24");
    let mut object = bench.put("web", load_balancer());
    let status = json!({"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}});
    object.status = serde_json::from_value(status).unwrap();
    bench
        .store
        .insert(ServiceName::new("default", "web"), object.clone());
    bench.input(Input::Services(Change::Applied(object)));
    assert_eq!(bench.address("web"), "192.0.2.0");
    bench.writes.clear();
    bench.pass(DRAIN_TIME * 100);
    assert_eq!(bench.writes, [""; 0]);
}

/// P-ALLOC-7
#[test]
fn a_service_that_loses_its_cluster_ip_loses_its_address() {
    let mut bench = Bench::started("192.0.2.7/32");
    bench.apply("web", load_balancer());
    bench.apply("next", load_balancer());
    bench.apply("web", json!({"type": "LoadBalancer", "clusterIPs": ["None"]}));
    assert_eq!(
        (bench.address("web"), bench.condition("web").0),
        (String::new(), "NoClusterIP".into())
    );
    assert_eq!(bench.address("next"), "192.0.2.7");
}

/// DESIGN §7: a pool that does not give out an address any more says whether its Services move.
#[test]
fn with_reclaim_policy_move_a_service_leaves_what_its_pool_gives_out_no_more() {
    let mut bench = Bench::started("192.0.2.0/31");
    bench.apply("web", load_balancer());
    let moving = serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool", "metadata": {"name": "home"},
        "spec": {"addresses": ["192.0.2.0/31"], "exclude": ["192.0.2.0"], "reclaimPolicy": "Move"},
    }))
    .unwrap();
    bench.input(objects::<IPPool>(Change::Applied(moving)));
    assert_eq!(bench.address("web"), "192.0.2.1,192.0.2.0");
    bench.pass(DRAIN_TIME);
    assert_eq!(bench.address("web"), "192.0.2.1");
}

#[test]
fn a_service_with_the_reallocate_annotation_moves_from_a_pool_that_keeps() {
    let mut bench = Bench::started("192.0.2.0/31");
    bench.apply("web", load_balancer());
    bench.input(objects::<IPPool>(Change::Applied(pool("home", "192.0.2.1/32"))));
    assert_eq!(bench.address("web"), "192.0.2.0");
    bench.apply_with("web", json!({"heraldlb.io/reallocate": "true"}), load_balancer());
    bench.pass(DRAIN_TIME);
    assert_eq!(bench.address("web"), "192.0.2.1");
}

/// S1: a Service shows what another process wrote while this one's write was on its way.
#[test]
fn what_a_status_is_seen_to_show_while_it_is_written_is_given_to_nobody_else() {
    let mut bench = Bench::started("192.0.2.0/31");
    let object = bench.put("shop", load_balancer());
    let seen = Input::Services(Change::Applied(object));
    bench.reconciler.handle_input(bench.now, seen);
    let write = bench.next_write();
    assert_eq!(write.desired.addresses, ["192.0.2.0".parse::<IpAddr>().unwrap()]);
    bench.write_as("other", "shop", json!([{"ip": "192.0.2.1"}]));
    bench.apply("web", load_balancer());
    assert_eq!(bench.address("web"), "", "shop shows it");
    let ended = bench.write(write);
    bench.input(ended);
    bench.pass(Duration::from_secs(1));
    bench.pass(DRAIN_TIME);
    assert_eq!(
        (bench.address("shop"), bench.address("web")),
        ("192.0.2.0".into(), "192.0.2.1".into())
    );
}

/// S1: with whom a Service shares no longer is known as soon as it is seen, though an older one is decided about first.
#[test]
fn an_older_service_does_not_join_one_that_was_seen_to_share_no_more() {
    let mut bench = Bench::started("192.0.2.7/32");
    let shared = json!({"heraldlb.io/allow-shared-ip": "team"});
    let port =
        |port: u16| json!({"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "ports": [{"port": port}]});
    bench.apply("older", json!({"type": "LoadBalancer"}));
    bench.apply_with("younger", shared.clone(), port(80));
    assert_eq!(bench.address("younger"), "192.0.2.7");
    let edited = bench.put("younger", port(80));
    let mut joining = bench.put("older", port(443));
    joining.metadata.annotations = serde_json::from_value(shared).unwrap();
    for object in [edited, joining] {
        let input = Input::Services(Change::Applied(object));
        bench.reconciler.handle_input(bench.now, input);
    }
    let write = bench.next_write();
    assert_eq!(config::service::name(&write.object).name.as_ref(), "older");
    assert_eq!(write.desired.addresses, [] as [IpAddr; 0]);
}

/// S1: of a Service that is no LoadBalancer any more, the watch does not show with whom it would share.
#[test]
fn nobody_joins_a_service_that_is_being_cleared() {
    let mut bench = Bench::started("192.0.2.7/32");
    let shared = json!({"heraldlb.io/allow-shared-ip": "team"});
    bench.apply_with("a", shared.clone(), load_balancer());
    bench.holds_clears = true;
    bench.delete("a");
    bench.apply_with("b", shared, load_balancer());
    assert_eq!(bench.address("b"), "");
    bench.input(Input::Ended(
        ServiceName::new("default", "a"),
        Ending::Cleared(None),
    ));
    assert_eq!(bench.address("b"), "192.0.2.7");
}
