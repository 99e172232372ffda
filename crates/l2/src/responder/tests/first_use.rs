//! Whether a new address was somebody's already.

use super::*;
use crate::Response;
use crate::responder::first_use::FIRST_WAIT;

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

/// Takes the address for the first time.
fn taken(address: IpAddr, inputs: &[Input<'static>]) -> Bench {
    let mut bench = Bench::new(Settings::default());
    for input in inputs {
        bench.input(input.clone());
    }
    bench.input(Input::FirstUse(address));
    bench
}

/// A4, N11
#[test]
fn who_may_have_the_address_is_asked_twice_before_a_word_is_said_of_it() {
    for address in BOTH {
        let mut bench = taken(address, &[]);
        bench.run_for(FIRST_WAIT - Duration::from_millis(1));
        assert_eq!(bench.take(), vec![question(address); 2]);
        bench.hear(question_for(address));
        bench.input(Input::CarrierUp);
        assert_eq!(bench.take(), [], "it is not ours to answer for yet");
        assert_eq!(bench.take_events(), []);
        bench.run_for(Duration::from_millis(1));
        assert_eq!(bench.take(), [claim_of(ours(), address)]);
        assert_eq!(bench.take_events(), [Event::InUse { address }]);
        bench.hear(question_for(address));
        assert_eq!(bench.take(), [answer_of(ours(), address)]);
        bench.run_for(SECOND * 20);
        let asked = bench
            .take()
            .iter()
            .filter(|sent| **sent == question(address))
            .count();
        assert_eq!(asked, 3, "the others are asked in the background");
    }
}

/// A4, A6
#[test]
fn a_host_that_has_a_new_address_is_named_before_it_is_disturbed() {
    for address in BOTH {
        let mut bench = taken(address, &[Input::Cluster([theirs()].into())]);
        bench.sent.clear();
        bench.hear(claim_of(stranger(), address));
        let (mac, response) = (stranger(), Response::Defended);
        assert_eq!(
            bench.take_events(),
            [
                Event::Stranger {
                    address,
                    mac,
                    response
                },
                Event::InUse { address }
            ]
        );
        assert_eq!(
            bench.take(),
            [claim_of(ours(), address)],
            "once, though it is a defence too"
        );
    }
}

/// A4, A6
#[test]
fn a_host_that_has_a_new_address_keeps_it_undisturbed_where_it_is_yielded() {
    for address in BOTH {
        let told = [
            Input::Cluster([theirs()].into()),
            Input::Yielding([address].into()),
        ];
        let mut bench = taken(address, &told);
        bench.hear(claim_of(stranger(), address));
        assert!(bench.take_events().contains(&Event::InUse { address }));
        bench.run_for(SECOND * 5);
        bench.hear(question_for(address));
        let claims = bench.take();
        assert!(!claims.contains(&claim_of(ours(), address)), "{claims:?}");
        assert!(!claims.contains(&answer_of(ours(), address)), "{claims:?}");
    }
}

#[test]
fn an_address_that_goes_while_it_is_asked_for_is_forgotten() {
    let mut bench = taken(BOTH[0], &[]);
    bench.input(Input::Release(BOTH[0]));
    bench.sent.clear();
    bench.run_for(SECOND * 20);
    assert_eq!((bench.take(), bench.take_events()), (vec![], vec![]));
    assert_eq!(bench.responder.poll_timeout(), None);
}

/// Somebody turns out to have had it: there is nothing to ask.
#[test]
fn an_address_that_is_answered_for_in_place_of_its_holder_is_not_asked_for() {
    let mut bench = taken(BOTH[0], &[]);
    bench.sent.clear();
    bench.input(Input::Surrogate {
        address: BOTH[0],
        mac: theirs(),
    });
    bench.run_for(SECOND);
    assert!(bench.take().iter().all(|sent| *sent != question(BOTH[0])));
    assert_eq!(bench.take_events(), []);
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
fn a_released_address_is_not_asked_for() {
    let mut bench = new(BOTH[0]);
    bench.input(Input::Release(BOTH[0]));
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
