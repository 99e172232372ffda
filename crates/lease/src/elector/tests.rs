//! One elector against answers written by hand. Several at once: `simulation`.

use std::time::Duration;

use super::*;
use crate::Version;

mod simulation;

const SECOND: Duration = Duration::from_secs(1);

fn timing(renew_deadline: Duration) -> Timing {
    Timing::new(15 * SECOND, renew_deadline, 2 * SECOND, 5 * SECOND).unwrap()
}

/// The only process of its name so far.
fn elector(name: &str, now: Instant) -> Elector {
    Elector::new(Identity::new(name, "1"), timing(10 * SECOND), now)
}

/// A lease that the first process of the name `holder` wrote, or gave back when there is no name.
fn record(holder: &str, version: u32) -> Record {
    Record {
        holder: (!holder.is_empty()).then(|| format!("{holder}_1")),
        duration: Some(15 * SECOND),
        renewed: Some(jiff::Timestamp::UNIX_EPOCH),
        version: Version::new(version.to_string()),
    }
}

fn write(intent: Intent, version: u32) -> Option<Action> {
    Some(Action::Write {
        intent,
        version: (version > 0).then(|| Version::new(version.to_string())),
    })
}

#[allow(clippy::disallowed_methods, reason = "an arbitrary instant to start from")]
fn start() -> Instant {
    Instant::now()
}

/// `a`, leading since `start` at version 1.
fn leader(start: Instant) -> Elector {
    let mut a = elector("a", start);
    assert_eq!(a.poll_action(start), Some(Action::Read));
    a.handle_read(start, None);
    assert_eq!(a.poll_action(start), write(Intent::Acquire, 0));
    a.handle_written(start, record("a", 1));
    assert!(a.is_leader(start));
    a
}

/// `b`, which saw the lease of `a` at version 1 at `start`.
fn standby(start: Instant) -> Elector {
    let mut b = elector("b", start);
    assert_eq!(b.poll_action(start), Some(Action::Read));
    b.handle_read(start, Some(record("a", 1)));
    b
}

#[test]
fn the_deadline_counts_from_before_the_write_was_sent() {
    let t = start();
    let mut a = elector("a", t);
    a.poll_action(t);
    a.handle_read(t, None);
    assert_eq!(a.poll_action(t), write(Intent::Acquire, 0));
    a.handle_written(t + 2 * SECOND, record("a", 1));
    assert_eq!(
        a.leadership(),
        Leadership::Leader {
            until: t + 10 * SECOND
        }
    );
}

#[test]
fn a_leader_renews_once_in_every_retry_period() {
    let t = start();
    let mut a = leader(t);
    assert_eq!(a.poll_timeout(), Some(t + 2 * SECOND));
    assert_eq!(a.poll_action(t + SECOND), None);
    assert_eq!(a.poll_action(t + 2 * SECOND), write(Intent::Renew, 1));
    assert_eq!(a.poll_action(t + 2 * SECOND), None, "one request at a time");
    a.handle_written(t + 2 * SECOND, record("a", 2));
    assert_eq!(
        a.leadership(),
        Leadership::Leader {
            until: t + 12 * SECOND
        }
    );
    assert_eq!(a.poll_action(t + 4 * SECOND), write(Intent::Renew, 2));
}

#[test]
fn a_leader_whose_renewals_fail_stops_at_its_deadline_and_keeps_trying() {
    let t = start();
    let mut a = leader(t);
    let mut now = t + 2 * SECOND;
    while now < t + 10 * SECOND {
        a.handle_timeout(now);
        assert!(a.is_leader(now));
        if a.poll_action(now).is_some() {
            a.handle_failure(now);
        }
        now = a.poll_timeout().unwrap();
    }
    assert_eq!(now, t + 10 * SECOND);
    a.handle_timeout(now);
    assert_eq!(a.leadership(), Leadership::Standby);
    assert_eq!(a.poll_action(now), Some(Action::Read), "what it knows is old");
    a.handle_failure(now);
    assert_eq!(a.poll_timeout(), Some(now + 2 * SECOND), "no busy loop");
    assert_eq!(a.poll_action(t + 13 * SECOND), Some(Action::Read));
    a.handle_read(t + 13 * SECOND, Some(record("a", 1)));
    assert_eq!(a.poll_action(t + 13 * SECOND), write(Intent::Renew, 1));
    a.handle_written(t + 13 * SECOND, record("a", 2));
    assert!(
        a.is_leader(t + 13 * SECOND),
        "nobody took it, so it is still there to be renewed"
    );
}

