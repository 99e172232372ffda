use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// What Herald did not write is never a reason to write again.
#[test]
fn a_hostname_of_another_writer_stays_while_there_is_nothing_to_show_in_its_place() {
    let mut bench = Bench::new();
    bench.input(objects::<IPPool>(Change::Listed(vec![])));
    bench.list();
    bench.apply("web", load_balancer());
    bench.write_as("cloud", "web", json!([{"hostname": "lb.example"}]));
    bench.writes.clear();
    bench.pass(HOUR);
    assert_eq!(bench.writes, [""; 0]);
    bench.input(objects::<IPPool>(Change::Applied(pool("home", "192.0.2.0/24"))));
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert_eq!(bench.writes, ["write default/web"]);
}

/// P-ALLOC-9: one who writes back is answered more and more seldom, and named.
#[test]
fn a_writer_that_puts_its_own_back_is_named_once_and_answered_more_and_more_seldom() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    bench.writes.clear();
    for _ in 0..600 {
        if bench.address("web") == "192.0.2.0" {
            bench.write_as("cloud", "web", json!([{"ip": "203.0.113.9"}]));
        }
        bench.pass(Duration::from_secs(1));
    }
    assert!(bench.writes.len() <= 12, "{} writes", bench.writes.len());
    let (reason, message) = bench.condition("web");
    assert_eq!(reason, "Contested");
    assert!(
        message.starts_with("192.0.2.0 from IPPool home; \"cloud\" writes something else"),
        "{message}"
    );
    let told = bench
        .events
        .iter()
        .filter(|event| event.reason == "StatusContested");
    assert_eq!(told.count(), 1);
    bench.pass(2 * HOUR);
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert_eq!(bench.condition("web").0, "Allocated");
}

/// S9: a write that does not bring about what it was to is repeated more and more seldom.
#[test]
fn an_address_that_another_writer_owns_is_taken_out_of_its_list_explicitly() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    let theirs = json!([{"ip": "192.0.2.0"}, {"hostname": "lb.example"}]);
    let patch = Patch::Merge(json!({"status": {"loadBalancer": {"ingress": theirs}}}));
    bench.patch_status(&ServiceName::new("default", "web"), "cloud", &patch);
    // It asks for what nobody has.
    let wrong = json!({"heraldlb.io/loadBalancerIPs": "router"});
    bench.apply_with("web", wrong, json!({"type": "LoadBalancer", "clusterIPs": []}));
    bench.pass(HOUR);
    assert_eq!(bench.address("web"), "");
    let status = bench.store[&ServiceName::new("default", "web")]
        .status
        .clone()
        .unwrap();
    let ingress = status.load_balancer.unwrap().ingress.unwrap();
    assert_eq!(ingress[0].hostname.as_deref(), Some("lb.example"));
}

/// P-ALLOC-6, P-INSTALL-19
#[test]
fn a_service_of_another_release_of_herald_is_left_alone() {
    let mut bench = Bench::started("192.0.2.0/24");
    let mut spec = load_balancer();
    spec["loadBalancerClass"] = json!("example.com/other");
    bench.put("theirs", spec);
    let condition = json!({
        "type": "heraldlb.io/Allocated", "status": "True", "reason": "Allocated",
        "message": "192.0.2.0 from IPPool home", "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let status = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.0"}]}, "conditions": [condition]});
    let name = ServiceName::new("default", "theirs");
    let patch = Patch::Apply(json!({"status": status}));
    bench.patch_status(&name, "herald-controller-example.com/other", &patch);
    let seen = bench.late.pop().unwrap();
    bench.input(Input::Services(Change::Applied(seen)));
    bench.pass(HOUR);
    assert_eq!(bench.writes, [""; 0]);
    assert_eq!(bench.address("theirs"), "192.0.2.0");
    bench.apply("web", load_balancer());
    assert_eq!(bench.address("web"), "192.0.2.1", "what the other shows is taken");
}

