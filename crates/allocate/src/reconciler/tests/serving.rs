use super::*;
use crate::agenda::STATUS_DELAY;
use crate::task::Clearing;
use crate::tracked::UnderWay;

/// P-ALLOC-66
#[test]
fn the_watch_event_of_our_own_write_seen_late_changes_nothing() {
    let mut bench = Bench::started("192.0.2.0/24");
    let before = bench.put("web", load_balancer());
    bench.input(Input::Services(Change::Applied(before.clone())));
    bench.input(Input::Services(Change::Applied(before)));
    for event in std::mem::take(&mut bench.late) {
        bench.input(Input::Services(Change::Applied(event)));
    }
    assert_eq!(bench.writes, ["write default/web"]);
}

/// P-ALLOC-2, P-ALLOC-3, P-ALLOC-64
#[test]
fn an_address_that_becomes_free_goes_to_the_oldest_that_waits() {
    let mut bench = Bench::started("192.0.2.7/32");
    for name in ["first", "older", "newer"] {
        bench.apply(name, load_balancer());
    }
    assert_eq!(bench.condition("newer").0, "PoolFull");
    let writes = bench.writes.len();
    bench.pass(Duration::from_secs(600));
    assert_eq!(bench.writes.len(), writes, "a Service that waits is not retried");
    bench.delete("first");
    assert_eq!(
        (bench.address("older"), bench.address("newer")),
        ("192.0.2.7".into(), String::new())
    );
}

#[test]
fn an_address_is_not_free_before_the_status_that_shows_it_is_clear() {
    let mut bench = Bench::started("192.0.2.7/32");
    bench.apply("first", load_balancer());
    bench.apply("second", load_balancer());
    let object = bench.store.remove(&ServiceName::new("default", "first")).unwrap();
    bench
        .reconciler
        .handle_input(bench.now, Input::Services(Change::Deleted(object)));
    let clear = bench.reconciler.poll_action(bench.now);
    let looked_up = Clearing::LookUp(ServiceName::new("default", "first"));
    assert!(matches!(clear, Some(Action::Do(Task::Clear(clear))) if clear == looked_up));
    bench.drain();
    assert_eq!(bench.address("second"), "");
    bench.input(Input::Ended(
        ServiceName::new("default", "first"),
        Ending::Cleared(None),
    ));
    assert_eq!(bench.address("second"), "192.0.2.7");
}

#[test]
fn without_a_pool_the_service_waits_and_says_so_until_there_is_one() {
    let mut bench = Bench::new();
    bench.input(objects::<IPPool>(Change::Listed(vec![])));
    bench.list();
    bench.apply("web", load_balancer());
    let (reason, message) = bench.condition("web");
    assert_eq!(reason, "NoPool");
    assert!(message.starts_with("there is no IPPool: create one"), "{message}");
    bench.input(objects::<IPPool>(Change::Applied(pool("home", "192.0.2.0/24"))));
    assert_eq!(bench.address("web"), "192.0.2.0");
}

#[test]
fn a_write_that_failed_is_tried_again_from_the_newest_version() {
    let mut bench = Bench::started("192.0.2.0/24");
    let stale = bench.put("web", load_balancer());
    let fresh = bench.put("web", load_balancer());
    bench.input(Input::Services(Change::Applied(stale)));
    assert_eq!(bench.writes, [""; 0]);
    bench.input(Input::Services(Change::Applied(fresh)));
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert!(bench.reconciler.poll_timeout().is_some());
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.writes, ["write default/web"]);
    assert_eq!(bench.reconciler.poll_timeout(), None, "quiet in the end");
}

/// P-ALLOC-6
#[test]
fn a_service_of_another_class_is_left_alone() {
    let mut bench = Bench::started("192.0.2.0/24");
    let mut spec = load_balancer();
    spec["loadBalancerClass"] = json!("example.com/other");
    bench.apply("other", spec);
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.writes, [""; 0]);
}

/// P-ALLOC-18
#[test]
fn use_of_the_pools_is_published_once_after_a_burst() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.pass(STATUS_DELAY);
    bench.publications.clear();
    for number in 0..20 {
        bench.apply(&format!("web-{number}"), load_balancer());
    }
    bench.pass(STATUS_DELAY);
    let [publication] = bench.publications.as_slice() else {
        panic!("{} publications", bench.publications.len())
    };
    assert_eq!(publication.usage[&PoolName("home".into())].assigned.v4, 20);
    assert_eq!(publication.served, (20, 0));
    bench.pass(Duration::from_secs(600));
    assert_eq!(bench.publications.len(), 1);
}

