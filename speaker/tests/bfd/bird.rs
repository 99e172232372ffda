//! BIRD at the other end: what it shows is what counts.

use std::fs;

use speaker::bgp::bfd::{Path, State};
use tempfile::TempDir;

use crate::daemon::{Daemon, ask};
use crate::namespace::{Namespace, eventually};
use crate::node::{MS, Node, SLACK, every, far, now, on_link, timed, to};
use crate::segment::{PORTS, Segment};

/// BIRD in a namespace.
struct Bird<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    _bird: Daemon,
}

impl<'a> Bird<'a> {
    fn start(namespace: &'a Namespace, neighbour: &str) -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let interval = "min rx interval 60 ms; min tx interval 70 ms; multiplier 4;";
        let text = format!(
            "router id 192.0.2.2;\nprotocol device {{}}\nprotocol bfd {{\n interface \"eth0\" {{ {interval} }};\n \
             multihop {{ {interval} }};\n neighbor {neighbour};\n}}\n"
        );
        let file = |name: &str| folder.path().join(name);
        fs::write(file("bird.conf"), text).unwrap();
        let option = |flag: &str, name| [flag.to_owned(), file(name).display().to_string()];
        let arguments = [
            vec!["-f".to_owned()],
            option("-c", "bird.conf").into(),
            option("-s", "bird.ctl").into(),
            option("-P", "bird.pid").into(),
        ];
        let bird = Daemon::start(
            namespace,
            "/usr/sbin/bird",
            "bird2",
            &arguments.concat(),
            &file("bird.ctl"),
        );
        Self {
            namespace,
            folder,
            _bird: bird,
        }
    }

    fn birdc(&self, command: &str) -> String {
        let socket = self.folder.path().join("bird.ctl");
        let arguments = ["-s", socket.to_str().unwrap()];
        let words: Vec<&str> = command.split(' ').collect();
        ask(
            self.namespace,
            "/usr/sbin/birdc",
            &[&arguments, &words[..]].concat(),
        )
    }

    /// The state, the interval and the timeout that it shows of its session with a peer.
    fn session(&self, peer: &str) -> Option<[String; 3]> {
        let shown = self.birdc("show bfd sessions");
        let line = shown
            .lines()
            .find(|line| line.split_whitespace().next() == Some(peer))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [.., interval, timeout] = words[..] else {
            return None;
        };
        Some([words[2], interval, timeout].map(str::to_owned))
    }

    fn shows(&self, peer: &str, expected: &str) {
        eventually(&format!("BIRD shows {expected} of {peer}"), || {
            self.session(peer)
                .is_some_and(|session| session.join(" ") == expected)
        });
    }

    fn shows_state(&self, peer: &str, state: &str) {
        eventually(&format!("BIRD shows {state} of {peer}"), || {
            self.session(peer).is_some_and(|session| session[0] == state)
        });
    }
}

/// BIRD's neighbour, our address, and our path, for each kind of path. Over several hops BIRD sends with a TTL of 64.
fn kinds() -> [(&'static str, &'static str, Path); 4] {
    [
        ("192.0.2.1 dev \"eth0\"", "192.0.2.1", to("192.0.2.2")),
        (
            "fe80::1 dev \"eth0\" local fe80::2",
            "fe80::1",
            on_link("fe80::2"),
        ),
        (
            "192.0.2.1 local 192.0.2.2 multihop on",
            "192.0.2.1",
            far("192.0.2.1", "192.0.2.2", 60),
        ),
        (
            "2001:db8::1 local 2001:db8::2 multihop on",
            "2001:db8::1",
            far("2001:db8::1", "2001:db8::2", 60),
        ),
    ]
}

/// D4, D5, D6, D9, D10, D12, P-BGP-43
#[test]
fn every_kind_of_path_comes_up_with_bird_and_both_know_of_a_cut_in_time() {
    let _timed = timed();
    for (neighbour, address, path) in kinds() {
        let segment = Segment::new();
        let bird = Bird::start(&segment.nodes[1], neighbour);
        let node = Node::start(&segment.nodes[0]);
        let watch = node.watch(path, every(50));
        watch.becomes(State::Up);
        watch.eventually("agreed", |status| {
            status.detection_time == Some(4 * 70 * MS) && status.transmit_interval == Some(60 * MS)
        });
        // Its own interval, and three of the 60 ms that it can receive at.
        bird.shows(address, "Up 0.070 0.180");
        let news = watch.news_of(State::Down);
        segment.cut(PORTS[1]);
        let cut = now();
        let after = news.join().unwrap().expect("down").saturating_duration_since(cut);
        println!("{neighbour}: cut noticed after {after:?} of 280 ms");
        assert!(after <= 280 * MS + SLACK, "{after:?}");
        bird.shows_state(address, "Down");
        segment.mend(PORTS[1]);
        watch.becomes(State::Up);
        bird.shows_state(address, "Up");
    }
}

/// D6, D13
#[test]
fn bird_follows_other_timers_and_a_session_that_is_switched_off() {
    let segment = Segment::new();
    let bird = Bird::start(&segment.nodes[1], "192.0.2.1 dev \"eth0\"");
    let node = Node::start(&segment.nodes[0]);
    let watch = node.watch(to("192.0.2.2"), every(50));
    watch.becomes(State::Up);
    watch.set_timers(every(200));
    bird.shows("192.0.2.1", "Up 0.200 0.600");
    watch.set_timers(every(50));
    bird.shows("192.0.2.1", "Up 0.070 0.180");
    assert_eq!((watch.status().ups, watch.status().downs), (1, 0));
    drop(watch);
    bird.shows_state("192.0.2.1", "Down");
    let watch = node.watch(to("192.0.2.2"), every(50));
    watch.becomes(State::Up);
    bird.shows_state("192.0.2.1", "Up");
    // BIRD never says that it is switched off: it falls silent.
    bird.birdc("disable all");
    watch.becomes(State::Down);
}
