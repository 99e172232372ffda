//! FRR's bfdd at the other end: what it shows is what counts.

use std::fs;

use nix::unistd::{Gid, Uid, User, chown};
use serde_json::Value;
use speaker::bgp::bfd::{Path, State};
use tempfile::TempDir;

use crate::daemon::{Daemon, ask};
use crate::namespace::{Namespace, eventually};
use crate::node::{MS, Node, SLACK, every, far, now, on_link, timed, to};
use crate::segment::{PORTS, Segment};

/// FRR in a namespace.
pub(crate) struct Frr<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    bfdd: Daemon,
    _zebra: Daemon,
}

impl<'a> Frr<'a> {
    pub(crate) fn start(namespace: &'a Namespace, configuration: &str) -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let user = User::from_name("frr").unwrap();
        let user = user.expect("no user frr: run `apt-get install --no-install-recommends frr`");
        chown(
            folder.path(),
            Some(Uid::from_raw(user.uid.as_raw())),
            Some(Gid::from_raw(user.gid.as_raw())),
        )
        .unwrap();
        fs::write(folder.path().join("vtysh.conf"), "").unwrap();
        let start = |daemon: &str| {
            let path = folder.path().display();
            let mut arguments = vec![
                format!("--vty_socket={path}"),
                format!("--socket={path}/zserv.api"),
                format!("--pid_file={path}/{daemon}.pid"),
                format!("--config_file={path}/none.conf"),
                "--vty_port=0".to_owned(),
            ];
            if daemon == "bfdd" {
                arguments.push(format!("--bfdctl={path}/bfdd.sock"));
            }
            let program = format!("/usr/lib/frr/{daemon}");
            let ready = folder.path().join(format!("{daemon}.vty"));
            Daemon::start(namespace, &program, "frr", &arguments, &ready)
        };
        // The other connects to it.
        let zebra = start("zebra");
        let bfdd = start("bfdd");
        let frr = Self {
            namespace,
            folder,
            bfdd,
            _zebra: zebra,
        };
        frr.configure(configuration);
        frr
    }

    fn configure(&self, lines: &str) {
        let file = self.folder.path().join("lines.conf");
        fs::write(&file, lines).unwrap();
        self.vtysh(&["-f", file.to_str().unwrap()]);
    }

    pub(crate) fn vtysh(&self, arguments: &[&str]) -> String {
        let folder = self.folder.path().to_str().unwrap();
        let ours = ["--vty_socket", folder, "--config_dir", folder];
        ask(self.namespace, "/usr/bin/vtysh", &[&ours, arguments].concat())
    }

    /// What it shows of the session with a peer.
    fn session(&self, peer: &str) -> Value {
        let shown: Value = serde_json::from_str(&self.vtysh(&["-c", "show bfd peers json"])).unwrap();
        let mut sessions = shown.as_array().unwrap().iter();
        sessions
            .find(|session| session["peer"] == peer)
            .cloned()
            .unwrap_or_default()
    }

    fn shows(&self, peer: &str, expected: &[(&str, Value)]) {
        let what = format!("FRR shows {expected:?} of {peer}");
        eventually(&what, || {
            let session = self.session(peer);
            expected.iter().all(|(key, value)| session[*key] == *value)
        });
    }
}

/// The configuration for a peer, and our path to it, for each kind of path.
fn kinds() -> [(&'static str, &'static str, Path); 5] {
    [
        ("peer 192.0.2.1 interface eth0", "192.0.2.1", to("192.0.2.2")),
        (
            "peer 2001:db8::1 local-address 2001:db8::2 interface eth0",
            "2001:db8::1",
            to("2001:db8::2"),
        ),
        (
            "peer fe80::1 local-address fe80::2 interface eth0",
            "fe80::1",
            on_link("fe80::2"),
        ),
        (
            "peer 192.0.2.1 multihop local-address 192.0.2.2",
            "192.0.2.1",
            far("192.0.2.1", "192.0.2.2", 250),
        ),
        (
            "peer 2001:db8::1 multihop local-address 2001:db8::2",
            "2001:db8::1",
            far("2001:db8::1", "2001:db8::2", 250),
        ),
    ]
}

fn configuration(peer: &str) -> String {
    format!(
        "bfd\n {peer}\n  receive-interval 60\n  transmit-interval 70\n  detect-multiplier 4\n  no shutdown\n exit\nexit\n"
    )
}

