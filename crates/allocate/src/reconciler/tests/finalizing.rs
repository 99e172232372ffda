use kube::Resource;

use super::*;
use crate::status_updates::IN_USE;

/// A pool carries the finalizer before the first Service shows an address of it.
#[test]
fn a_pool_says_that_it_is_used_before_a_status_does() {
    let mut bench = Bench::started("192.0.2.0/24");
    let object = bench.put("web", load_balancer());
    let seen = Input::Services(Change::Applied(object));
    bench.reconciler.handle_input(bench.now, seen);
    let Some(Action::Do(Task::Finalize(finalize))) = bench.reconciler.poll_action(bench.now) else {
        panic!("the status comes first")
    };
    assert!(bench.reconciler.poll_action(bench.now).is_none());
    bench.carry_out(Task::Finalize(finalize));
    bench.drain();
    assert_eq!(bench.address("web"), "192.0.2.0");
}

#[test]
fn one_write_says_that_a_pool_is_used_however_many_services_wait_for_it() {
    let mut bench = Bench::started("192.0.2.0/24");
    for number in 0..5 {
        let object = bench.put(&format!("web-{number}"), load_balancer());
        let seen = Input::Services(Change::Applied(object));
        bench.reconciler.handle_input(bench.now, seen);
    }
    bench.drain();
    assert_eq!(bench.finalized, [("home".to_owned(), vec![IN_USE.to_owned()])]);
    assert_eq!(bench.writes.len(), 5);
}

/// A pool that nobody uses can be deleted, with or without Herald.
#[test]
fn a_pool_says_no_longer_that_it_is_used_once_it_is_not() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    bench.delete("web");
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.finalized.last(), Some(&("home".to_owned(), vec![])));
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.finalized.len(), 2);
}

#[test]
fn a_pool_whose_finalizers_the_api_server_refuses_keeps_no_service_waiting_for_ever() {
    let mut bench = Bench::started("192.0.2.0/24");
    let object = bench.put("web", load_balancer());
    let seen = Input::Services(Change::Applied(object));
    bench.reconciler.handle_input(bench.now, seen);
    for _ in 0..3 {
        let action = bench.reconciler.poll_action(bench.now);
        assert!(
            matches!(action, Some(Action::Do(Task::Finalize(_)))),
            "{action:?}"
        );
        let refused = Input::Finalized(PoolName("home".into()), Finalized::Refused);
        bench.reconciler.handle_input(bench.now, refused);
        bench.now += Duration::from_secs(1);
        bench.reconciler.handle_timeout(bench.now);
    }
    bench.drain();
    assert_eq!(bench.address("web"), "192.0.2.0");
}

/// S9: a watch that lags shows a pool that is gone; nothing is written to it until it shows another version.
#[test]
fn nothing_more_is_written_to_a_pool_that_is_gone_though_a_watch_shows_it_still() {
    let mut bench = Bench::started("192.0.2.0/24");
    let object = bench.put("web", load_balancer());
    let seen = Input::Services(Change::Applied(object));
    bench.reconciler.handle_input(bench.now, seen);
    let action = bench.reconciler.poll_action(bench.now);
    assert!(
        matches!(action, Some(Action::Do(Task::Finalize(_)))),
        "{action:?}"
    );
    let missing = Input::Finalized(PoolName("home".into()), Finalized::Missing);
    bench.input(missing);
    for number in 0..5 {
        bench.apply(&format!("web-{number}"), load_balancer());
        bench.pass(Duration::from_secs(2));
    }
    assert_eq!(bench.publications.len(), 5, "the pools were reviewed each time");
    assert_eq!(bench.finalized, []);

    let mut successor = pool("home", "192.0.2.0/24");
    successor.meta_mut().resource_version = Some("90".to_owned());
    bench.input(objects::<IPPool>(Change::Applied(successor)));
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.finalized, [("home".to_owned(), vec![IN_USE.to_owned()])]);
}
