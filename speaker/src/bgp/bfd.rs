//! Whether the paths to neighbours work, by BFD: all sessions of this node, on a thread of their own.
//!
//! ```text
//! Bfd::open(path) ─▶ Monitor ─▶ watch: Never │ Up │ Down │ AdminDown
//!       │ commands                 ▲
//!       ▼                          │
//! thread "bfd": sockets ─▶ bfd::Session ─▶ bfd::Damping
//! ```
//!
//! The thread waits for nobody: it shares no runtime and no task queue with what else the speaker does. It needs no capability;
//! with one it can run before the ordinary threads of the node ([`Scheduling`]). It lives in the network namespace of the
//! thread that starts it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use ::bfd::{Diagnostic, Timers};
use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::watch;
use tracing::warn;

mod ears;
mod path;
mod priority;
mod sockets;
mod watched;
mod worker;

pub use path::Path;
use worker::{Command, Worker};

/// How long [`Bfd::stop`] waits for the neighbours to be told.
const FAREWELL: Duration = Duration::from_millis(200);

/// How the thread competes with what else runs on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// As every other: it is late where others take the processors and the speaker's share of them is small.
    Ordinary,
    /// Before all ordinary threads, if that is permitted; if not, that is logged, and it is as every other.
    RealTime,
}

impl Scheduling {
    fn take(self) {
        if self == Self::RealTime
            && let Err(error) = priority::rise()
        {
            warn!(
                error = error.to_string(),
                "no real-time scheduling for BFD: it takes the capability SYS_NICE, and a kernel that does not divide it by \
                 control groups (CONFIG_RT_GROUP_SCHED) or has some for this one; BFD goes on without it"
            );
        }
    }
}

/// What a session is run with; from a BFDProfile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How often packets go and how many may be missed.
    pub timers: Timers,
    /// Whether to wait for the neighbour's first packet before sending any.
    pub passive: bool,
}

impl From<&config::BfdProfile> for Settings {
    fn from(profile: &config::BfdProfile) -> Self {
        Self {
            timers: Timers {
                transmit_interval: profile.transmit_interval,
                receive_interval: profile.receive_interval,
                detect_multiplier: profile.detect_multiplier,
            },
            passive: profile.passive,
        }
    }
}

/// What those who rely on a path are to believe of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It never worked yet, which says nothing: the neighbour may not speak BFD.
    #[default]
    Never,
    /// It works.
    Up,
    /// It worked and does not any more; or it does again, and has failed so often that this is not yet believed.
    Down,
    /// One end has switched BFD off, which says nothing either.
    AdminDown,
}

/// How a path stands. Followers are woken when `state`, `failures` or `trouble` is another one, and for nothing else; the rest may
/// be a second old.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What to believe.
    pub state: State,
    /// The state of the session itself.
    pub session: ::bfd::State,
    /// Why the session changed its state the last time.
    pub diagnostic: Diagnostic,
    /// The path works, and that is held back because it has failed so often.
    pub held_back: bool,
    /// After so long a silence it is taken for dead; `None` until the neighbour is heard.
    pub detection_time: Option<Duration>,
    /// The interval at which packets go, before jitter; `None` while there is nothing to send.
    pub transmit_interval: Option<Duration>,
    /// Control packets that were taken.
    pub packets_received: u64,
    /// Control packets sent.
    pub packets_sent: u64,
    /// Times that the session came up.
    pub ups: u64,
    /// Times that it left that state, also because BFD was switched off.
    pub downs: u64,
    /// Times that the path failed. Who must not miss a failure compares this: one that was over before it looked, or one of a
    /// path that it uses though it was held back that it works, which leaves `state` what it is.
    pub failures: u64,
    /// Why there are no packets at all, if so.
    pub trouble: Option<Trouble>,
}

