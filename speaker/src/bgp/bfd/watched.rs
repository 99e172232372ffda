use std::time::{Duration, Instant};

use ::bfd::{Damping, Event, Input, LENGTH, Session, Timers};
use tokio::sync::watch;

use super::path::Marks;
use super::sockets::{Mouth, Place};
use super::{Path, State, Status, Trouble};

/// How often numbers are told that wake nobody, and what is missing is looked for again.
const LOOK: Duration = Duration::from_secs(1);

/// A path that is watched: its session, and what is told of it.
pub(super) struct Watched {
    pub(super) id: u64,
    pub(super) path: Path,
    pub(super) place: Option<Place>,
    /// The index of the link that the neighbour is on.
    link: Option<u32>,
    mouth: Option<Mouth>,
    session: Session,
    damping: Damping,
    /// When it is told that the path works, if that is held back.
    tell_at: Option<Instant>,
    look_at: Instant,
    /// The monitor is gone: it ends when the neighbour has been told.
    pub(super) closing: bool,
    status: Status,
    sender: watch::Sender<Status>,
}

impl Watched {
    pub(super) fn new(
        now: Instant,
        id: u64,
        path: Path,
        session: Session,
        sender: watch::Sender<Status>,
    ) -> Self {
        Self {
            id,
            path,
            place: None,
            link: None,
            mouth: None,
            session,
            damping: Damping::default(),
            tell_at: None,
            look_at: now,
            closing: false,
            status: Status::default(),
            sender,
        }
    }

    /// Whether a packet that came in at `place` with these marks may be the neighbour's.
    pub(super) fn admits(&self, place: &Place, marks: &Marks) -> bool {
        self.place.as_ref() == Some(place) && self.path.admits(self.link, marks)
    }

    pub(super) fn set_link(&mut self, link: Option<u32>) {
        self.link = link;
        self.publish();
    }

    pub(super) fn drop_sockets(&mut self) {
        (self.place, self.mouth) = (None, None);
    }

    /// The port that it sends from, if it can.
    pub(super) fn source_port(&self) -> Option<u16> {
        self.mouth.as_ref().map(|mouth| mouth.port)
    }

    pub(super) fn set_sockets(&mut self, sockets: Result<(Place, Mouth), Trouble>) {
        (self.place, self.mouth, self.status.trouble) = match sockets {
            Ok((place, mouth)) => (Some(place), Some(mouth), None),
            Err(trouble) => (None, None, Some(trouble)),
        };
    }

    /// Whether its interface is another one than its sockets are for, or there are none.
    pub(super) fn wants_sockets(&self, index: Option<u32>) -> bool {
        self.place
            .as_ref()
            .is_none_or(|place| place.device.as_ref().map(|(_, index)| *index) != index)
    }

    /// Whether it is time to look for what may be missing: not while all is well.
    pub(super) fn is_to_look(&self, now: Instant) -> bool {
        self.look_at <= now && self.session.status().state != ::bfd::State::Up && !self.closing
    }

    pub(super) fn on_packet(&mut self, now: Instant, octets: &[u8]) {
        self.feed(now, Input::Packet(octets));
    }

    pub(super) fn set_timers(&mut self, now: Instant, timers: Timers) {
        self.feed(now, Input::Timers(timers));
    }

    /// Another monitor takes over: the session goes on as it stands, with other timers.
    pub(super) fn hand_over(&mut self, now: Instant, id: u64, timers: Timers, sender: watch::Sender<Status>) {
        self.id = id;
        self.sender = sender;
        self.set_timers(now, timers);
        self.publish();
    }

    pub(super) fn close(&mut self, now: Instant) {
        self.closing = true;
        self.feed(now, Input::Disable);
    }

    pub(super) fn is_over(&self) -> bool {
        self.closing && self.session.poll_timeout().is_none()
    }

    pub(super) fn due(&self) -> Instant {
        [self.session.poll_timeout(), self.tell_at]
            .into_iter()
            .flatten()
            .fold(self.look_at, Instant::min)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.session.poll_timeout().is_some_and(|due| due <= now) {
            self.session.handle_timeout(now);
            self.drain(now);
        }
        if self.tell_at.is_some_and(|at| at <= now) {
            self.tell_at = None;
            self.tell(State::Up);
        }
        if self.look_at <= now {
            self.look_at = now + LOOK;
            self.publish();
        }
    }

    fn feed(&mut self, now: Instant, input: Input<'_>) {
        self.session.handle_input(now, input);
        self.drain(now);
    }

    pub(super) fn drain(&mut self, now: Instant) {
        while let Some(packet) = self.session.poll_transmit() {
            self.send(&packet);
        }
        while let Some(event) = self.session.poll_event() {
            self.on_event(now, event);
        }
    }

    fn send(&mut self, packet: &[u8; LENGTH]) {
        let Some(mouth) = &self.mouth else { return };
        self.status.trouble = mouth.say(packet).err().map(|error| Trouble::Send {
            remote: self.path.remote,
            error: error.to_string(),
        });
    }