/// F9: the reply to a write does not bring back a Service that was deleted meanwhile.
#[test]
fn a_service_deleted_while_its_status_is_written_gives_its_address_back() {
    let mut bench = Bench::started("192.0.2.7/32");
    let object = bench.put("first", load_balancer());
    let seen = Input::Services(Change::Applied(object.clone()));
    bench.reconciler.handle_input(bench.now, seen);
    let write = bench.next_write();
    let written = bench.write(write);
    bench.store.remove(&ServiceName::new("default", "first"));
    bench.input(Input::Services(Change::Deleted(object)));
    bench.input(written);
    bench.apply("second", load_balancer());
    assert_eq!(bench.address("second"), "192.0.2.7");
}

/// S2: a watch that lags shows versions of a Service from before its end.
#[test]
fn what_a_late_watch_shows_of_a_service_that_is_gone_takes_no_address_back() {
    let mut bench = Bench::started("192.0.2.7/32");
    bench.apply("first", load_balancer());
    let late: Vec<Service> = std::mem::take(&mut bench.late);
    let name = ServiceName::new("default", "first");
    bench.store.remove(&name);
    bench.reconciler.services.get_mut(&name).unwrap().in_flight = Some(UnderWay::Status);
    bench.input(Input::Ended(name, Ending::Missing));
    bench.apply("second", load_balancer());
    assert_eq!(bench.address("second"), "192.0.2.7");
    for event in late {
        bench.input(Input::Services(Change::Applied(event.clone())));
        bench.input(Input::Services(Change::Deleted(event)));
    }
    assert_eq!(bench.address("second"), "192.0.2.7");
    assert!(!bench.writes.contains(&"clear default/second".to_owned()));
}

/// P-ALLOC-74
#[test]
fn a_service_that_prefers_both_families_gets_the_second_when_an_address_becomes_free() {
    let mut bench = Bench::started("192.0.2.0/24");
    let dual = pool_of("home", &["192.0.2.0/24", "2001:db8::7/128"]);
    bench.input(objects::<IPPool>(Change::Applied(dual)));
    let spec = |policy: &str| json!({"type": "LoadBalancer", "clusterIPs": ["10.96.0.7", "fd00::7"], "ipFamilyPolicy": policy});
    bench.apply("first", spec("RequireDualStack"));
    bench.apply("second", spec("PreferDualStack"));
    assert_eq!(bench.address("second"), "192.0.2.1");
    bench.delete("first");
    assert_eq!(bench.address("second"), "192.0.2.1,2001:db8::7");
}

/// P-CFG-44
#[test]
fn a_write_that_is_refused_is_tried_again_later_each_time_and_not_before_the_server_wants_it() {
    let mut bench = Bench::started("192.0.2.0/24");
    let object = bench.put("web", load_balancer());
    bench
        .reconciler
        .handle_input(bench.now, Input::Services(Change::Applied(object)));
    let mut refuse = |retry_after| {
        bench.reconciler.handle_timeout(bench.now);
        bench.next_write();
        let refused = Ending::Refused { retry_after };
        let name = ServiceName::new("default", "web");
        bench
            .reconciler
            .handle_input(bench.now, Input::Ended(name, refused));
        let pause = bench.reconciler.agenda.next_look().unwrap() - bench.now;
        bench.now += pause;
        pause
    };
    let milliseconds = Duration::from_millis;
    let pauses: Vec<_> = (0..3).map(|_| refuse(None)).collect();
    assert_eq!(pauses, [50, 100, 200].map(milliseconds));
    assert_eq!(refuse(Some(Duration::from_secs(7))), Duration::from_secs(7));
    assert_eq!(refuse(None), milliseconds(800));
    let longest = (0..20).map(|_| refuse(None)).max();
    assert_eq!(longest, Some(Duration::from_secs(30)));
}

/// An annotation of another product is named once, with ours.
#[test]
fn an_annotation_of_another_product_is_warned_of_once() {
    let mut bench = Bench::started("192.0.2.0/24");
    let theirs = json!({"metallb.io/loadBalancerIPs": "192.0.2.9"});
    bench.apply_with("web", theirs.clone(), load_balancer());
    let warned = |bench: &Bench| {
        let of = bench
            .events
            .iter()
            .filter(|event| event.reason == "ForeignAnnotation");
        of.map(|event| event.note.clone()).collect::<Vec<_>>()
    };
    let notes = warned(&bench);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("metallb.io/loadBalancerIPs") && notes[0].contains("heraldlb.io/loadBalancerIPs"),
        "{notes:?}"
    );
    bench.restart("192.0.2.0/24");
    bench.apply_with(
        "web",
        theirs,
        json!({"type": "LoadBalancer", "clusterIPs": ["10.0.0.2"], "ipFamilies": ["IPv4"]}),
    );
    assert_eq!(warned(&bench).len(), 0);
}
