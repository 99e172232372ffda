use std::collections::BTreeSet;
use std::net::IpAddr;

use l2::{Event, Input, Settings};
use tokio::sync::{mpsc, watch};

use super::super::plan::Assignment;
use super::super::{InterfaceStatistics, Report, Statistics};
use super::station::Station;
use crate::packet::SocketError;

/// How a session came to its end when nothing failed.
pub(super) enum End {
    /// The interface is not to be used any more.
    Stopped,
    /// There is another interface of this name.
    Replaced,
}

/// A station for as long as its sockets work. Whatever ends the session, what it announced is reported as withdrawn.
pub(super) struct Session<'a> {
    iface: &'a str,
    station: Station,
    /// What the station does now.
    current: Assignment,
    reports: &'a mpsc::UnboundedSender<Report>,
    statistics: &'a Statistics,
    /// What was counted on this interface before this session.
    before: InterfaceStatistics,
    /// What was reported as announced and not yet as withdrawn.
    announced: BTreeSet<IpAddr>,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        iface: &'a str,
        first: &Assignment,
        settings: Settings,
        reports: &'a mpsc::UnboundedSender<Report>,
        statistics: &'a Statistics,
    ) -> Result<Self, SocketError> {
        Ok(Self {
            iface,
            station: Station::open(iface, first.index, first.mac, settings)?,
            current: first.idle(),
            reports,
            statistics,
            before: statistics.of(iface),
            announced: BTreeSet::new(),
        })
    }

    /// Drives the station: carry out, report, then wait for the next assignment or for what happens on the interface.
    pub(super) async fn run(
        &mut self,
        first: Assignment,
        desired: &mut watch::Receiver<Assignment>,
    ) -> Result<End, SocketError> {
        self.apply(first).await?;
        loop {
            tokio::select! {
                // In this order, so that no flood of frames holds up a command.
                biased;
                changed = desired.changed() => {
                    if changed.is_err() {
                        return Ok(End::Stopped);
                    }
                    let assignment = desired.borrow_and_update().clone();
                    if assignment.index != self.current.index {
                        return Ok(End::Replaced);
                    }
                    self.apply(assignment).await?;
                }
                turned = self.station.turn() => {
                    turned?;
                    self.settle().await?;
                }
            }
        }
    }

    /// Makes what is held what is assigned. What goes, goes first.
    async fn apply(&mut self, assignment: Assignment) -> Result<(), SocketError> {
        let before = std::mem::replace(&mut self.current, assignment.clone());
        let Assignment {
            index: _,
            mac,
            carrier_changes,
            failovers,
            own,
            siblings,
            addresses,
        } = assignment;
        for address in before.addresses.difference(&addresses).copied() {
            self.station.feed(Input::Release(address));
            self.withdraw(address);
        }
        let flapped = (before.carrier_changes, before.failovers) != (carrier_changes, failovers);
        let has_come_to_ipv6 = has_link_local(&own) && !has_link_local(&before.own);
        self.station.feed(Input::Interface { mac, addresses: own });
        self.station.feed(Input::Siblings(siblings));
        if flapped {
            self.station.feed(Input::CarrierUp);
        }
        if flapped || has_come_to_ipv6 {
            self.station.join_groups_anew();
        }
        let new = || addresses.difference(&before.addresses).copied();
        for address in new() {
            self.station.feed(Input::Hold(address));
        }
        self.settle().await?;
        for ip in new() {
            self.announced.insert(ip);
            let iface = self.iface.to_owned();
            self.report(Report::Announced { ip, iface });
        }
        self.record();
        Ok(())
    }

    /// Carries out what the responder wants, and reports what it tells.
    async fn settle(&mut self) -> Result<(), SocketError> {
        // Before the frames are out, too: who reads the answer to a question finds it counted.
        self.record();
        let unsent = self.station.unsent();
        self.station.settle().await?;
        while let Some(event) = self.station.event() {
            self.on_event(event);
        }
        if unsent != self.station.unsent() {
            self.record();
        }
        Ok(())
    }

    fn on_event(&self, event: Event) {
        let iface = self.iface.to_owned();
        match event {
            Event::Rival { address: ip, mac } => self.report(Report::Rival { ip, iface, mac }),
            Event::Stranger {
                address: ip,
                mac,
                response,
            } => self.report(Report::Stranger {
                ip,
                iface,
                mac,
                response,
            }),
            Event::StrangerGone { address: ip } => self.report(Report::StrangerGone { ip, iface }),
            // Nobody asks yet.
            Event::Answered { address: _ } => {}
        }
    }

    fn withdraw(&mut self, address: IpAddr) {
        if self.announced.remove(&address) {
            let iface = self.iface.to_owned();
            self.report(Report::Withdrawn { ip: address, iface });
        }
    }

    fn report(&self, report: Report) {
        // Nobody listening is how a process ends: what is announced stays right without being told.
        let _ = self.reports.send(report);
    }

    fn record(&self) {
        let InterfaceStatistics {
            held: _,
            mut responder,
            unsent,
        } = self.before;
        responder += self.station.responder().counters();
        let statistics = InterfaceStatistics {
            held: self.announced.len(),
            responder,
            unsent: unsent + self.station.unsent(),
        };
        self.statistics.record(self.iface, statistics);
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        for address in self.announced.clone() {
            self.withdraw(address);
        }
        self.record();
    }
}

/// Whether the interface takes part in IPv6: without such an address, its groups may be told to nobody (RFC 3810 §5.2.13).
fn has_link_local(addresses: &BTreeSet<IpAddr>) -> bool {
    addresses
        .iter()
        .any(|address| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local()))
}
