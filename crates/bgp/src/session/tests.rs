//! The machine in virtual time, and a peer that says what a test tells it to.

mod bfd;
mod connecting;
mod drain;
mod errors;
mod imports;
mod live;
mod next_hops;
mod opening;
mod refresh;
mod routes;
mod stopping;
mod table;
mod timers;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use model::Family;

use crate::wire::{self, Capability, FamilyCode, Form, Framer, Message, Notification, Open, RouteRefresh};
use crate::{
    Attributes, Connection, DialError, Drain, Event, Export, ExportGuard, Input, LiveSettings, NextHops,
    OpenSettings, PeerAsn, Retention, Session, SessionError, Settings, State, Table, Transmit,
};

const SECOND: Duration = Duration::from_secs(1);
const OURS: u32 = 64512;
const THEIRS: u32 = 64513;

/// What the machine said.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Dial,
    Open(Open),
    Keepalive,
    Announce(Vec<IpNet>),
    Withdraw(Vec<IpNet>),
    EndOfRib(Family),
    Refresh(u8, Family),
    Close(Option<Notification>),
}

/// The machine and its driver.
struct Rig {
    session: Session,
    epoch: Instant,
    now: Duration,
    /// How what it says is read.
    form: Form,
    /// Whether TCP takes what it gets.
    takes: bool,
    said: Vec<(Duration, Said)>,
    /// The same as octets.
    octets: Vec<Vec<u8>>,
    events: Vec<Event>,
}

fn settings() -> Settings {
    Settings {
        open: OpenSettings {
            local_asn: OURS,
            peer_asn: PeerAsn::Exactly(THEIRS),
            identifier: Ipv4Addr::new(192, 0, 2, 1),
            hold_time: Duration::from_secs(90),
            families: BTreeSet::from([Family::V4, Family::V6]),
            restart_time: None,
        },
        live: live(),
        restarted: false,
        node: "node-a".to_owned(),
        seed: 7,
    }
}

fn live() -> LiveSettings {
    LiveSettings {
        keepalive_time: None,
        connect_time: None,
        graceful_shutdown: Duration::from_secs(5),
    }
}

fn with(mut settings: Settings, change: impl FnOnce(&mut Settings)) -> Settings {
    change(&mut settings);
    settings
}

fn restarting() -> Settings {
    let time = Duration::from_secs(120);
    with(settings(), |settings| settings.open.restart_time = Some(time))
}

fn internal() -> Settings {
    with(settings(), |settings| settings.open.peer_asn = PeerAsn::Internal)
}

fn connection() -> Connection {
    Connection {
        local: [192, 0, 2, 1].into(),
        remote: [192, 0, 2, 2].into(),
    }
}

/// Over a link without addresses of its own.
fn unnumbered() -> Connection {
    Connection {
        local: "fe80::1".parse().unwrap(),
        remote: "fe80::2".parse().unwrap(),
    }
}

fn next_hops() -> NextHops {
    NextHops {
        v4: Some([192, 0, 2, 1].into()),
        v6: Some("2001:db8::1".parse().unwrap()),
        link_local: None,
    }
}

fn multi_protocol(families: &[Family]) -> Vec<Capability> {
    let code = |family: &Family| Capability::MultiProtocol((*family).into());
    families.iter().map(code).collect()
}

/// The OPEN of a peer of this AS with these capabilities and the one for its AS number.
fn open_of(asn: u32, mut capabilities: Vec<Capability>) -> Open {
    capabilities.push(Capability::FourOctetAs(asn));
    Open {
        my_as: Open::two_octets(asn),
        hold_time: 90,
        identifier: Ipv4Addr::new(192, 0, 2, 2),
        capabilities,
    }
}

/// That of an ordinary one.
fn open() -> Open {
    let mut capabilities = multi_protocol(&[Family::V4, Family::V6]);
    capabilities.push(Capability::RouteRefresh);
    open_of(THEIRS, capabilities)
}

