//! Whether a new address was somebody's already.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn question(address: IpAddr) -> Sent {
    match address {
        IpAddr::V4(address) => Sent::Arp(ArpFrame::question(ours(), Ipv4Addr::UNSPECIFIED, address, None)),
        IpAddr::V6(address) => Sent::Question(Solicitation::question(
            ours(),
            Ipv6Addr::UNSPECIFIED,
            address,
            None,
        )),
    }
}

fn nth(n: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + n).into()
}

/// Holds the address, which is new, with the announcements left out of what was sent.
fn new(address: IpAddr) -> Bench {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Hold(address));
    bench.run_for(SECOND * 10);
    bench.sent.clear();
    bench.started = bench.now;
    bench.input(Input::FirstUse(address));
    bench
}

/// A4, N11: RFC 5227 §1.1 has the times.
#[test]
fn three_questions_are_asked_from_nobody_one_to_two_seconds_apart() {
    for address in BOTH {
        let mut bench = new(address);
        bench.run_for(SECOND * 20);
        let at: Vec<_> = bench.sent.iter().map(|(at, _)| *at).collect();
        assert_eq!(bench.take(), vec![question(address); 3]);
        assert!(at[0] <= SECOND, "{at:?}");
        for pause in [at[1] - at[0], at[2] - at[1]] {
            assert!((SECOND..=SECOND * 2).contains(&pause), "{at:?}");
        }
        assert_eq!(bench.take_events(), []);
    }
}

/// A4
#[test]
fn the_announcement_does_not_wait_for_the_questions() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(Input::Hold(address));
        bench.input(Input::FirstUse(address));
        assert_eq!(bench.take(), [claim_of(ours(), address)]);
    }
}

/// A4, A6
#[test]
fn who_has_the_address_already_is_a_stranger_and_ends_the_questions() {
    for address in BOTH {
        let mut bench = new(address);
        bench.run_for(SECOND);
        bench.sent.clear();
        bench.hear(claim_of(stranger(), address));
        assert!(matches!(bench.take_events()[..], [Event::Stranger { mac, .. }] if mac == stranger()));
        bench.run_for(SECOND * 9);
        assert!(!bench.take().contains(&question(address)));
    }
}

/// A4: the same question of another station that wants the address is no claim, and is answered.
#[test]
fn another_station_that_asks_the_same_is_answered() {
    let mut bench = new(BOTH[1]);
    bench.hear(Sent::Question(Solicitation::question(
        stranger(),
        Ipv6Addr::UNSPECIFIED,
        HELD6,
        None,
    )));
    assert_eq!(bench.take(), [claim_of(ours(), BOTH[1])]);
    assert_eq!(bench.take_events(), []);
}

#[test]
fn a_released_address_and_one_that_is_not_held_are_not_asked_for() {
    let mut bench = new(BOTH[0]);
    bench.input(Input::Release(BOTH[0]));
    bench.input(Input::FirstUse(BOTH[1]));
    assert_eq!(bench.responder.poll_timeout(), None);
    bench.run_for(SECOND * 20);
    assert_eq!(bench.take(), []);
}

/// Claims each of `count` addresses from the first question on; when the first question for each came.
fn ask_for_many(bench: &mut Bench, count: u32, is_claimed: bool) -> Vec<Duration> {
    let mut first = Vec::new();
    for n in 0..count {
        let address = nth(n);
        bench.input(Input::Hold(address));
        bench.run_for(SECOND * 6);
        let began = bench.now;
        bench.sent.clear();
        bench.input(Input::FirstUse(address));
        while !bench.sent.iter().any(|(_, sent)| *sent == question(address)) {
            bench.run_for(SECOND / 10);
        }
        first.push(bench.now - began);
        if is_claimed {
            bench.hear(claim_of(stranger(), address));
        }
        bench.run_for(SECOND * 7);
        bench.input(Input::Release(address));
    }
    first
}

/// A8
#[test]
fn after_ten_conflicts_one_address_a_minute_is_asked_for() {
    let mut bench = Bench::new(Settings::default());
    let first = ask_for_many(&mut bench, 13, true);
    assert!(first[..11].iter().all(|wait| *wait <= SECOND * 2), "{first:?}");
    assert!(first[11..].iter().all(|wait| *wait >= SECOND * 40), "{first:?}");
}

/// A8
#[test]
fn without_conflicts_nothing_is_slowed_down() {
    let mut bench = Bench::new(Settings::default());
    let first = ask_for_many(&mut bench, 30, false);
    assert!(first.iter().all(|wait| *wait <= SECOND * 2), "{first:?}");
}
