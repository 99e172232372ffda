//! Addresses that the speakers share, held or not, and what is heard of speakers.

use super::*;

fn sharing() -> Bench {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Cluster([theirs()].into()));
    bench.input(Input::Shared(BOTH.into()));
    bench
}

#[test]
fn a_speaker_that_has_a_shared_address_is_told_of_though_it_is_not_held_here() {
    for address in BOTH {
        let mut bench = sharing();
        assert_eq!(bench.responder.poll_interest().unwrap().shared, BOTH.into());
        bench.hear(claim_of(theirs(), address));
        bench.hear(claim_of(theirs(), address));
        bench.hear(claim_of(stranger(), address));
        let rival = Event::Rival {
            address,
            mac: theirs(),
        };
        assert_eq!(
            bench.take_events(),
            [rival],
            "once a second, and of speakers alone"
        );
        bench.input(Input::Shared(BTreeSet::new()));
        bench.run_for(Duration::from_secs(2));
        bench.hear(claim_of(theirs(), address));
        assert_eq!(bench.take_events(), []);
    }
}

#[test]
fn what_a_surrogate_says_is_no_word_of_the_holder() {
    let mut bench = sharing();
    bench.hear(Sent::Arp(ArpFrame {
        source: mac(9),
        ..ArpFrame::announcement(theirs(), HELD)
    }));
    bench.hear(Sent::Answer(Advertisement {
        source: mac(9),
        ..Advertisement::announcement(theirs(), HELD6)
    }));
    assert_eq!(bench.take_events(), []);
}

#[test]
fn a_speaker_that_is_heard_is_told_of_once_a_second_whatever_it_says() {
    let mut bench = sharing();
    for address in BOTH {
        bench.hear(question_for(address));
        bench.hear(question_for(address));
        assert_eq!(std::mem::take(&mut bench.neighbors), [theirs()]);
        bench.run_for(Duration::from_secs(1));
    }
    bench.input(Input::Cluster(BTreeSet::new()));
    bench.hear(question_for(HELD.into()));
    assert_eq!(std::mem::take(&mut bench.neighbors), []);
}

#[test]
fn what_is_held_is_announced_once_more_when_another_speaker_is_to_see_it() {
    for address in BOTH {
        let mut bench = sharing();
        bench.input(Input::Announce(address));
        assert_eq!(bench.take(), [], "it is not held");
        bench.input(Input::Hold(address));
        bench.take();
        bench.input(Input::Announce(address));
        assert_eq!(bench.take(), [claim_of(ours(), address)]);
    }
}