    fn on_event(&mut self, now: Instant, event: Event) {
        self.tell_at = None;
        match event {
            Event::Up => {
                let hold = self.damping.hold();
                if hold.is_zero() {
                    self.tell(State::Up);
                } else {
                    self.tell_at = Some(now + hold);
                }
            }
            Event::Down(_) => {
                self.damping.on_drop(now);
                self.status.failures += 1;
                // Also where it was held back that the path works: it may be in use by those who found out by themselves.
                self.tell(State::Down);
            }
            Event::AdminDown => self.tell(State::AdminDown),
        }
    }

    fn tell(&mut self, state: State) {
        self.status.state = state;
        self.publish();
    }

    /// What is wrong with its sockets, or that it is not known where the neighbour is.
    fn trouble(&mut self) -> Option<Trouble> {
        let of_sockets = self.status.trouble.take();
        let of_sockets = of_sockets.filter(|trouble| !matches!(trouble, Trouble::NotOnLink(_)));
        let lacks = self.path.takes_a_link() && self.link.is_none();
        of_sockets.or_else(|| lacks.then_some(Trouble::NotOnLink(self.path.remote)))
    }

    /// Followers are woken for what they are to act on; see [`Status`].
    fn publish(&mut self) {
        let (session, counters) = (self.session.status(), self.session.counters());
        self.status = Status {
            state: self.status.state,
            session: session.state,
            diagnostic: session.diagnostic,
            held_back: self.tell_at.is_some(),
            detection_time: session.detection_time,
            transmit_interval: session.transmit_interval,
            packets_received: counters.received,
            packets_sent: counters.sent,
            ups: counters.ups,
            downs: counters.downs,
            failures: self.status.failures,
            trouble: self.trouble(),
        };
        self.sender.send_if_modified(|told| {
            let is_news = |told: &Status| {
                let acted_on = |status: &Status| (status.state, status.failures);
                acted_on(told) != acted_on(&self.status) || told.trouble != self.status.trouble
            };
            let news = is_news(told);
            told.clone_from(&self.status);
            news
        });
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use ::bfd::Diagnostic;
    use process::clock::now;

    use super::*;

    fn watched() -> (Watched, watch::Receiver<Status>) {
        let path = Path {
            remote: std::net::Ipv4Addr::LOCALHOST.into(),
            local: None,
            interface: None,
            vrf: None,
            multihop: None,
        };
        let settings = ::bfd::Settings {
            local_discriminator: NonZeroU32::MIN,
            timers: Timers::default(),
            passive: true,
            seed: 1,
        };
        let (sender, mut status) = watch::channel(Status::default());
        let session = Session::new(now(), settings);
        let mut watched = Watched::new(now(), 1, path, session, sender);
        watched.set_link(Some(1));
        status.mark_unchanged();
        (watched, status)
    }

    /// What a follower finds who was woken; none: nobody was.
    fn news(status: &mut watch::Receiver<Status>) -> Option<(State, u64)> {
        let woken = status.has_changed().unwrap();
        let status = status.borrow_and_update();
        woken.then_some((status.state, status.failures))
    }

    /// D14, D16
    #[test]
    fn followers_hear_of_each_failure_also_while_it_is_held_back_that_the_path_works() {
        let (mut watched, mut status) = watched();
        let down = Event::Down(Diagnostic::DETECTION_TIME_EXPIRED);
        for failures in 0..3 {
            watched.on_event(now(), Event::Up);
            assert_eq!(news(&mut status), Some((State::Up, failures)));
            watched.on_event(now(), down);
            assert_eq!(news(&mut status), Some((State::Down, failures + 1)));
        }
        watched.on_event(now(), Event::Up);
        assert_eq!(news(&mut status), None, "held back");
        watched.on_event(now(), down);
        assert_eq!(news(&mut status), Some((State::Down, 4)));
    }

    #[test]
    fn a_neighbour_that_is_on_no_link_is_told_until_it_is_on_one() {
        let (mut watched, status) = watched();
        watched.set_link(None);
        let told = || status.borrow().trouble.clone();
        assert_eq!(
            told(),
            Some(Trouble::NotOnLink(std::net::Ipv4Addr::LOCALHOST.into()))
        );
        watched.set_link(Some(2));
        assert_eq!(told(), None);
    }

    #[test]
    fn switching_off_is_no_failure() {
        let (mut watched, mut status) = watched();
        watched.on_event(now(), Event::Up);
        watched.on_event(now(), Event::AdminDown);
        assert_eq!(news(&mut status), Some((State::AdminDown, 0)));
    }

    #[test]
    fn followers_hear_why_nothing_can_be_watched_once() {
        let (mut watched, mut status) = watched();
        let trouble = Trouble::NoInterface("eth7".into());
        for expected in [Some((State::Never, 0)), None] {
            watched.set_sockets(Err(trouble.clone()));
            watched.publish();
            assert_eq!(news(&mut status), expected);
            assert_eq!(status.borrow().trouble, Some(trouble.clone()));
        }
    }
}
