//! Two nodes of ours against each other.

use speaker::bgp::bfd::{Path, State};

use crate::namespace::Namespace;
use crate::node::{MS, Node, SLACK, Watch, every, far, now, on_link, timed, to};
use crate::segment::{PORTS, Segment};

/// Both ends, up.
fn up(segment: &Segment, paths: [Path; 2], interval: u32) -> ([Node; 2], [Watch; 2]) {
    let nodes = segment.nodes.each_ref().map(Node::start);
    let [first, second] = paths;
    let watches = [
        nodes[0].watch(first, every(interval)),
        nodes[1].watch(second, every(interval)),
    ];
    for watch in &watches {
        watch.becomes(State::Up);
    }
    (nodes, watches)
}

fn pairs() -> [[Path; 2]; 6] {
    [
        [to("192.0.2.2"), to("192.0.2.1")],
        [on_link("192.0.2.2"), on_link("192.0.2.1")],
        [to("2001:db8::2"), to("2001:db8::1")],
        [on_link("fe80::2"), on_link("fe80::1")],
        [
            far("192.0.2.1", "192.0.2.2", 254),
            far("192.0.2.2", "192.0.2.1", 254),
        ],
        [
            far("2001:db8::1", "2001:db8::2", 1),
            far("2001:db8::2", "2001:db8::1", 1),
        ],
    ]
}

/// D10, D11, D12, P-BGP-43
#[test]
fn every_kind_of_path_comes_up_and_a_cut_is_noticed_within_the_detection_time() {
    let _timed = timed();
    let segment = Segment::new();
    for paths in pairs() {
        let name = format!("{} multihop {:?}", paths[0].remote, paths[0].multihop);
        let (_nodes, watches) = up(&segment, paths, 50);
        watches[0].eventually("the intervals are agreed on", |status| {
            status.detection_time == Some(150 * MS) && status.transmit_interval == Some(50 * MS)
        });
        let news = watches.each_ref().map(|watch| watch.news_of(State::Down));
        let before = now();
        segment.cut(PORTS[1]);
        let cut = now();
        for news in news {
            let down = news.join().unwrap().expect("down");
            let after = down.saturating_duration_since(cut);
            println!("{name}: cut noticed after {after:?}");
            assert!(after <= 150 * MS + SLACK, "{after:?}");
            assert!(down.saturating_duration_since(before) >= 100 * MS, "too early");
        }
        segment.mend(PORTS[1]);
        for watch in &watches {
            watch.becomes(State::Up);
        }
    }
}

/// P-BGP-46
#[test]
fn two_that_wait_for_each_other_wait_forever_and_one_that_waits_is_found() {
    let segment = Segment::new();
    let nodes = segment.nodes.each_ref().map(Node::start);
    let waiting = nodes[0].wait_for(to("192.0.2.2"), every(50));
    let also = nodes[1].wait_for(to("192.0.2.1"), every(50));
    let [one, other] = [far("192.0.2.1", "192.0.2.2", 1), far("192.0.2.2", "192.0.2.1", 1)];
    let running = (nodes[0].watch(one, every(50)), nodes[1].watch(other, every(50)));
    running
        .0
        .eventually("others talk meanwhile", |status| status.packets_sent >= 50);
    assert_eq!(
        (waiting.status().packets_sent, also.status().packets_sent),
        (0, 0)
    );
    assert_eq!(waiting.status().state, State::Never);
    drop(also);
    let _finds = nodes[1].watch(to("192.0.2.1"), every(50));
    waiting.becomes(State::Up);
}

/// D13: the session is closed in order, and comes again.
#[test]
fn a_monitor_that_is_dropped_is_no_failure_to_the_other_end() {
    let segment = Segment::new();
    let (nodes, [first, second]) = up(&segment, [to("192.0.2.2"), to("192.0.2.1")], 50);
    drop(first);
    second.becomes(State::AdminDown);
    let _again = nodes[0].watch(to("192.0.2.2"), every(50));
    second.becomes(State::Up);
    second.eventually("counted", |status| (status.ups, status.downs) == (2, 1));
}

