//! Both processors busy with something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use speaker::bgp::bfd::State;

use crate::node::{MS, Node, every, now, timed, to};
use crate::segment::{PORTS, Segment};

/// Threads that do nothing but run.
struct Load(Arc<AtomicBool>);

impl Load {
    fn of(threads: usize) -> Self {
        let running = Arc::new(AtomicBool::new(true));
        for _ in 0..threads {
            let running = running.clone();
            std::thread::spawn(move || while running.load(Ordering::Relaxed) {});
        }
        Self(running)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Four sessions of three packets of so many milliseconds, for so many packets of the first.
fn no_false_alarm_for(packets: u64, millis: u32) {
    let _timed = timed();
    let segment = Segment::new();
    let nodes = segment.nodes.each_ref().map(Node::start);
    let pairs = [["192.0.2.2", "192.0.2.1"], ["2001:db8::2", "2001:db8::1"]];
    let watches: Vec<_> = pairs
        .iter()
        .flat_map(|[one, two]| {
            [
                nodes[0].watch(to(one), every(millis)),
                nodes[1].watch(to(two), every(millis)),
            ]
        })
        .collect();
    for watch in &watches {
        watch.becomes(State::Up);
    }
    let _load = Load::of(8);
    let began = now();
    while watches[0].status().packets_sent < packets {
        assert!(
            began.elapsed() < 2 * packets as u32 * millis * MS,
            "not even sending"
        );
        std::thread::park_timeout(Duration::from_millis(100));
    }
    for watch in &watches {
        assert_eq!((watch.status().ups, watch.status().downs), (1, 0));
    }
    println!("no false alarm in {:?}", began.elapsed());
}

#[test]
fn busy_processors_raise_no_alarm() {
    // Not what the bench measures: here other tests run beside it.
    no_false_alarm_for(100, 100);
}

/// `cargo test -p speaker --test bfd -- --ignored --nocapture ten_minutes`
#[test]
#[ignore = "takes ten minutes"]
fn ten_minutes_of_busy_processors_raise_no_alarm() {
    no_false_alarm_for(14_000, 50);
}

/// Cuts of 3 × 50 ms: how long after the wire was cut both ends knew, sorted.
fn cuts(count: usize) -> Vec<Duration> {
    let segment = Segment::new();
    let nodes = segment.nodes.each_ref().map(Node::start);
    let mut all = Vec::new();
    for _ in 0..count {
        let watches = [
            nodes[0].watch(to("192.0.2.2"), every(50)),
            nodes[1].watch(to("192.0.2.1"), every(50)),
        ];
        for watch in &watches {
            watch.becomes(State::Up);
            watch.eventually("agreed", |status| status.detection_time == Some(150 * MS));
        }
        let news = watches.each_ref().map(|watch| watch.news_of(State::Down));
        segment.cut(PORTS[1]);
        let cut = now();
        all.extend(news.map(|news| news.join().unwrap().expect("down").saturating_duration_since(cut)));
        segment.mend(PORTS[1]);
    }
    all.sort();
    all
}

/// `cargo test -p speaker --test bfd -- --ignored --nocapture thirty_cuts`
#[test]
#[ignore = "takes minutes"]
fn thirty_cuts_are_noticed_in_time_whether_the_processors_are_busy_or_not() {
    let _timed = timed();
    for threads in [0, 8] {
        let _load = Load::of(threads);
        let cuts = cuts(30);
        let (median, last) = (cuts[cuts.len() / 2], cuts[cuts.len() - 1]);
        println!(
            "{threads} busy threads: median {median:?}, longest of {} {last:?}",
            cuts.len()
        );
        assert!(last <= 150 * MS + 20 * MS, "{cuts:?}");
    }
}
