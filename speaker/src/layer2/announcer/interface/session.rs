use std::collections::{BTreeMap, BTreeSet};
use std::future;
use std::net::IpAddr;

use claim::{Role, Why};
use l2::{Event, Input, Mac};
use model::NodeName;
use tokio::sync::watch;

use super::super::plan::Assignment;
use super::super::{Duty, InterfaceStatistics, Report, UnitRole};
use super::agreement::{Agreement, Question};
use super::moves::Moves;
use super::station::Station;
use super::{Interface, ears};
use crate::kernel::packet::SocketError;

/// How a session came to its end when nothing failed.
pub(super) enum End {
    /// The interface is not to be used any more.
    Stopped,
    /// There is another interface of this name.
    Replaced,
}

/// A station, and the agreement that it speaks for, for as long as its sockets work. Whatever ends the session, what it
/// announced is reported as withdrawn.
pub(super) struct Session<'a> {
    of: &'a Interface,
    station: Station,
    /// None: this node holds all that it may.
    agreement: Option<Agreement>,
    /// What the station does now.
    current: Assignment,
    began: bool,
    /// What was reported.
    listening: bool,
    /// Speakers that are there and cannot be heard, if that is told.
    unheard: Option<BTreeSet<NodeName>>,
    roles: BTreeMap<IpAddr, Role>,
    /// Something has happened that can change the roles.
    stale: bool,
    /// What was counted on this interface before this session.
    before: InterfaceStatistics,
    /// What was reported as announced and not yet as withdrawn.
    announced: BTreeSet<IpAddr>,
}

impl<'a> Session<'a> {
    pub(super) fn open(of: &'a Interface, first: &Assignment) -> Result<Self, SocketError> {
        let agreeing = of.agreeing.clone();
        Ok(Self {
            station: Station::open(&of.name, first.index, first.mac, of.settings)?,
            agreement: agreeing
                .map(|with| Agreement::new(&of.name, first.index, with, &of.siblings))
                .transpose()?,
            current: first.idle(),
            began: false,
            listening: false,
            unheard: None,
            roles: BTreeMap::new(),
            stale: true,
            before: of.statistics.of(&of.name),
            announced: BTreeSet::new(),
            of,
        })
    }

    /// Drives both machines: carry out, report, then wait for the next assignment or for what happens on the interface.
    pub(super) async fn run(
        &mut self,
        first: Assignment,
        desired: &mut watch::Receiver<Assignment>,
    ) -> Result<End, SocketError> {
        if self.agreement.is_some() {
            // From here on somebody who claims an address and is no speaker is a stranger.
            self.station.feed(Input::Cluster(BTreeSet::new()));
        }
        self.apply(first);
        let mut first = Machine::Agreement;
        loop {
            self.settle().await?;
            if self.agreement.as_ref().is_some_and(Agreement::is_over) {
                return Ok(End::Stopped);
            }
            tokio::select! {
                // First, so that no flood holds up a command.
                biased;
                changed = desired.changed() => {
                    if changed.is_err() {
                        return Ok(End::Stopped);
                    }
                    let assignment = desired.borrow_and_update().clone();
                    if assignment.index != self.current.index {
                        return Ok(End::Replaced);
                    }
                    self.apply(assignment);
                }
                turned = turn(&mut self.agreement, &mut self.station, first) => first = turned?,
            }
        }
    }

    /// Takes in what the interface is, and what is to be agreed on.
    fn apply(&mut self, assignment: Assignment) {
        self.stale = true;
        let before = std::mem::replace(&mut self.current, assignment);
        let Assignment {
            mac,
            own,
            siblings,
            yielding,
            carrier_changes,
            failovers,
            ..
        } = &self.current;
        // Before the station says anything: after a loss of carrier it may not be ours to say.
        if let Some(agreement) = &mut self.agreement {
            agreement.apply(self.began.then_some(&before), &self.current);
            if !self.began || before.units != self.current.units {
                let units = self.current.units.values();
                let shared = units.flat_map(|unit| unit.addresses.iter().copied());
                self.station.feed(Input::Shared(shared.collect()));
            }
        }
        self.began = true;
        let flapped = (before.carrier_changes, before.failovers) != (*carrier_changes, *failovers);
        let has_come_to_ipv6 = has_link_local(own) && !has_link_local(&before.own);
        self.station.feed(Input::Interface {
            mac: *mac,
            addresses: own.clone(),
        });
        self.station.feed(Input::Siblings(siblings.clone()));
        self.station.feed(Input::Yielding(yielding.clone()));
        if flapped {
            self.station.feed(Input::CarrierUp);
        }
        if flapped || has_come_to_ipv6 {
            self.station.join_groups_anew();
        }
    }