#[test]
fn a_standby_takes_a_lease_that_has_not_changed_for_its_duration() {
    let t = start();
    let mut b = standby(t);
    let mut now = t;
    while now < t + 15 * SECOND {
        match b.poll_action(now) {
            Some(Action::Read) => b.handle_read(now, Some(record("a", 1))),
            action => assert_eq!(action, None),
        }
        now = b.poll_timeout().unwrap();
    }
    assert_eq!(now, t + 15 * SECOND);
    assert_eq!(b.poll_action(now), write(Intent::Acquire, 1));
    b.handle_written(now, record("b", 2));
    assert!(b.is_leader(now));
}

#[test]
fn every_renewal_seen_starts_the_wait_anew() {
    let t = start();
    let mut b = standby(t);
    assert_eq!(b.poll_action(t + 14 * SECOND), Some(Action::Read));
    b.handle_read(t + 14 * SECOND, Some(record("a", 2)));
    assert_eq!(b.poll_action(t + 28 * SECOND), Some(Action::Read));
    b.handle_read(t + 28 * SECOND, Some(record("a", 2)));
    assert_eq!(b.poll_timeout(), Some(t + 29 * SECOND));
    assert_eq!(b.poll_action(t + 29 * SECOND), write(Intent::Acquire, 2));
}

#[test]
fn of_two_that_reach_for_it_the_one_that_fails_looks_again_and_waits() {
    let t = start();
    let mut b = standby(t);
    let now = t + 15 * SECOND;
    assert_eq!(b.poll_action(now), Some(Action::Read));
    b.handle_read(now, Some(record("a", 1)));
    assert_eq!(b.poll_action(now), write(Intent::Acquire, 1));
    b.handle_conflict(now);
    assert_eq!(b.poll_action(now), Some(Action::Read));
    b.handle_read(now, Some(record("c", 2)));
    assert!(!b.is_leader(now));
    assert_eq!(b.poll_action(now + 2 * SECOND), Some(Action::Read));
}

#[test]
fn a_write_whose_answer_was_lost_is_recognised_by_its_name_on_the_lease() {
    let t = start();
    let mut b = standby(t);
    let now = t + 15 * SECOND;
    assert_eq!(b.poll_action(now), Some(Action::Read));
    b.handle_read(now, Some(record("a", 1)));
    assert_eq!(b.poll_action(now), write(Intent::Acquire, 1));
    b.handle_failure(now);
    assert!(!b.is_leader(now), "nobody leads on a guess");
    let now = b.poll_timeout().unwrap();
    assert_eq!(
        b.poll_action(now),
        write(Intent::Acquire, 1),
        "safe, for the version decides"
    );
    b.handle_conflict(now);
    assert_eq!(b.poll_action(now), Some(Action::Read));
    b.handle_read(now, Some(record("b", 2)));
    assert!(!b.is_leader(now));
    assert_eq!(b.poll_action(now), write(Intent::Renew, 2));
    b.handle_written(now, record("b", 3));
    assert!(b.is_leader(now));
}

#[test]
fn a_leader_that_sees_another_name_on_the_lease_stops_at_once() {
    let t = start();
    let mut a = leader(t);
    let now = t + 2 * SECOND;
    a.poll_action(now);
    a.handle_conflict(now);
    assert_eq!(a.poll_action(now), Some(Action::Read));
    a.handle_read(now, Some(record("b", 7)));
    assert!(!a.is_leader(now));
}

#[test]
fn a_leader_whose_name_was_taken_off_the_lease_by_hand_stops_and_asks_again() {
    let t = start();
    let mut a = leader(t);
    let now = t + SECOND;
    a.handle_vacancy(now);
    assert_eq!(a.poll_action(now), Some(Action::Read));
    a.handle_read(now, Some(record("", 2)));
    assert!(!a.is_leader(now), "another process may take it at this moment");
    assert_eq!(a.poll_action(now), write(Intent::Acquire, 2));
}

