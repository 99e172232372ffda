use super::*;

const STATES: [State; 4] = [State::AdminDown, State::Down, State::Init, State::Up];

/// A session brought into a state.
fn in_state(state: State) -> Bench {
    let mut bench = Bench::new(settings(fast()));
    bench.settle();
    match state {
        State::Down => {}
        State::Init => drop(bench.hear(State::Down)),
        State::Up => drop(bench.hear(State::Init)),
        State::AdminDown => drop(bench.input(Input::Disable)),
    }
    assert_eq!(bench.state(), state);
    bench.events();
    bench
}

/// RFC 5880 §6.8.6, written down a second time.
fn next(local: State, remote: State) -> (State, Diagnostic) {
    let signaled = Diagnostic::NEIGHBOR_SIGNALED_DOWN;
    match (local, remote) {
        (State::AdminDown, _) => (State::AdminDown, Diagnostic::ADMINISTRATIVELY_DOWN),
        (State::Down, State::Down) => (State::Init, Diagnostic::NONE),
        (State::Down, State::Init) => (State::Up, Diagnostic::NONE),
        (State::Down, _) => (State::Down, Diagnostic::NONE),
        (State::Init | State::Up, State::AdminDown) | (State::Up, State::Down) => (State::Down, signaled),
        (State::Init, State::Down) => (State::Init, Diagnostic::NONE),
        (State::Init | State::Up, _) => (State::Up, Diagnostic::NONE),
    }
}

/// D3
#[test]
fn every_state_meets_every_state_as_the_rfc_has_it() {
    for local in STATES {
        for remote in STATES {
            let mut bench = in_state(local);
            bench.hear(remote);
            let status = bench.session.status();
            assert_eq!(
                (status.state, status.diagnostic),
                next(local, remote),
                "{local} hears {remote}"
            );
        }
    }
}

/// D9
#[test]
fn a_change_of_state_is_sent_at_once_and_nothing_else_is() {
    for local in STATES {
        for remote in STATES {
            let mut bench = in_state(local);
            let sent: Vec<State> = bench.hear(remote).iter().map(|packet| packet.state).collect();
            let expected = next(local, remote).0;
            let expected = if expected == local { vec![] } else { vec![expected] };
            assert_eq!(sent, expected, "{local} hears {remote}");
        }
    }
}

/// D13
#[test]
fn who_relies_on_the_path_hears_of_failures_alone_as_down() {
    let said = |local, remote| {
        let mut bench = in_state(local);
        bench.hear(remote);
        bench.events()
    };
    let signaled = Diagnostic::NEIGHBOR_SIGNALED_DOWN;
    assert_eq!(said(State::Up, State::Down), [Event::Down(signaled)]);
    assert_eq!(said(State::Up, State::AdminDown), [Event::AdminDown]);
    assert_eq!(said(State::Init, State::AdminDown), [Event::AdminDown]);
    assert_eq!(said(State::Down, State::AdminDown), [Event::AdminDown]);
    assert_eq!(said(State::Init, State::Up), [Event::Up]);
    assert_eq!(said(State::Down, State::Down), []);
}

/// D13
#[test]
fn a_neighbour_that_stays_switched_off_and_then_falls_silent_is_told_of_once() {
    let mut bench = in_state(State::Up);
    bench.hear(State::AdminDown);
    bench.hear(State::AdminDown);
    bench.pass(10_000 * MS);
    assert_eq!(bench.events(), [Event::AdminDown]);
    bench.hear(State::Down);
    bench.hear(State::Init);
    assert_eq!(bench.events(), [Event::Up]);
}

/// D1, D2
#[test]
fn a_packet_of_another_session_changes_nothing() {
    let mut bench = in_state(State::Up);
    bench.remote.your_discriminator = NonZeroU32::new(LOCAL + 1);
    let before = bench.session.status();
    assert_eq!(bench.hear(State::Down), []);
    assert_eq!(bench.session.status(), before);
    assert_eq!(bench.session.counters().refused, 1);
}

/// D1: the other end has restarted and knows nothing of us yet.
#[test]
fn a_neighbour_that_begins_anew_takes_the_session_down_and_up_under_its_new_discriminator() {
    let mut bench = in_state(State::Up);
    bench.remote.your_discriminator = None;
    bench.remote.my_discriminator = NonZeroU32::new(77).unwrap();
    let sent = bench.hear(State::Down);
    assert_eq!(sent[0].your_discriminator, NonZeroU32::new(77));
    bench.remote.your_discriminator = NonZeroU32::new(LOCAL);
    bench.hear(State::Down);
    bench.hear(State::Init);
    let signaled = Diagnostic::NEIGHBOR_SIGNALED_DOWN;
    assert_eq!(bench.events(), [Event::Down(signaled), Event::Up]);
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(&STATES[..])
}

proptest! {
    /// D3
    #[test]
    fn any_sequence_of_states_follows_the_table(remotes in prop::collection::vec(any_state(), 0..50)) {
        let mut bench = in_state(State::Down);
        let mut expected = State::Down;
        for remote in remotes {
            bench.hear(remote);
            expected = next(expected, remote).0;
            prop_assert_eq!(bench.state(), expected);
        }
    }

    /// D1: nothing that arrives makes it panic, send in answer more than one packet, or send anything that is none.
    #[test]
    fn no_octets_disturb_the_machine(
        inputs in prop::collection::vec((prop::collection::vec(any::<u8>(), 24..28), 0_u64..3000), 0..40),
    ) {
        let mut bench = in_state(State::Down);
        for (mut octets, wait) in inputs {
            octets[0] = 0x20 | octets[0] & 0x1f;
            octets[1] &= 0xfa;
            octets[3] = 24;
            octets[8..12].copy_from_slice(&LOCAL.to_be_bytes());
            prop_assert!(bench.input(Input::Packet(&octets)).len() <= 1);
            bench.pass(Duration::from_micros(wait));
        }
    }
}

/// D1
#[test]
fn what_is_no_packet_is_counted_and_changes_nothing() {
    let mut bench = in_state(State::Up);
    let before = bench.session.status();
    let mut octets = bench.remote.encode();
    octets[2] = 0;
    assert_eq!(Packet::decode(&octets), Err(DecodeError::DetectMultiplier));
    bench.input(Input::Packet(&octets));
    bench.input(Input::Packet(&[]));
    assert_eq!(bench.session.status(), before);
    assert_eq!(bench.session.counters().refused, 2);
}
