use super::*;

/// P-CFG-45
#[test]
fn nothing_is_given_out_before_every_first_list_is_in() {
    let mut bench = Bench::new();
    let service = bench.put("web", load_balancer());
    bench.input(Input::Services(Change::Listed(vec![service])));
    bench.input(objects::<IPPool>(Change::Listed(vec![pool(
        "home",
        "192.0.2.0/24",
    )])));
    bench.input(objects::<L2Advertisement>(Change::Listed(vec![])));
    bench.input(objects::<IPReservation>(Change::Listed(vec![])));
    bench.input(Input::Namespaces(Change::Listed(vec![])));
    assert!(bench.writes.is_empty() && !bench.reconciler.started());
    bench.input(Input::Nodes(Change::Listed(vec![])));
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert_eq!(
        bench.condition("web"),
        ("Allocated".into(), "192.0.2.0 from IPPool home".into())
    );
}

/// P-ALLOC-54, P-ALLOC-55, S9
#[test]
fn a_restart_writes_nothing_and_moves_nothing() {
    let mut bench = Bench::started("192.0.2.0/24");
    for name in ["a", "b", "c"] {
        bench.apply(name, load_balancer());
    }
    assert_eq!(bench.writes.len(), 3);
    bench.delete("a");
    bench.restart("192.0.2.0/24");
    assert_eq!(bench.writes, [""; 0]);
    assert_eq!(
        (bench.address("b"), bench.address("c")),
        ("192.0.2.1".into(), "192.0.2.2".into())
    );
    bench.apply("d", load_balancer());
    assert_eq!(bench.address("d"), "192.0.2.0");
}

#[test]
fn of_two_services_with_one_address_the_older_keeps_it() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("b-older", load_balancer());
    bench.apply("a-newer", load_balancer());
    let status = bench.store[&ServiceName::new("default", "b-older")]
        .status
        .clone();
    bench
        .store
        .get_mut(&ServiceName::new("default", "a-newer"))
        .unwrap()
        .status = status;
    bench.restart("192.0.2.0/24");
    assert_eq!(bench.address("b-older"), "192.0.2.0");
    assert_eq!(bench.address("a-newer"), "192.0.2.1");
}

/// P-ALLOC-30
#[test]
fn a_service_waits_for_the_labels_of_its_namespace_where_a_pool_looks_at_them() {
    let mut bench = Bench::started("198.51.100.0/24");
    let gold = serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool", "metadata": {"name": "gold", "resourceVersion": "1"},
        "spec": {
            "addresses": ["192.0.2.0/24"],
            "serviceAllocation": {"namespaceSelectors": [{"matchLabels": {"tier": "gold"}}]},
        },
    }))
    .unwrap();
    bench.input(objects::<IPPool>(Change::Applied(gold)));
    bench.input(Input::Namespaces(Change::Deleted(namespace(
        "default",
        json!({}),
    ))));
    bench.apply("web", load_balancer());
    assert_eq!(bench.writes, [""; 0]);
    bench.input(Input::Namespaces(Change::Applied(namespace(
        "default",
        json!({"tier": "gold"}),
    ))));
    assert_eq!(bench.address("web"), "192.0.2.0");
}

/// P-ALLOC-2, S1
#[test]
fn a_service_that_stopped_being_a_load_balancer_while_nobody_led_is_cleared_before_its_address_is_free() {
    let mut bench = Bench::started("192.0.2.7/32");
    bench.apply("former", load_balancer());
    bench.apply("next", load_balancer());
    bench.put(
        "former",
        json!({"type": "ClusterIP", "clusterIPs": ["10.96.0.7"]}),
    );
    bench.holds_clears = true;
    bench.restart("192.0.2.7/32");
    assert_eq!(
        (bench.writes.as_slice(), bench.address("next")),
        (["clear default/former".to_owned()].as_slice(), String::new())
    );
    let cleared = Ending::Cleared(None);
    bench.input(Input::Ended(ServiceName::new("default", "former"), cleared));
    assert_eq!(bench.address("next"), "192.0.2.7");
}

/// P-ALLOC-2: a watch that hung for long has shown neither its status, which another replica wrote, nor its end.
#[test]
fn a_service_that_was_never_seen_as_a_load_balancer_is_cleared_after_a_new_list() {
    let mut bench = Bench::started("192.0.2.7/32");
    bench.apply("web", load_balancer());
    let name = |name| ServiceName::new("default", name);
    let status = bench.store[&name("web")].status.clone();
    bench.delete("web");
    bench.put(
        "former",
        json!({"type": "ClusterIP", "clusterIPs": ["10.96.0.7"]}),
    );
    bench.store.get_mut(&name("former")).unwrap().status = status;
    bench.writes.clear();
    bench.list();
    assert_eq!(bench.writes, ["clear default/former"]);
    bench.apply("next", load_balancer());
    assert_eq!(bench.address("next"), "192.0.2.7");
}

/// The status is the record: what this process would have written and did not is none.
#[test]
fn what_another_process_gave_stays_with_whom_its_status_shows_though_this_one_was_about_to_give_it_to_an_older_service()
 {
    let mut bench = Bench::started("192.0.2.0/31");
    let event = bench.put("old", load_balancer());
    bench
        .reconciler
        .handle_input(bench.now, Input::Services(Change::Applied(event)));
    let write = bench.next_write();
    assert_eq!(write.desired.addresses, ["192.0.2.0".parse::<IpAddr>().unwrap()]);
    // Another process has written that already, for another Service; and something has changed the older one.
    let mut young = bench.put("young", load_balancer());
    young.status = serde_json::from_value(json!({
        "loadBalancer": {"ingress": [{"ip": "192.0.2.0", "ipMode": "VIP"}]},
        "conditions": [{
            "type": "heraldlb.io/Allocated", "status": "True", "reason": "Allocated",
            "message": "192.0.2.0 from IPPool home", "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }))
    .unwrap();
    bench
        .store
        .insert(ServiceName::new("default", "young"), young.clone());
    let changed = bench.put("old", load_balancer());
    for object in [young, changed] {
        let input = Input::Services(Change::Applied(object));
        bench.reconciler.handle_input(bench.now, input);
        let action = bench.reconciler.poll_action(bench.now);
        assert!(
            action.is_none(),
            "nothing is taken away before that write has ended: {action:?}"
        );
    }
    let ended = bench.write(write);
    assert!(matches!(ended, Input::Ended(_, Ending::Conflict)), "{ended:?}");
    bench.input(ended);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.address("young"), "192.0.2.0");
    assert_eq!(bench.address("old"), "192.0.2.1");
}