/// `a` after a restart: a second process of the name.
fn second_life(now: Instant) -> Elector {
    Elector::new(Identity::new("a", "2"), timing(10 * SECOND), now)
}

#[test]
fn a_process_that_comes_back_leads_when_what_its_former_life_sent_has_settled_and_no_sooner() {
    let t = start();
    let mut a = second_life(t);
    assert_eq!(a.poll_action(t + SECOND), Some(Action::Read));
    let mut now = t + SECOND;
    a.handle_read(now, Some(record("a", 5)));
    while now < t + 6 * SECOND {
        match a.poll_action(now) {
            Some(Action::Read) => a.handle_read(now, Some(record("a", 5))),
            action => assert_eq!(action, None, "counted from the first look"),
        }
        now = a.poll_timeout().unwrap();
    }
    assert_eq!(now, t + 6 * SECOND);
    assert_eq!(a.poll_action(now), write(Intent::Acquire, 5));
}

#[test]
fn the_lease_of_a_former_life_is_not_waited_for_longer_than_it_lasts() {
    let t = start();
    let mut a = second_life(t);
    a.poll_action(t);
    let short = Record {
        duration: Some(3 * SECOND),
        ..record("a", 5)
    };
    a.handle_read(t, Some(short.clone()));
    assert_eq!(a.poll_action(t + 2 * SECOND), Some(Action::Read));
    a.handle_read(t + 2 * SECOND, Some(short));
    assert_eq!(a.poll_timeout(), Some(t + 3 * SECOND));
    assert_eq!(a.poll_action(t + 3 * SECOND), write(Intent::Acquire, 5));
}

#[test]
fn a_last_renewal_of_the_former_life_that_arrives_late_does_not_end_the_wait() {
    let t = start();
    let mut a = second_life(t);
    a.poll_action(t);
    a.handle_read(t, Some(record("a", 5)));
    assert_eq!(a.poll_action(t + 4 * SECOND), Some(Action::Read));
    a.handle_read(t + 4 * SECOND, Some(record("a", 6)));
    assert_eq!(a.poll_action(t + 8 * SECOND), Some(Action::Read));
    a.handle_read(t + 8 * SECOND, Some(record("a", 6)));
    assert_eq!(a.poll_timeout(), Some(t + 9 * SECOND));
}

#[test]
fn a_process_that_stops_does_not_give_back_what_its_former_life_held() {
    let t = start();
    let mut a = second_life(t);
    a.poll_action(t);
    a.handle_read(t, Some(record("a", 5)));
    a.handle_stop(t);
    assert!(a.is_finished());
}

/// A leader whose version 5 of the lease was the newest until the store was put back to version 3.
fn set_back(start: Instant, restored: Record) -> Elector {
    let mut a = elector("a", start);
    a.poll_action(start);
    a.handle_read(start, Some(record("", 4)));
    assert_eq!(a.poll_action(start), write(Intent::Acquire, 4));
    a.handle_written(start, record("a", 5));
    let now = start + 2 * SECOND;
    assert_eq!(a.poll_action(now), write(Intent::Renew, 5));
    a.handle_conflict(now);
    assert_eq!(a.poll_action(now), Some(Action::Read));
    a.handle_read(now, Some(restored));
    a
}

#[test]
fn a_leader_whose_renewal_finds_the_store_put_back_stops_and_says_so_once() {
    let t = start();
    for holder in ["a", "b", ""] {
        let mut a = set_back(t, record(holder, 3));
        assert_eq!(a.leadership(), Leadership::Standby, "{holder:?} on the lease");
        let versions = |from: &str, to: &str| Setback {
            from: Version::new(from),
            to: Version::new(to),
        };
        assert_eq!(a.poll_setback(), Some(versions("5", "3")));
        assert_eq!(a.poll_setback(), None);
    }
}

