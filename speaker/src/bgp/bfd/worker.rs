//! The thread: waits for the first of a packet, a command and a timer, and feeds the sessions.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use ::bfd::{Session, Timers};
use nix::net::if_::if_nametoindex;
use nix::sys::eventfd::EventFd;
use process::clock::now;
use tokio::sync::watch;

use super::ears::Ears;
use super::sockets::{Mouth, Place};
use super::watched::Watched;
use super::{Path, Settings, Status, Trouble};

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Command {
    Open {
        id: u64,
        path: Path,
        link: Option<u32>,
        settings: Settings,
        sender: watch::Sender<Status>,
    },
    Link {
        id: u64,
        link: Option<u32>,
    },
    Timers {
        id: u64,
        timers: Timers,
    },
    Close {
        id: u64,
    },
    /// Everything ends; tell when all neighbours have been told.
    Stop(Sender<()>),
    /// Nobody is left who could say anything.
    End,
}

pub(super) struct Worker {
    commands: Receiver<Command>,
    ears: Ears,
    /// By their own discriminators.
    sessions: BTreeMap<u32, Watched>,
    chance: RandomState,
    drawn: u64,
    ending: bool,
}

impl Worker {
    pub(super) fn new(commands: Receiver<Command>, wake: Arc<EventFd>) -> io::Result<Self> {
        Ok(Self {
            commands,
            ears: Ears::new(wake)?,
            sessions: BTreeMap::new(),
            chance: RandomState::new(),
            drawn: 0,
            ending: false,
        })
    }

    pub(super) fn run(mut self) {
        while !(self.ending && self.sessions.is_empty()) {
            self.wait();
            self.hear();
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            self.keep_time();
        }
    }

    fn wait(&self) {
        let due = self.sessions.values().map(Watched::due).min();
        self.ears
            .wait(due.map(|due| due.saturating_duration_since(now())));
    }

    /// Takes what came in: before any timer is looked at, so that a thread that has slept too long blames nobody else.
    fn hear(&mut self) {
        let sessions = &mut self.sessions;
        self.ears.hear(|place, marks, octets| {
            let found = match your_discriminator(octets) {
                Some(discriminator) => sessions.get_mut(&discriminator),
                None => {
                    let mut all = sessions.values_mut();
                    all.find(|watched| !watched.closing && watched.admits(place, marks))
                }
            };
            if let Some(watched) = found.filter(|watched| watched.admits(place, marks)) {
                watched.on_packet(now(), octets);
            }
        });
    }

    fn obey(&mut self, command: Command) {
        let now = now();
        match command {
            Command::Open {
                id,
                path,
                link,
                settings,
                sender,
            } => {
                // Of two for one path, the neighbour would take the packets of the one for the other's.
                self.sessions.retain(|_, old| !(old.closing && old.path == path));
                match self.sessions.values_mut().find(|old| old.path == path) {
                    Some(watched) => watched.hand_over(now, id, settings.timers, sender),
                    None => self.open(now, id, path, settings, sender),
                }
                if let Some(watched) = self.by_id(id) {
                    watched.set_link(link);
                }
            }
            Command::Link { id, link } => {
                if let Some(watched) = self.by_id(id) {
                    watched.set_link(link);
                }
            }
            Command::Timers { id, timers } => {
                if let Some(watched) = self.by_id(id) {
                    watched.set_timers(now, timers);
                }
            }
            Command::Close { id } => {
                if let Some(watched) = self.by_id(id) {
                    watched.close(now);
                }
            }
            Command::Stop(done) => {
                self.sessions.values_mut().for_each(|watched| watched.close(now));
                // Who asked may have given up waiting.
                let _ = done.send(());
            }
            Command::End => self.ending = true,
        }
    }

    fn open(&mut self, now: Instant, id: u64, path: Path, settings: Settings, sender: watch::Sender<Status>) {
        let (discriminator, seed) = self.draw();
        let settings = ::bfd::Settings {
            local_discriminator: discriminator,
            timers: settings.timers,
            passive: settings.passive,
            seed,
        };
        let session = Session::new(now, settings);
        let mut watched = Watched::new(now, id, path, session, sender);
        self.give_sockets(&mut watched);
        self.sessions.insert(discriminator.get(), watched);
    }

    fn by_id(&mut self, id: u64) -> Option<&mut Watched> {
        self.sessions.values_mut().find(|watched| watched.id == id)
    }

    fn keep_time(&mut self) {
        let now = now();
        let lacking: Vec<u32> = self.lacking(now);
        for discriminator in lacking {
            if let Some(mut watched) = self.sessions.remove(&discriminator) {
                self.give_sockets(&mut watched);
                self.sessions.insert(discriminator, watched);
            }
        }
        for watched in self.sessions.values_mut() {
            watched.handle_timeout(now);
        }
        if self.sessions.values().any(Watched::is_over) {
            self.sessions.retain(|_, watched| !watched.is_over());
            self.close_ears();
        }
    }

