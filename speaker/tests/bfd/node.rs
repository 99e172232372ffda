use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bfd::Timers;
use speaker::bgp::bfd::{Bfd, Monitor, Path, Scheduling, Settings, State, Status};

use crate::namespace::{Namespace, PATIENCE, eventually};

/// The BFD of a node, whose neighbours are on `eth0`.
pub(crate) struct Node {
    bfd: Bfd,
    /// Its network namespace.
    name: String,
}

/// A path that is watched.
pub(crate) struct Watch(Arc<Monitor>);

pub(crate) const MS: Duration = Duration::from_millis(1);

/// How late a machine may be that has other tests to run: far less than any hold time. `make bench-bgp` measures.
pub(crate) const SLACK: Duration = Duration::from_secs(1);

/// Three packets of so many milliseconds.
pub(crate) fn every(millis: u32) -> Timers {
    Timers {
        transmit_interval: millis * MS,
        receive_interval: millis * MS,
        detect_multiplier: 3,
    }
}

/// A neighbour on the same link.
pub(crate) fn to(remote: &str) -> Path {
    Path {
        remote: remote.parse().unwrap(),
        local: None,
        interface: None,
        vrf: None,
        multihop: None,
    }
}

/// The same, over `eth0` and nothing else.
pub(crate) fn on_link(remote: &str) -> Path {
    Path {
        interface: Some("eth0".to_owned()),
        ..to(remote)
    }
}

/// A neighbour some hops away.
pub(crate) fn far(local: &str, remote: &str, least_ttl: u8) -> Path {
    Path {
        local: Some(local.parse().unwrap()),
        multihop: Some(least_ttl),
        ..to(remote)
    }
}

impl Node {
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let bfd = namespace.spawn(|| Bfd::start(Scheduling::Ordinary).unwrap());
        Self {
            bfd: bfd.join().unwrap(),
            name: namespace.name().to_owned(),
        }
    }

    pub(crate) fn watch(&self, path: Path, timers: Timers) -> Watch {
        self.open(path, timers, false)
    }

    pub(crate) fn wait_for(&self, path: Path, timers: Timers) -> Watch {
        self.open(path, timers, true)
    }

    fn open(&self, path: Path, timers: Timers, passive: bool) -> Watch {
        let link = index(&self.name, "eth0");
        Watch(Arc::new(self.bfd.open(path, link, Settings { timers, passive })))
    }

    pub(crate) fn stop(&self) {
        self.bfd.stop();
    }
}

impl Watch {
    pub(crate) fn status(&self) -> Status {
        self.0.changes().borrow().clone()
    }

    pub(crate) fn set_link(&self, link: u32) {
        self.0.set_link(Some(link));
    }

    pub(crate) fn set_timers(&self, timers: Timers) {
        self.0.set_timers(timers);
    }

    #[track_caller]
    pub(crate) fn becomes(&self, state: State) -> Instant {
        let at = self.news_of(state).join().unwrap();
        at.unwrap_or_else(|| panic!("never {state:?}: {:?}", self.status()))
    }

    /// When it is told that it is in that state, by a follower that sleeps until then.
    pub(crate) fn news_of(&self, state: State) -> std::thread::JoinHandle<Option<Instant>> {
        let mut changes = self.0.changes();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            runtime.block_on(async {
                let told = changes.wait_for(|status| status.state == state);
                let told = tokio::time::timeout(PATIENCE, told).await;
                told.ok().map(|_| now())
            })
        })
    }

    /// Waits until the numbers, which are a second old at most, are as wanted.
    pub(crate) fn eventually(&self, what: &str, condition: impl Fn(&Status) -> bool) {
        eventually(what, || condition(&self.status()));
    }
}

/// The index of an interface, if it is there.
fn index(namespace: &str, iface: &str) -> Option<u32> {
    let mut command = std::process::Command::new("ip");
    let shown = command
        .args(["-n", namespace, "-o", "link", "show", "dev", iface])
        .output()
        .unwrap();
    String::from_utf8(shown.stdout)
        .unwrap()
        .split(':')
        .next()?
        .parse()
        .ok()
}

#[allow(clippy::disallowed_methods, reason = "tests measure real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// One at a time: tests that measure, and tests that keep the machine busy.
pub(crate) fn timed() -> MutexGuard<'static, ()> {
    static TIMED: Mutex<()> = Mutex::new(());
    TIMED.lock().unwrap_or_else(PoisonError::into_inner)
}