    /// Carries out what the machines want, until neither has anything to say to the other, and reports what they tell.
    async fn settle(&mut self) -> Result<(), SocketError> {
        loop {
            let events = self.hear_agreement();
            let new = self.agree(&self.first_used(&events));
            // Before the frames are out, too: who reads the answer to a question finds it counted.
            self.record();
            let unsent = self.station.unsent();
            self.station.settle().await?;
            // Only now that the frames are out: a thousand lines take longer than a thousand frames.
            self.tell(events);
            self.tell_whether_listening();
            self.tell_who_is_unheard();
            new.into_iter().for_each(|ip| self.announce(ip));
            let mut said = false;
            while let Some(event) = self.station.event() {
                said |= self.on_event(event);
            }
            if unsent != self.station.unsent() {
                self.record();
            }
            if !said {
                return Ok(());
            }
        }
    }

    /// The addresses of units that nobody has had: somebody outside of the cluster may have them.
    fn first_used(&self, events: &[claim::Event]) -> BTreeSet<IpAddr> {
        let vacant = events.iter().filter_map(|event| {
            let claim::Event::Hold {
                unit,
                why: Why::Vacant,
            } = event
            else {
                return None;
            };
            self.current.units.get(unit)
        });
        vacant.flat_map(|unit| unit.addresses.iter().copied()).collect()
    }

    /// Has the station do what was agreed; the addresses that it announces from now on. What goes, goes first. Those that are
    /// `first_used` are asked for before that, and the station tells when they are announced.
    fn agree(&mut self, first_used: &BTreeSet<IpAddr>) -> Vec<IpAddr> {
        if !std::mem::take(&mut self.stale) {
            return Vec::new();
        }
        let roles = match &self.agreement {
            Some(agreement) => agreement.roles(),
            None => {
                let held = self.current.candidacies(&self.of.me).into_iter();
                held.map(|ip| (ip, Role::Holder)).collect()
            }
        };
        let before = std::mem::replace(&mut self.roles, roles);
        for ip in before.keys().filter(|ip| !self.roles.contains_key(ip)) {
            self.station.feed(Input::Release(*ip));
        }
        let mut new = Vec::new();
        let changed = |(ip, role): &(&IpAddr, &Role)| before.get(ip) != Some(role);
        for (address, role) in self.roles.iter().filter(changed) {
            match role {
                Role::Holder if first_used.contains(address) && !before.contains_key(address) => {
                    self.station.feed(Input::FirstUse(*address));
                }
                Role::Holder => {
                    self.station.feed(Input::Hold(*address));
                    new.push(*address);
                }
                Role::Surrogate { mac } => {
                    // A peer said that it has this address; one that cannot be is not answered with.
                    if let Ok(mac) = Mac::new(*mac) {
                        self.station.feed(Input::Surrogate {
                            address: *address,
                            mac,
                        });
                    }
                }
            }
        }
        let holds = |ip: &IpAddr| self.roles.get(ip) == Some(&Role::Holder);
        let lost: Vec<IpAddr> = self.announced.iter().copied().filter(|ip| !holds(ip)).collect();
        lost.into_iter().for_each(|ip| self.withdraw(ip));
        new
    }

    /// Takes what the agreement has to say: to the other speakers, to the station, to users.
    fn hear_agreement(&mut self) -> Vec<claim::Event> {
        let Some(agreement) = &mut self.agreement else {
            return Vec::new();
        };
        for question in agreement.questions() {
            match question {
                Question::Probe(address, mac) => {
                    let mac = mac.and_then(|mac| Mac::new(mac).ok());
                    self.station.feed(Input::Probe { address, mac });
                }
                Question::Anybody => {
                    for address in ears::hosts(&self.of.name) {
                        self.station.feed(Input::Probe { address, mac: None });
                    }
                }
            }
        }
        let events = agreement.events();
        if events.is_empty() && !agreement.has_news_of_speakers() {
            return events;
        }
        self.stale |= events.iter().any(changes_roles);
        let stations = agreement
            .stations()
            .into_iter()
            .filter_map(|mac| Mac::new(mac).ok());
        self.station.feed(Input::Cluster(stations.collect()));
        if let Some(agreement) = &self.agreement {
            self.station.feed(Input::Quiet(agreement.is_quiet()));
        }
        for event in &events {
            if let claim::Event::Defend { unit } = event {
                self.announce_once(*unit);
            }
        }
        events
    }