/// A peer whose other settings change is run anew; the path is what it was.
#[test]
fn a_path_that_is_opened_again_goes_on_and_the_other_end_notices_nothing() {
    let segment = Segment::new();
    let (nodes, [first, second]) = up(&segment, [to("192.0.2.2"), to("192.0.2.1")], 50);
    let again = nodes[0].watch(to("192.0.2.2"), every(100));
    again.becomes(State::Up);
    drop(first);
    second.eventually("it goes on with the new timers", |status| {
        status.detection_time == Some(300 * MS)
    });
    assert_eq!((second.status().ups, second.status().downs), (1, 0));
    segment.cut(PORTS[1]);
    again.becomes(State::Down);
    drop(again);
    segment.mend(PORTS[1]);
    let _last = nodes[0].watch(to("192.0.2.2"), every(50));
    second.becomes(State::Up);
}

/// D13, D15
#[test]
fn a_speaker_that_ends_in_order_is_no_failure_to_the_other_end() {
    let segment = Segment::new();
    let (nodes, [_first, second]) = up(&segment, [to("192.0.2.2"), to("192.0.2.1")], 50);
    nodes[0].stop();
    second.becomes(State::AdminDown);
}

/// D6
#[test]
fn timers_change_on_a_running_session_and_nobody_is_alarmed() {
    let segment = Segment::new();
    let (_nodes, [first, second]) = up(&segment, [to("192.0.2.2"), to("192.0.2.1")], 50);
    for interval in [200, 20, 100] {
        first.set_timers(every(interval));
        let slower = Some(interval.max(50) * MS);
        let agreed = |watch: &Watch, multiplier: u32| {
            watch.eventually("agreed", |status| {
                status.transmit_interval == slower
                    && status.detection_time == slower.map(|time| time * multiplier)
            });
        };
        agreed(&first, 3);
        agreed(&second, 3);
    }
    for watch in [first, second] {
        assert_eq!((watch.status().ups, watch.status().downs), (1, 0));
    }
}

/// D10, D19: the sessions of a node do not get into each other's way.
#[test]
fn many_sessions_on_one_node_come_up_each_with_a_port_of_its_own() {
    let segment = Segment::new();
    let count = 50;
    let address = |node: usize, n: u32| format!("198.51.{node}.{}", n + 1);
    for n in 0..count {
        for (node, namespace) in (1..).zip(&segment.nodes) {
            namespace.ip(&format!("addr add {}/16 dev eth0", address(node, n)));
        }
    }
    let nodes = segment.nodes.each_ref().map(Node::start);
    let path = |own: usize, other: usize, n| Path {
        local: Some(address(own, n).parse().unwrap()),
        ..to(&address(other, n))
    };
    let mut watches = Vec::new();
    for n in 0..count {
        watches.push(nodes[0].watch(path(1, 2, n), every(300)));
        watches.push(nodes[1].watch(path(2, 1, n), every(300)));
    }
    for watch in &watches {
        watch.becomes(State::Up);
    }
    let ports = source_ports(&segment.nodes[0]);
    assert_eq!(ports.len(), 50);
    assert!(ports.iter().all(|port| *port >= 49152), "{ports:?}");
}

/// The UDP ports of a namespace, each once, without those that are listened on.
fn source_ports(namespace: &Namespace) -> std::collections::BTreeSet<u16> {
    let sockets = namespace.output("ss", "-Hunla");
    let text = String::from_utf8(sockets.stdout).unwrap();
    let local = |line: &str| line.split_whitespace().nth(3)?.rsplit_once(':')?.1.parse().ok();
    text.lines()
        .filter_map(local)
        .filter(|port| *port != bfd::SINGLE_HOP_PORT)
        .collect()
}