#[test]
fn after_the_store_was_put_back_the_lease_is_left_alone_whoever_it_names() {
    let t = start() + 2 * SECOND;
    let released = Record {
        duration: Some(SECOND),
        ..record("", 3)
    };
    for restored in [record("a", 3), record("b", 3), released] {
        let mut a = set_back(t - 2 * SECOND, restored.clone());
        let mut now = a.poll_timeout().unwrap();
        while now < t + 15 * SECOND {
            match a.poll_action(now) {
                Some(Action::Read) => a.handle_read(now, Some(restored.clone())),
                action => assert_eq!(action, None, "{restored:?}"),
            }
            now = a.poll_timeout().unwrap();
        }
        assert_eq!(now, t + 15 * SECOND);
        assert_eq!(a.poll_action(now), write(Intent::Acquire, 3));
        a.handle_written(now, record("a", 4));
        assert!(a.is_leader(now), "the store has not gone back once more");
        assert_eq!(a.poll_action(now + 2 * SECOND), write(Intent::Renew, 4));
    }
}

#[test]
fn a_release_by_one_who_does_not_know_of_the_restore_does_not_shorten_the_wait() {
    let t = start() + 2 * SECOND;
    let mut a = set_back(t - 2 * SECOND, record("b", 3));
    a.handle_vacancy(t + SECOND);
    assert_eq!(a.poll_action(t + SECOND), Some(Action::Read));
    a.handle_read(t + SECOND, Some(record("", 4)));
    assert_eq!(a.poll_action(t + 14 * SECOND), Some(Action::Read));
    a.handle_read(t + 14 * SECOND, Some(record("", 4)));
    assert_eq!(a.poll_timeout(), Some(t + 15 * SECOND));
}

#[test]
fn a_process_that_stops_does_not_give_back_what_a_restore_says_it_holds() {
    let t = start();
    let mut a = set_back(t, record("a", 3));
    a.handle_stop(t + 3 * SECOND);
    assert!(a.is_finished());
    assert_eq!(a.poll_action(t + 3 * SECOND), None);
}

#[test]
fn a_version_that_comes_back_for_another_lease_is_known_by_what_else_it_says() {
    let t = start();
    let mut b = standby(t);
    let later = Record {
        renewed: Some(jiff::Timestamp::MAX),
        ..record("a", 1)
    };
    assert_eq!(
        b.poll_action(t + 15 * SECOND),
        Some(Action::Read),
        "what it knows is old"
    );
    b.handle_read(t + 15 * SECOND, Some(later));
    assert!(b.poll_setback().is_some());
    assert_eq!(b.poll_action(t + 29 * SECOND), Some(Action::Read));
}

#[test]
fn a_lease_that_was_deleted_and_made_anew_is_no_setback() {
    let t = start();
    let mut b = standby(t);
    b.handle_vacancy(t + SECOND);
    b.poll_action(t + SECOND);
    b.handle_read(t + SECOND, None);
    b.poll_action(t + 3 * SECOND);
    b.handle_read(t + 3 * SECOND, Some(record("c", 7)));
    assert_eq!(b.poll_setback(), None);
}

#[test]
fn a_lease_that_is_gone_is_left_alone_by_those_who_saw_it() {
    let t = start();
    let mut b = standby(t);
    b.handle_vacancy(t + SECOND);
    assert_eq!(b.poll_action(t + SECOND), Some(Action::Read));
    b.handle_read(t + SECOND, None);
    assert_eq!(b.poll_action(t + 15 * SECOND), Some(Action::Read));
    b.handle_read(t + 15 * SECOND, None);
    assert_eq!(b.poll_timeout(), Some(t + 16 * SECOND));
    assert_eq!(b.poll_action(t + 16 * SECOND), write(Intent::Acquire, 0));
    b.handle_written(t + 16 * SECOND, record("b", 1));
    assert!(
        b.is_leader(t + 16 * SECOND),
        "at whichever version it was made anew"
    );
}

#[test]
fn a_leader_whose_lease_is_gone_stops_and_makes_a_new_one_when_it_would_have_run_out() {
    let t = start();
    let mut a = leader(t);
    let now = t + 2 * SECOND;
    assert_eq!(a.poll_action(now), write(Intent::Renew, 1));
    a.handle_conflict(now);
    assert_eq!(a.poll_action(now), Some(Action::Read));
    a.handle_read(now, None);
    assert!(
        !a.is_leader(now),
        "the store may have been put back to before it was made"
    );
    assert_eq!(a.poll_action(now + 14 * SECOND), Some(Action::Read));
    a.handle_read(now + 14 * SECOND, None);
    assert_eq!(a.poll_action(now + 15 * SECOND), write(Intent::Acquire, 0));
}

