use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;

use super::path::Marks;
use super::sockets::{Ear, Place};

/// So many packets of one socket are taken before timers have their turn again.
const BATCH: usize = 1024;
/// No packet is longer; what is, is cut off, which its Length shows.
const BUFFER: usize = 128;
const WAKE: u64 = u64::MAX;

/// All sockets to receive, and what wakes the thread besides.
pub(super) struct Ears {
    wake: Arc<EventFd>,
    epoll: Epoll,
    ears: BTreeMap<u64, Ear>,
    next: u64,
}

impl Ears {
    pub(super) fn new(wake: Arc<EventFd>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        Ok(Self {
            wake,
            epoll,
            ears: BTreeMap::new(),
            next: 0,
        })
    }

    /// Sleeps until something comes in, somebody wakes it, or the time is over. Epoll itself counts whole milliseconds only.
    pub(super) fn wait(&self, timeout: Option<Duration>) {
        let mut poll = [PollFd::new(self.epoll.0.as_fd(), PollFlags::POLLIN)];
        // Interrupted or not: what there is to do is looked at anew.
        let _ = ppoll(&mut poll, timeout.map(TimeSpec::from), None);
    }

    /// Hands over what came in.
    pub(super) fn hear(&mut self, mut take: impl FnMut(&Place, &Marks, &[u8])) {
        let mut ready = [EpollEvent::empty(); 16];
        let count = self.epoll.wait(&mut ready, EpollTimeout::ZERO).unwrap_or(0);
        let mut buffer = [0; BUFFER];
        for event in ready.iter().take(count) {
            if event.data() == WAKE {
                // That it was told is all that it says.
                let _ = self.wake.read();
            } else if let Some(ear) = self.ears.get_mut(&event.data()) {
                for _ in 0..BATCH {
                    let Some((length, marks)) = ear.hear(&mut buffer) else {
                        break;
                    };
                    take(&ear.place, &marks, &buffer[..length.min(BUFFER)]);
                }
            }
        }
    }

    /// Listens at a place, if it does not yet.
    pub(super) fn listen(&mut self, place: &Place, port: u16) -> io::Result<()> {
        if self.ears.values().any(|ear| ear.place == *place) {
            return Ok(());
        }
        let alone = !self.ears.values().any(|ear| ear.place.shares_port(place));
        let ear = Ear::open(place.clone(), port, alone)?;
        self.epoll
            .add(&ear, EpollEvent::new(EpollFlags::EPOLLIN, self.next))?;
        self.ears.insert(self.next, ear);
        self.next += 1;
        Ok(())
    }

    /// Listens at these places only. Epoll forgets closed sockets by itself.
    pub(super) fn keep(&mut self, needed: impl Fn(&Place) -> bool) {
        self.ears.retain(|_, ear| needed(&ear.place));
    }
}