#[test]
fn a_service_without_a_class_keeps_its_address_when_such_are_left_to_others_until_another_provider_writes() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    let store = std::mem::take(&mut bench.store);
    let version = bench.version;
    bench = Bench::of(release(true));
    (bench.store, bench.version) = (store, version);
    bench.input(objects::<IPPool>(Change::Listed(vec![pool(
        "home",
        "192.0.2.0/24",
    )])));
    bench.list();
    bench.pass(HOUR);
    assert_eq!(
        (bench.address("web"), bench.writes.len()),
        ("192.0.2.0".into(), 0)
    );
    bench.apply("new", load_balancer());
    assert_eq!(bench.address("new"), "");
    bench.write_as("cloud", "web", json!([{"ip": "203.0.113.9"}]));
    bench.pass(HOUR);
    let status = bench.store[&ServiceName::new("default", "web")]
        .status
        .clone()
        .unwrap();
    assert_eq!(status.conditions.unwrap_or_default().len(), 0);
    assert_eq!(bench.address("web"), "203.0.113.9");
}

/// The conditions go when the Service is ours no more, that of the speakers too.
#[test]
fn a_service_that_is_no_load_balancer_any_more_says_nothing_of_herald() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    let announced = json!({
        "type": "heraldlb.io/Announced", "status": "True", "reason": "Announced", "message": "by node n1",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let patch = Patch::Apply(json!({"status": {"conditions": [announced]}}));
    bench.patch_status(&ServiceName::new("default", "web"), "herald-speaker", &patch);
    let object = bench.put("web", json!({"type": "ClusterIP", "clusterIPs": ["10.96.0.7"]}));
    bench.input(Input::Services(Change::Deleted(object)));
    let status = bench.store[&ServiceName::new("default", "web")]
        .status
        .clone()
        .unwrap();
    assert_eq!(status.conditions.unwrap_or_default(), []);
    assert_eq!(bench.address("web"), "");
    assert!(bench.events.iter().any(|event| event.reason == "IPReleased"));
}

/// A Service that is made anew under its name while a write about the old one is unanswered gets its address.
#[test]
fn the_answer_about_a_service_that_is_gone_is_not_taken_for_its_successor() {
    let mut bench = Bench::started("192.0.2.0/24");
    let object = bench.put("web", load_balancer());
    let seen = Input::Services(Change::Applied(object.clone()));
    bench.reconciler.handle_input(bench.now, seen);
    let write = bench.next_write();
    let ended = bench.write(write);
    bench.store.clear();
    let mut successor = bench.put("web", load_balancer());
    successor.metadata.uid = Some("another".to_owned());
    bench
        .store
        .insert(ServiceName::new("default", "web"), successor.clone());
    bench
        .reconciler
        .handle_input(bench.now, Input::Services(Change::Deleted(object)));
    bench
        .reconciler
        .handle_input(bench.now, Input::Services(Change::Applied(successor)));
    bench.input(ended);
    bench.pass(HOUR);
    assert_eq!(bench.address("web"), "192.0.2.0");
}

/// W-31
#[test]
fn what_somebody_has_set_beside_an_address_is_kept() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    bench.write_as("cloud", "web", json!([{"ip": "192.0.2.0", "ipMode": "Proxy"}]));
    bench.apply_with(
        "web",
        json!({"heraldlb.io/loadBalancerIPs": "192.0.2.9"}),
        load_balancer(),
    );
    let status = bench.store[&ServiceName::new("default", "web")]
        .status
        .clone()
        .unwrap();
    let ingress = status.load_balancer.unwrap().ingress.unwrap();
    let old = ingress
        .iter()
        .find(|entry| entry.ip.as_deref() == Some("192.0.2.0"));
    assert_eq!(old.unwrap().ip_mode.as_deref(), Some("Proxy"));
}

#[test]
fn a_service_that_is_to_be_ignored_keeps_what_it_shows_and_nobody_else_gets_it() {
    let mut bench = Bench::started("192.0.2.0/31");
    bench.apply("web", load_balancer());
    bench.writes.clear();
    bench.apply_with("web", json!({"heraldlb.io/ignore": "true"}), load_balancer());
    bench.pass(HOUR);
    assert_eq!(
        (bench.address("web"), bench.writes.len()),
        ("192.0.2.0".into(), 0)
    );
    bench.apply("api", load_balancer());
    bench.apply("third", load_balancer());
    assert_eq!(
        (bench.address("api"), bench.address("third")),
        ("192.0.2.1".into(), String::new())
    );
}