#[test]
fn a_released_lease_is_taken_as_soon_as_the_watch_shows_it() {
    let t = start();
    let mut b = standby(t);
    let now = t + SECOND;
    assert_eq!(b.poll_action(now), None);
    b.handle_vacancy(now);
    assert_eq!(b.poll_timeout(), Some(now));
    assert_eq!(b.poll_action(now), Some(Action::Read));
    b.handle_read(now, Some(record("", 2)));
    assert_eq!(b.poll_action(now), write(Intent::Acquire, 2));
}

#[test]
fn a_release_seen_while_a_read_is_on_its_way_is_not_missed() {
    let t = start();
    let mut b = standby(t);
    let now = t + 2 * SECOND;
    assert_eq!(b.poll_action(now), Some(Action::Read));
    b.handle_vacancy(now);
    b.handle_read(now, Some(record("a", 1)));
    assert_eq!(b.poll_action(now), Some(Action::Read));
    b.handle_read(now, Some(record("", 2)));
    assert_eq!(b.poll_action(now), write(Intent::Acquire, 2));
}

#[test]
fn a_leader_that_stops_leads_no_more_and_releases() {
    let t = start();
    let mut a = leader(t);
    let now = t + SECOND;
    a.handle_stop(now);
    assert!(!a.is_leader(now));
    assert_eq!(a.poll_action(now), write(Intent::Release, 1));
    assert!(!a.is_finished());
    a.handle_written(now, record("", 2));
    assert!(a.is_finished());
    assert_eq!(a.poll_action(now + 60 * SECOND), None);
    assert_eq!(a.poll_timeout(), None);
}

#[test]
fn a_stop_while_a_renewal_is_on_its_way_releases_what_it_renewed() {
    let t = start();
    let mut a = leader(t);
    let now = t + 2 * SECOND;
    assert_eq!(a.poll_action(now), write(Intent::Renew, 1));
    a.handle_stop(now);
    assert_eq!(a.poll_action(now), None);
    a.handle_written(now, record("a", 2));
    assert!(!a.is_leader(now));
    assert_eq!(a.poll_action(now), write(Intent::Release, 2));
}

#[test]
fn a_release_without_an_answer_is_tried_again_after_a_look() {
    let t = start();
    let mut a = leader(t);
    a.handle_stop(t);
    assert_eq!(a.poll_action(t), write(Intent::Release, 1));
    a.handle_failure(t);
    assert!(!a.is_finished());
    let now = a.poll_timeout().unwrap();
    assert_eq!(a.poll_action(now), Some(Action::Read));
    a.handle_read(now, Some(record("a", 1)));
    assert_eq!(a.poll_action(now), write(Intent::Release, 1));
    a.handle_conflict(now);
    assert_eq!(a.poll_action(now), Some(Action::Read));
    a.handle_read(now, Some(record("", 2)));
    assert!(a.is_finished());
}

#[test]
fn a_stop_after_a_write_without_an_answer_looks_before_it_ends() {
    let t = start();
    let mut a = elector("a", t);
    a.poll_action(t);
    a.handle_read(t, None);
    assert_eq!(a.poll_action(t), write(Intent::Acquire, 0));
    a.handle_failure(t);
    a.handle_stop(t);
    assert_eq!(a.poll_action(t), Some(Action::Read));
    a.handle_read(t, Some(record("a", 1)));
    assert_eq!(a.poll_action(t), write(Intent::Release, 1));
}

#[test]
fn a_standby_that_stops_asks_nothing_more() {
    let t = start();
    let mut b = standby(t);
    b.handle_stop(t);
    assert!(b.is_finished());
    assert_eq!(b.poll_action(t + 60 * SECOND), None);
    let mut unseen = elector("c", t);
    unseen.handle_stop(t);
    assert!(unseen.is_finished());
}
