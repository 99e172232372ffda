use super::*;
use crate::ANNOUNCEMENTS;

fn announcements(count: usize) -> Vec<ArpFrame> {
    vec![ArpFrame::announcement(ours(), HELD); count]
}

/// A3, A5, P-L2-54
#[test]
fn a_new_address_is_announced_on_schedule() {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Hold(HELD.into()));
    bench.run_for(Duration::from_secs(30));
    let at: Vec<_> = bench.sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(at, ANNOUNCEMENTS);
    assert_eq!(bench.take_sent(), announcements(ANNOUNCEMENTS.len()));
}

/// A12, P-L2-58
#[test]
fn a_held_address_is_refreshed_every_30_to_60_seconds() {
    let mut bench = Bench::settled();
    bench.run_for(Duration::from_secs(3600));
    let mut before = *ANNOUNCEMENTS.last().unwrap();
    assert!(bench.sent.len() >= 60, "{} in an hour", bench.sent.len());
    for (at, frame) in &bench.sent {
        let pause = *at - before;
        assert!(
            (30.0..=60.0).contains(&pause.as_secs_f64()),
            "a pause of {pause:?}"
        );
        assert_eq!(*frame, Sent::Arp(ArpFrame::announcement(ours(), HELD)));
        before = *at;
    }
}

/// What may be another's by now is not announced; a question for it is answered all the same.
#[test]
fn a_quiet_station_says_nothing_unasked_and_announces_anew_when_that_is_over() {
    let mut bench = Bench::settled();
    bench.input(Input::Quiet(true));
    bench.input(Input::CarrierUp);
    bench.input(Input::Hold(OTHER.into()));
    bench.run_for(Duration::from_secs(3600));
    assert_eq!(bench.take_sent(), []);
    bench.frame(request(HELD));
    assert_eq!(bench.take_sent(), [request(HELD).answer(ours())]);
    bench.input(Input::Quiet(false));
    let both = [HELD, OTHER].map(|address| ArpFrame::announcement(ours(), address));
    assert_eq!(bench.take_sent(), both);
    bench.run_for(Duration::from_secs(30));
    assert_eq!(bench.take_sent().len(), 2 * (ANNOUNCEMENTS.len() - 1));
}

/// P-L2-59
#[test]
fn holding_an_address_twice_sends_nothing() {
    let mut bench = Bench::settled();
    let timeout = bench.responder.poll_timeout();
    bench.input(Input::Hold(HELD.into()));
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.responder.poll_timeout(), timeout);
}

#[test]
fn after_the_release_there_is_silence_and_no_timer() {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Hold(HELD.into()));
    bench.run_for(Duration::from_millis(60));
    bench.sent.clear();
    bench.input(Input::Release(HELD.into()));
    assert_eq!(bench.responder.poll_timeout(), None);
    bench.run_for(Duration::from_secs(3600));
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn a_release_of_an_address_that_is_not_held_changes_nothing() {
    let mut bench = Bench::settled();
    bench.input(Input::Release(OTHER.into()));
    assert_eq!(bench.responder.held().collect::<Vec<_>>(), [IpAddr::V4(HELD)]);
}

#[test]
fn an_address_held_again_after_its_release_is_announced_from_the_start() {
    let mut bench = Bench::settled();
    bench.input(Input::Release(HELD.into()));
    bench.input(Input::Hold(HELD.into()));
    bench.run_for(Duration::from_secs(6));
    assert_eq!(bench.take_sent(), announcements(ANNOUNCEMENTS.len()));
}

/// A11
#[test]
fn a_new_hardware_address_is_announced_at_once_and_from_the_start() {
    let mut bench = Bench::settled();
    bench.input(interface(mac(7)));
    assert_eq!(bench.take_sent(), [ArpFrame::announcement(mac(7), HELD)]);
    bench.run_for(Duration::from_secs(6));
    let rest = ANNOUNCEMENTS.len() - 1;
    assert_eq!(
        bench.take_sent(),
        vec![ArpFrame::announcement(mac(7), HELD); rest]
    );
}

/// A11
#[test]
fn the_same_hardware_address_again_sends_nothing() {
    let mut bench = Bench::settled();
    bench.input(interface(ours()));
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn a_carrier_that_comes_back_has_everything_announced_at_once_and_from_the_start() {
    let mut bench = Bench::settled();
    bench.input(Input::Hold(OTHER.into()));
    bench.sent.clear();
    bench.input(Input::CarrierUp);
    let both = [
        ArpFrame::announcement(ours(), HELD),
        ArpFrame::announcement(ours(), OTHER),
    ];
    assert_eq!(bench.take_sent(), both);
    bench.run_for(Duration::from_secs(6));
    assert_eq!(bench.take_sent().len(), 2 * (ANNOUNCEMENTS.len() - 1));
}

#[test]
fn a_timeout_too_early_or_twice_sends_nothing() {
    let mut bench = Bench::new(Settings::default());
    bench.responder.handle_timeout(bench.now);
    bench.input(Input::Hold(HELD.into()));
    bench.sent.clear();
    bench.responder.handle_timeout(bench.now);
    bench
        .responder
        .handle_timeout(bench.now + Duration::from_millis(49));
    bench.drain();
    assert_eq!(bench.take_sent(), []);
    bench
        .responder
        .handle_timeout(bench.now + Duration::from_millis(50));
    bench
        .responder
        .handle_timeout(bench.now + Duration::from_millis(50));
    bench.drain();
    assert_eq!(bench.take_sent(), announcements(1));
}

/// A12
#[test]
fn a_thousand_addresses_taken_at_once_are_not_refreshed_at_once() {
    let mut bench = Bench::new(Settings::default());
    for n in 0..1000u32 {
        bench.input(Input::Hold(Ipv4Addr::from(0x0a00_0000 + n).into()));
    }
    bench.run_for(Duration::from_secs(6));
    assert_eq!(bench.take_sent().len(), 1000 * ANNOUNCEMENTS.len());
    let mut busiest = 0;
    for _ in 0..600 {
        bench.run_for(Duration::from_millis(100));
        busiest = busiest.max(bench.take_sent().len());
    }
    assert!(busiest < 30, "{busiest} refreshes in a tenth of a second");
}

#[test]
fn a_refresh_of_zero_does_not_spin() {
    let mut bench = Bench::new(Settings {
        refresh: Duration::ZERO,
        ..Settings::default()
    });
    bench.input(Input::Hold(HELD.into()));
    bench.run_for(Duration::from_secs(60));
    assert!(bench.take_sent().len() <= 70);
}