/// Why a session hears or says nothing. What it takes is looked for again every second.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The interface is not there.
    #[error("this node has no interface {0}")]
    NoInterface(String),
    /// A neighbour with a link-local address, and nothing that says on which link.
    #[error("{0} is of one link only: it takes an interface")]
    NoLink(IpAddr),
    /// Nothing that comes in counts.
    #[error(
        "no interface of this node has a subnet that {0} is in: give the node an address or a route there, or set ebgpMultiHop on the \
         BGPPeer if routers are between"
    )]
    NotOnLink(IpAddr),
    /// Nothing can be received.
    #[error("cannot listen on UDP port {port}: {error}")]
    Listen {
        /// The port.
        port: u16,
        /// In the words of the operating system. An address in use: another process speaks BFD on this node.
        error: String,
    },
    /// Nothing can be sent.
    #[error("cannot send to {remote}: {error}")]
    Send {
        /// The neighbour.
        remote: IpAddr,
        /// In the words of the operating system.
        error: String,
    },
}

/// The thread, and the way to it. Clones share it; it ends when the last of them and of the monitors is gone.
#[derive(Clone, Debug)]
pub struct Bfd(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    commands: Sender<Command>,
    wake: Arc<EventFd>,
    opened: AtomicU64,
}

impl Bfd {
    /// Starts the thread. It has no sockets before a path is to be watched.
    ///
    /// # Errors
    /// The operating system has no descriptors or no threads to give.
    pub fn start(scheduling: Scheduling) -> io::Result<Self> {
        let wake = Arc::new(EventFd::from_flags(
            EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC,
        )?);
        let (commands, told) = channel();
        let worker = Worker::new(told, wake.clone())?;
        std::thread::Builder::new()
            .name("bfd".to_owned())
            .spawn(move || {
                scheduling.take();
                worker.run();
            })?;
        Ok(Self(Arc::new(Shared {
            commands,
            wake,
            opened: AtomicU64::new(0),
        })))
    }

    /// Has a path watched, for as long as the monitor is kept; over one hop, the neighbour's packets count from the interface of the
    /// index `link` alone, which [`Monitor::set_link`] may say later. There is one session for each path: who opens a path that is
    /// watched takes its session over as it stands, and the monitor before hears nothing more.
    pub fn open(&self, path: Path, link: Option<u32>, settings: impl Into<Settings>) -> Monitor {
        let id = self.0.opened.fetch_add(1, Ordering::Relaxed);
        let (sender, status) = watch::channel(Status::default());
        let remote = path.remote;
        let settings = settings.into();
        self.0.say(Command::Open {
            id,
            path,
            link,
            settings,
            sender,
        });
        Monitor {
            id,
            remote,
            status,
            bfd: self.clone(),
        }
    }

    /// Tells all neighbours that BFD is switched off here, which is no reason for them to drop any route (RFC 5882 §4.2).
    /// Returns when that is sent, or a fifth of a second later. For the end of the process: no session begins anew.
    pub fn stop(&self) {
        let (done, is_done) = channel();
        self.0.say(Command::Stop(done));
        // Whether they were told or not, this is the end.
        let _ = is_done.recv_timeout(FAREWELL);
    }
}

impl Shared {
    fn say(&self, command: Command) {
        // Without the thread, which ends after everybody who could speak to it, there is nothing to be told.
        let _ = self.commands.send(command);
        // Full means that it has been woken already.
        let _ = self.wake.write(1);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.say(Command::End);
    }
}

/// A path that is watched. Dropped, the neighbour is told that BFD is switched off here, for as long as it might take to notice.
#[derive(Debug)]
pub struct Monitor {
    id: u64,
    remote: IpAddr,
    status: watch::Receiver<Status>,
    bfd: Bfd,
}

impl Monitor {
    /// The neighbour.
    pub fn remote(&self) -> IpAddr {
        self.remote
    }

    /// How the path stands, and each time that it stands otherwise.
    pub fn changes(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// The neighbour is on the interface of this index from now on; the session goes on.
    pub fn set_link(&self, link: Option<u32>) {
        self.bfd.0.say(Command::Link { id: self.id, link });
    }

    /// Other timers from now on; the session goes on.
    pub fn set_timers(&self, timers: Timers) {
        self.bfd.0.say(Command::Timers { id: self.id, timers });
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.bfd.0.say(Command::Close { id: self.id });
    }
}