    /// The sessions whose sockets are not what they should be, of those that are to be looked at. An empty vector allocates
    /// nothing.
    fn lacking(&self, now: Instant) -> Vec<u32> {
        let looked_at = self
            .sessions
            .iter()
            .filter(|(_, watched)| watched.is_to_look(now));
        let lacking = looked_at.filter(|(_, watched)| watched.wants_sockets(index(&watched.path)));
        lacking.map(|(discriminator, _)| *discriminator).collect()
    }

    fn give_sockets(&mut self, watched: &mut Watched) {
        // The old ones first: they have the port.
        watched.drop_sockets();
        self.close_ears();
        let sockets = self.sockets(&watched.path);
        watched.set_sockets(sockets);
    }

    fn sockets(&mut self, path: &Path) -> Result<(Place, Mouth), Trouble> {
        let index = index(path);
        match (path.device(), index) {
            (Some(name), None) => return Err(Trouble::NoInterface(name.clone())),
            (_, _) if path.interface.is_none() && is_link_local(path) => {
                return Err(Trouble::NoLink(path.remote));
            }
            (Some(_) | None, _) => {}
        }
        let place = Place::of(path, index);
        let port = path.port();
        self.ears.listen(&place, port).map_err(|error| Trouble::Listen {
            port,
            error: error.to_string(),
        })?;
        let (_, random) = self.draw();
        let ports = self.sessions.values().filter_map(Watched::source_port).collect();
        let mouth = Mouth::open(path, &place, random, &ports).map_err(|error| Trouble::Send {
            remote: path.remote,
            error: error.to_string(),
        })?;
        Ok((place, mouth))
    }

    /// Closes the sockets that no session needs.
    fn close_ears(&mut self) {
        let sessions = &self.sessions;
        self.ears.keep(|place| {
            sessions
                .values()
                .any(|watched| watched.place.as_ref() == Some(place))
        });
    }

    /// A discriminator that no session has, and a number to sow chance with.
    fn draw(&mut self) -> (NonZeroU32, u64) {
        loop {
            self.drawn += 1;
            let mut hasher = self.chance.build_hasher();
            hasher.write_u64(self.drawn);
            let number = hasher.finish();
            let drawn = NonZeroU32::new(number as u32);
            if let Some(free) = drawn.filter(|drawn| !self.sessions.contains_key(&drawn.get())) {
                return (free, number.rotate_left(32));
            }
        }
    }
}

/// What a packet calls our session; none if it does not know it, or is too short to say.
fn your_discriminator(octets: &[u8]) -> Option<u32> {
    let octets = octets.get(8..12)?.first_chunk()?;
    Some(u32::from_be_bytes(*octets)).filter(|discriminator| *discriminator != 0)
}

fn index(path: &Path) -> Option<u32> {
    path.device().and_then(|name| if_nametoindex(name.as_str()).ok())
}

fn is_link_local(path: &Path) -> bool {
    matches!(path.remote, std::net::IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::mpsc::channel;

    use nix::sys::eventfd::EfdFlags;

    use super::*;

    /// D19
    #[test]
    fn ten_thousand_sessions_that_come_and_go_have_discriminators_of_their_own() {
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK).unwrap());
        let (_tell, commands) = channel();
        let mut worker = Worker::new(commands, wake).unwrap();
        let mut drawn = BTreeSet::new();
        for id in 0..10_000 {
            let (sender, _) = watch::channel(Status::default());
            let path = Path {
                remote: std::net::Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(id)).into(),
                local: None,
                interface: None,
                vrf: None,
                multihop: None,
            };
            let settings = Settings::default();
            worker.obey(Command::Open {
                id,
                path,
                link: None,
                settings,
                sender,
            });
            drawn.extend(worker.sessions.keys().copied());
            if id >= 100 {
                worker.obey(Command::Close { id: id - 100 });
                worker.keep_time();
            }
            assert!(worker.sessions.len() <= 101, "sessions that never end");
        }
        assert!(drawn.len() > 9_990, "{} different ones", drawn.len());
        assert!(!drawn.contains(&0));
        let spread = drawn.iter().filter(|number| **number > u32::MAX / 2).count();
        assert!((4_000..6_000).contains(&spread), "not random: {spread}");
    }

    #[test]
    fn a_packet_too_short_to_name_a_session_names_none() {
        assert_eq!(your_discriminator(&[1; 11]), None);
        assert_eq!(your_discriminator(&[0; 24]), None);
        assert_eq!(your_discriminator(&[1; 12]), Some(0x0101_0101));
    }
}