    /// Tells what was agreed, and keeps it.
    fn tell(&mut self, events: Vec<claim::Event>) {
        if let Some(agreement) = &mut self.agreement {
            agreement.remember();
        }
        let mut moves = Moves::default();
        for event in events {
            moves.note(&event);
            self.on_agreed(event);
        }
        moves.log(&self.of.name);
    }

    fn tell_whether_listening(&mut self) {
        let listening = self.agreement.as_ref().is_some_and(Agreement::is_listening);
        if std::mem::replace(&mut self.listening, listening) != listening {
            let iface = self.of.name.clone();
            self.report(Report::Listening { iface, listening });
        }
    }

    /// Another speaker, which is not heard, is to see that this node has the unit.
    fn announce_once(&mut self, unit: claim::UnitId) {
        let addresses = self.current.units.get(&unit).map(|unit| unit.addresses.clone());
        for address in addresses.iter().flat_map(|addresses| addresses.iter()) {
            self.station.feed(Input::Announce(*address));
        }
    }

    /// Tells of the speakers that are there and not heard, and when others are.
    fn tell_who_is_unheard(&mut self) {
        let unheard = self.agreement.as_ref().and_then(Agreement::unheard);
        if self.unheard != unheard {
            self.unheard.clone_from(&unheard);
            let iface = self.of.name.clone();
            self.report(Report::Unheard {
                iface,
                nodes: unheard,
            });
        }
    }

    fn on_agreed(&self, event: claim::Event) {
        let iface = self.of.name.clone();
        match event {
            // The log tells these together.
            claim::Event::Hold { unit, why } => self.report_role(unit, Some((Duty::Holder, Some(why)))),
            claim::Event::Surrogate { unit, .. } => self.report_role(unit, Some((Duty::Proxy, None))),
            claim::Event::Release { unit, .. } => self.report_role(unit, None),
            claim::Event::Quiet(quiet) => tracing::info!(iface, quiet, "hearing nobody, announcing nothing"),
            claim::Event::Member { node, from, to } => {
                tracing::info!(iface, %node, ?from, ?to, "speaker");
                self.report(Report::Member {
                    iface,
                    node,
                    status: to,
                });
            }
            claim::Event::Moved { unit, holder } => self.report(Report::Moved { iface, unit, holder }),
            claim::Event::DuplicateNode { node } => {
                tracing::error!(iface, %node, "two speakers bear the name of one node")
            }
            claim::Event::Defend { .. } => {}
            claim::Event::Unheard(true) => tracing::error!(
                iface,
                port = self.of.agreeing.as_ref().map(|with| with.port),
                "other speakers are there and none is heard: let UDP of this port through between the nodes"
            ),
            claim::Event::Unheard(false) => tracing::info!(iface, "other speakers are heard again"),
            claim::Event::SecondInterface(second) => {
                tracing::info!(iface, second, "another interface of this node is on the same LAN")
            }
            claim::Event::UnknownKey => tracing::error!(
                iface,
                "another speaker seals with a key that is not known here: have all of them mount the same Secret"
            ),
        }
    }

    fn report_role(&self, unit: claim::UnitId, role: Option<(Duty, Option<Why>)>) {
        let role = role.map(|(duty, why)| UnitRole {
            duty,
            why,
            since: jiff::Timestamp::now(),
        });
        let iface = self.of.name.clone();
        self.report(Report::Role { iface, unit, role });
    }

