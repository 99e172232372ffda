use super::*;

#[test]
fn the_other_end_is_told_for_as_long_as_it_might_take_to_notice_and_then_nothing_is_said() {
    let mut bench = Bench::up(fast());
    let news = bench.input(Input::Disable);
    assert_eq!(
        (news[0].state, news[0].diagnostic),
        (State::AdminDown, Diagnostic::ADMINISTRATIVELY_DOWN)
    );
    assert_eq!(bench.events(), [Event::AdminDown]);
    let sent = bench.pass(60_000 * MS);
    assert!((3..=4).contains(&sent.len()), "{sent:?}");
    assert!(sent.iter().all(|(after, _)| *after <= 3000 * MS));
    assert_within(&gaps(&sent), 750 * MS, 1000 * MS);
    assert_eq!(bench.session.poll_timeout(), None);
    // Nor does it begin again because the other end goes on.
    bench.hear(State::Down);
    assert_eq!(
        (bench.pass(10_000 * MS).len(), bench.session.poll_timeout()),
        (0, None)
    );
}

#[test]
fn who_was_never_heard_is_told_once() {
    let mut bench = Bench::new(settings(fast()));
    bench.settle();
    assert_eq!(bench.input(Input::Disable).len(), 1);
    assert_eq!(bench.pass(10_000 * MS).len(), 0);
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn switched_on_again_it_begins_anew() {
    let mut bench = Bench::up(fast());
    bench.input(Input::Disable);
    bench.pass(10_000 * MS);
    let news = bench.input(Input::Enable);
    assert_eq!((news[0].state, news[0].your_discriminator), (State::Down, None));
    assert_eq!(news[0].diagnostic, Diagnostic::NONE);
    bench.hear(State::Down);
    bench.hear(State::Init);
    assert_eq!(bench.events(), [Event::AdminDown, Event::Up]);
}

#[test]
fn off_twice_and_on_twice_is_off_and_on_once() {
    let mut bench = Bench::up(fast());
    assert_eq!(bench.input(Input::Disable).len(), 1);
    assert_eq!(bench.input(Input::Disable).len(), 0);
    assert_eq!(bench.input(Input::Enable).len(), 1);
    assert_eq!(bench.input(Input::Enable).len(), 0);
}

#[test]
fn counters_tell_what_happened() {
    let mut bench = Bench::new(settings(fast()));
    bench.settle();
    for remote in [State::Down, State::Init, State::Down, State::Init] {
        bench.hear(remote);
    }
    let expected = Counters {
        sent: 5,
        received: 4,
        refused: 0,
        ups: 2,
        downs: 1,
    };
    assert_eq!(bench.session.counters(), expected);
}
