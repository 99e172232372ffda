use speaker::bgp::bfd::State;

use crate::node::{Node, SLACK, every, now, to};
use crate::segment::{PORTS, Segment};

/// D16, F26
#[test]
fn a_path_that_fails_again_and_again_has_to_work_for_a_while_before_it_is_believed() {
    let segment = Segment::new();
    let nodes = segment.nodes.each_ref().map(Node::start);
    let watch = nodes[0].watch(to("192.0.2.2"), every(30));
    let _other = nodes[1].watch(to("192.0.2.1"), every(30));
    watch.becomes(State::Up);
    for _ in 0..2 {
        segment.cut(PORTS[1]);
        watch.becomes(State::Down);
        segment.mend(PORTS[1]);
        watch.becomes(State::Up);
    }
    segment.cut(PORTS[1]);
    watch.becomes(State::Down);
    segment.mend(PORTS[1]);
    watch.eventually("it works and is held back", |status| {
        status.held_back && status.session == bfd::State::Up && status.state == State::Down
    });
    let worked = now();
    let believed = watch.becomes(State::Up);
    // What is held back is told a second after; it was seen within the first.
    assert!(believed.saturating_duration_since(worked) <= 2 * SLACK);
    assert!(!watch.status().held_back);
}

/// D14, D16: who has found out by itself that the path works must hear that it does not.
#[test]
fn a_path_that_fails_while_it_is_held_back_is_news() {
    let segment = Segment::new();
    let nodes = segment.nodes.each_ref().map(Node::start);
    let watch = nodes[0].watch(to("192.0.2.2"), every(30));
    let _other = nodes[1].watch(to("192.0.2.1"), every(30));
    watch.becomes(State::Up);
    for _ in 0..4 {
        segment.cut(PORTS[1]);
        watch.becomes(State::Down);
        segment.mend(PORTS[1]);
        watch.becomes(State::Up);
    }
    segment.cut(PORTS[1]);
    watch.becomes(State::Down);
    segment.mend(PORTS[1]);
    watch.eventually("it is held back", |status| status.held_back);
    segment.cut(PORTS[1]);
    watch.eventually("it has failed once more", |status| {
        status.failures == 6 && status.state == State::Down
    });
}