/// That of one that keeps routes, also after a NOTIFICATION or not.
fn open_with_restart(notification: bool) -> Open {
    let mut open = open();
    open.capabilities
        .push(Capability::GracefulRestart(wire::GracefulRestart {
            restarted: false,
            notification,
            restart_time: 120,
            families: Vec::new(),
        }));
    open
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn table(routes: &[(&str, &Arc<Attributes>)]) -> Arc<Table> {
    let routes = routes.iter();
    Arc::new(
        routes
            .map(|(prefix, attributes)| (prefix.parse().unwrap(), (*attributes).clone()))
            .collect(),
    )
}

/// Routes with nothing special about them.
fn plain(prefixes: &[&str]) -> Arc<Table> {
    let attributes = Arc::new(Attributes::default());
    let routes: Vec<(&str, &Arc<Attributes>)> =
        prefixes.iter().map(|prefix| (*prefix, &attributes)).collect();
    table(&routes)
}

/// A guard that lets everything pass.
fn open_guard() -> Arc<ExportGuard> {
    guard(&["0.0.0.0/0", "::/0"])
}

fn guard(ranges: &[&str]) -> Arc<ExportGuard> {
    Arc::new(ExportGuard::new(ranges.iter().map(|range| Export {
        range: range.parse().unwrap(),
        shortest: 0,
    })))
}

impl Rig {
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn new(settings: Settings) -> Self {
        let internal = settings.open.peer_asn.is_internal(settings.open.local_asn);
        let (mut session, epoch) = (Session::new(settings), Instant::now());
        session.handle_input(epoch, Input::NextHops(next_hops()));
        Self {
            session,
            epoch,
            now: Duration::ZERO,
            form: Form {
                four_octet_as: true,
                internal,
                families: BTreeSet::from([Family::V4, Family::V6]),
                ..Form::default()
            },
            takes: true,
            said: Vec::new(),
            octets: Vec::new(),
            events: Vec::new(),
        }
    }

    /// One whose connection is there.
    fn connected(settings: Settings) -> Self {
        let mut rig = Self::new(settings);
        rig.tell(Input::Start);
        rig.tell(Input::Connected(connection()));
        rig
    }

    /// One that has the peer's OPEN too.
    fn opened(settings: Settings, open: &Open) -> Self {
        let mut rig = Self::connected(settings);
        rig.hear(&wire::open(open));
        assert_eq!(rig.state(), State::OpenConfirm, "{:?}", rig.said);
        rig
    }

    /// One that is Established and has been told nothing of routes.
    fn established(settings: Settings, open: &Open) -> Self {
        let mut rig = Self::opened(settings, open);
        rig.hear(&wire::keepalive());
        assert_eq!(rig.state(), State::Established);
        rig.forget();
        rig
    }

    /// One that has announced these routes, with a guard that lets everything pass.
    fn announcing(settings: Settings, open: &Open, routes: Arc<Table>) -> Self {
        let mut rig = Self::established(settings, open);
        rig.tell(Input::Guard(open_guard()));
        rig.tell(Input::Routes(routes));
        rig.forget();
        rig
    }

    /// Brings one that is Idle to Established.
    fn reestablish(&mut self, open: &Open) {
        self.tell(Input::Start);
        self.tell(Input::Connected(connection()));
        self.hear(&wire::open(open));
        self.hear(&wire::keepalive());
        assert_eq!(self.state(), State::Established);
    }

    fn tell(&mut self, input: Input<'_>) {
        self.session.handle_input(self.epoch + self.now, input);
        self.drain();
    }

    fn hear(&mut self, octets: &[u8]) {
        self.tell(Input::Received(octets));
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.session.poll_transmit(self.epoch + self.now) {
            match transmit {
                Transmit::Dial => self.said.push((self.now, Said::Dial)),
                Transmit::Octets(octets) => {
                    let said = self.read(&octets);
                    self.said.push((self.now, said));
                    self.octets.push(octets);
                    if self.takes {
                        self.session.handle_input(self.epoch + self.now, Input::Written);
                    }
                }
                Transmit::Close { notification } => {
                    let last = notification.map_or(Said::Close(None), |octets| self.message(&octets));
                    assert!(matches!(last, Said::Close(_)), "{last:?} is no notification");
                    self.said.push((self.now, last));
                }
            }
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    fn read(&self, octets: &[u8]) -> Said {
        let said = self.message(octets);
        assert!(
            !matches!(said, Said::Close(_)),
            "a NOTIFICATION is a notification"
        );
        said
    }

    fn message(&self, octets: &[u8]) -> Said {
        let mut framer = Framer::new();
        let frame = framer.next(&mut &*octets).unwrap().unwrap();
        match wire::decode(frame, &self.form).unwrap() {
            Message::Open(open) => Said::Open(open),
            Message::Keepalive => Said::Keepalive,
            Message::Notification(notification) => Said::Close(Some(notification)),
            Message::RouteRefresh(RouteRefresh { family, subtype }) => {
                Said::Refresh(subtype, family.family().unwrap())
            }
            Message::Update(update) => {
                assert!(update.faults().is_empty());
                let (announced, withdrawn): (Vec<_>, Vec<_>) =
                    (update.announced().collect(), update.withdrawn().collect());
                match (update.end_of_rib(), announced.is_empty()) {
                    (Some(family), _) => Said::EndOfRib(family.family().unwrap()),
                    (None, false) => Said::Announce(announced),
                    (None, true) => Said::Withdraw(withdrawn),
                }
            }
        }
    }

    /// TCP takes what it has, and everything after it.
    fn unblock(&mut self) {
        self.takes = true;
        self.tell(Input::Written);
    }

    /// Lets time pass, with nobody saying anything.
    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        let mut rounds = 0;
        while let Some(due) = self.session.poll_timeout().map(|due| due - self.epoch)
            && due <= end
        {
            rounds = if due > self.now { 0 } else { rounds + 1 };
            assert!(rounds < 10, "time stands still at {due:?}");
            self.now = due.max(self.now);
            self.session.handle_timeout(self.epoch + self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Lets time pass while the peer gives signs of life.
    fn run_alive_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end && self.state() == State::Established {
            self.run_for(SECOND.min(end - self.now));
            self.hear(&wire::keepalive());
        }
    }

    fn state(&self) -> State {
        self.session.status().state
    }

    fn error(&self) -> Option<SessionError> {
        self.session.status().error
    }

    fn forget(&mut self) {
        self.said.clear();
        self.octets.clear();
        self.events.clear();
    }

    /// What has been said since this was asked last, and it is forgotten.
    fn heard(&mut self) -> Vec<Said> {
        self.octets.clear();
        std::mem::take(&mut self.said)
            .into_iter()
            .map(|(_, said)| said)
            .collect()
    }

    /// The same without KEEPALIVEs.
    fn routes(&mut self) -> Vec<Said> {
        let mut heard = self.heard();
        heard.retain(|said| *said != Said::Keepalive);
        heard
    }

    /// How it closed, if it did: `code/subcode`, or nothing.
    fn closed(&mut self) -> Option<String> {
        let closes = self
            .heard()
            .into_iter()
            .filter(|said| matches!(said, Said::Close(_)));
        let closes: Vec<String> = closes.map(|said| table::words(&said)).collect();
        assert!(closes.len() <= 1, "{closes:?}");
        closes.into_iter().next()
    }

    fn has(&self, event: &Event) -> bool {
        self.events.contains(event)
    }
}