    /// Whether the agreement was told, and may want something else now.
    fn on_event(&mut self, event: Event) -> bool {
        let iface = self.of.name.clone();
        match (event, &mut self.agreement) {
            (Event::Rival { address, mac }, Some(agreement)) => {
                agreement.feed(claim::Input::Rival {
                    address,
                    mac: mac.octets(),
                });
                return true;
            }
            (Event::Answered { address, mac }, Some(agreement)) => {
                agreement.feed(claim::Input::ProbeAnswered {
                    address,
                    mac: mac.octets(),
                });
                return true;
            }
            (Event::Neighbor { mac }, Some(agreement)) => {
                agreement.feed(claim::Input::Neighbor { mac: mac.octets() });
                return true;
            }
            (Event::Answered { .. } | Event::Neighbor { .. }, None) => {}
            (Event::Rival { address: ip, mac }, None) => self.report(Report::Rival { ip, iface, mac }),
            (
                Event::Stranger {
                    address: ip,
                    mac,
                    response,
                },
                _,
            ) => self.report(Report::Stranger {
                ip,
                iface,
                mac,
                response,
            }),
            (Event::StrangerGone { address: ip }, _) => self.report(Report::StrangerGone { ip, iface }),
            (Event::InUse { address }, _) => self.announce(address),
        }
        false
    }

    fn announce(&mut self, ip: IpAddr) {
        self.announced.insert(ip);
        let iface = self.of.name.clone();
        self.report(Report::Announced { ip, iface });
    }

    fn withdraw(&mut self, address: IpAddr) {
        if self.announced.remove(&address) {
            let iface = self.of.name.clone();
            self.report(Report::Withdrawn { ip: address, iface });
        }
    }

    fn report(&self, report: Report) {
        // Nobody listening is how a process ends: what is announced stays right without being told.
        let _ = self.of.reports.send(report);
    }

    fn record(&self) {
        let InterfaceStatistics {
            held: _,
            unheard: _,
            mut responder,
            mut claims,
            unsent,
        } = self.before;
        responder += self.station.responder().counters();
        let mut unsent_now = self.station.unsent();
        if let Some(agreement) = &self.agreement {
            claims += agreement.counters();
            unsent_now += agreement.unsent();
        }
        let statistics = InterfaceStatistics {
            held: self.announced.len(),
            unheard: self.unheard.as_ref().map_or(0, BTreeSet::len),
            responder,
            claims,
            unsent: unsent + unsent_now,
        };
        self.of.statistics.record(&self.of.name, statistics);
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        for address in self.announced.clone() {
            self.withdraw(address);
        }
        if self.agreement.is_some() {
            let iface = self.of.name.clone();
            self.report(Report::Left { iface });
        }
        self.record();
    }
}

/// Whether this node answers for something else after it.
fn changes_roles(event: &claim::Event) -> bool {
    match event {
        claim::Event::Hold { .. } | claim::Event::Release { .. } | claim::Event::Surrogate { .. } => true,
        claim::Event::Quiet(_)
        | claim::Event::Member { .. }
        | claim::Event::Moved { .. }
        | claim::Event::DuplicateNode { .. }
        | claim::Event::Defend { .. }
        | claim::Event::Unheard(_)
        | claim::Event::SecondInterface(_)
        | claim::Event::UnknownKey => false,
    }
}

/// Who has a turn.
#[derive(Clone, Copy, Debug)]
enum Machine {
    Agreement,
    Station,
}

/// Lets one of the two have a turn, the `first` where both have something to do; who is to be first the next time. So neither a flood of
/// datagrams holds up an answer, nor one of frames a beacon.
async fn turn(
    agreement: &mut Option<Agreement>,
    station: &mut Station,
    first: Machine,
) -> Result<Machine, SocketError> {
    match first {
        Machine::Agreement => tokio::select! {
            biased;
            () = agreement_turn(agreement) => Ok(Machine::Station),
            turned = station.turn() => turned.map(|()| Machine::Agreement),
        },
        Machine::Station => tokio::select! {
            biased;
            turned = station.turn() => turned.map(|()| Machine::Agreement),
            () = agreement_turn(agreement) => Ok(Machine::Station),
        },
    }
}

async fn agreement_turn(agreement: &mut Option<Agreement>) {
    match agreement {
        Some(agreement) => agreement.turn().await,
        None => future::pending().await,
    }
}

/// Whether the interface takes part in IPv6: without such an address, its groups may be told to nobody (RFC 3810 §5.2.13).
fn has_link_local(addresses: &BTreeSet<IpAddr>) -> bool {
    addresses
        .iter()
        .any(|address| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local()))
}