/// D4, D5, D6, D9, D10, D12, P-BGP-43, P-BGP-44
#[test]
fn every_kind_of_path_comes_up_with_frr_and_both_know_of_a_cut_in_time() {
    let _timed = timed();
    for (peer, address, path) in kinds() {
        let segment = Segment::new();
        let frr = Frr::start(&segment.nodes[1], &configuration(peer));
        let node = Node::start(&segment.nodes[0]);
        let watch = node.watch(path, every(50));
        watch.becomes(State::Up);
        // Our 3 × 50 ms against its 4 × 70 ms, and it receives no more often than every 60.
        watch.eventually("agreed", |status| {
            status.detection_time == Some(4 * 70 * MS) && status.transmit_interval == Some(60 * MS)
        });
        let expected = [
            ("status", "up".into()),
            ("remote-receive-interval", 50.into()),
            ("remote-transmit-interval", 50.into()),
            ("remote-detect-multiplier", 3.into()),
            ("remote-diagnostic", "ok".into()),
        ];
        frr.shows(address, &expected);
        let news = watch.news_of(State::Down);
        segment.cut(PORTS[1]);
        let cut = now();
        let after = news.join().unwrap().expect("down").saturating_duration_since(cut);
        println!("{peer}: cut noticed after {after:?} of 280 ms");
        assert!(after <= 280 * MS + SLACK, "{after:?}");
        frr.shows(
            address,
            &[
                ("status", "down".into()),
                ("diagnostic", "control detection time expired".into()),
            ],
        );
        segment.mend(PORTS[1]);
        watch.becomes(State::Up);
        frr.shows(address, &[("status", "up".into())]);
    }
}

/// D4
#[test]
fn an_frr_that_hangs_is_noticed_within_the_detection_time() {
    let _timed = timed();
    let segment = Segment::new();
    let frr = Frr::start(&segment.nodes[1], &configuration("peer 192.0.2.1 interface eth0"));
    let node = Node::start(&segment.nodes[0]);
    let watch = node.watch(to("192.0.2.2"), every(50));
    watch.becomes(State::Up);
    watch.eventually("agreed", |status| status.detection_time == Some(280 * MS));
    let news = watch.news_of(State::Down);
    let frozen = now();
    frr.bfdd.freeze();
    let after = news
        .join()
        .unwrap()
        .expect("down")
        .saturating_duration_since(frozen);
    println!("FRR hangs: noticed after {after:?} of 280 ms");
    assert!((200 * MS..=280 * MS + SLACK).contains(&after), "{after:?}");
}

/// D13
#[test]
fn switching_off_at_either_end_is_shown_as_that_at_the_other() {
    let segment = Segment::new();
    let frr = Frr::start(&segment.nodes[1], &configuration("peer 192.0.2.1 interface eth0"));
    let node = Node::start(&segment.nodes[0]);
    let watch = node.watch(to("192.0.2.2"), every(50));
    watch.becomes(State::Up);
    frr.configure("bfd\n peer 192.0.2.1 interface eth0\n  shutdown\n exit\nexit\n");
    watch.becomes(State::AdminDown);
    frr.configure("bfd\n peer 192.0.2.1 interface eth0\n  no shutdown\n exit\nexit\n");
    watch.becomes(State::Up);
    drop(watch);
    let off = [
        ("status", "down".into()),
        ("remote-diagnostic", "administratively down".into()),
    ];
    frr.shows("192.0.2.1", &off);
    let watch = node.watch(to("192.0.2.2"), every(50));
    watch.becomes(State::Up);
}

/// D6
#[test]
fn timers_that_change_at_either_end_are_agreed_on_without_a_flap() {
    let segment = Segment::new();
    let frr = Frr::start(&segment.nodes[1], &configuration("peer 192.0.2.1 interface eth0"));
    let node = Node::start(&segment.nodes[0]);
    let watch = node.watch(to("192.0.2.2"), every(50));
    watch.becomes(State::Up);
    watch.set_timers(every(300));
    frr.shows(
        "192.0.2.1",
        &[("remote-transmit-interval", 300.into()), ("status", "up".into())],
    );
    watch.eventually("agreed", |status| status.transmit_interval == Some(300 * MS));
    frr.configure(
        "bfd\n peer 192.0.2.1 interface eth0\n  transmit-interval 400\n  detect-multiplier 5\n exit\nexit\n",
    );
    watch.eventually("agreed", |status| status.detection_time == Some(2000 * MS));
    watch.set_timers(every(50));
    watch.eventually("agreed", |status| status.transmit_interval == Some(60 * MS));
    assert_eq!((watch.status().ups, watch.status().downs), (1, 0));
}

/// D17: it may send none.
#[test]
fn an_frr_that_would_like_echo_comes_up_without() {
    let segment = Segment::new();
    let echo =
        configuration("peer 192.0.2.1 interface eth0").replace("  no shutdown", "  echo-mode\n  no shutdown");
    let frr = Frr::start(&segment.nodes[1], &echo);
    let node = Node::start(&segment.nodes[0]);
    let watch = node.watch(to("192.0.2.2"), every(50));
    watch.becomes(State::Up);
    frr.shows(
        "192.0.2.1",
        &[
            ("status", "up".into()),
            ("remote-echo-receive-interval", 0.into()),
        ],
    );
    let before = watch.status().packets_received;
    watch.eventually("it goes on", |status| status.packets_received > before + 30);
    assert_eq!((watch.status().ups, watch.status().downs), (1, 0));
}
