use std::collections::BTreeSet;
use std::future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use l2::filter::{self, Instruction};
use l2::{Event, Input, Responder, Settings, wire};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::super::plan::Assignment;
use super::super::{InterfaceStatistics, Report, Statistics};
use crate::packet::{PacketSocket, SocketError};

/// How long the frames made by one input may wait for the interface. What does not get out by then is dropped: the next
/// round of the schedule makes up for it, and an old answer is worth nothing.
const PATIENCE: Duration = Duration::from_millis(50);

/// How a session came to its end when nothing failed.
pub(super) enum End {
    /// The interface is not to be used any more.
    Stopped,
    /// There is another interface of this name.
    Replaced,
}

/// One socket and the responder behind it. Whatever ends the session, what it announced is reported as withdrawn.
pub(super) struct Session<'a> {
    iface: &'a str,
    index: u32,
    carrier_changes: u32,
    socket: PacketSocket,
    responder: Responder,
    reports: &'a mpsc::UnboundedSender<Report>,
    statistics: &'a Statistics,
    /// What was counted on this interface before this session.
    before: InterfaceStatistics,
    /// What was reported as announced and not yet as withdrawn.
    announced: BTreeSet<Ipv4Addr>,
    unsent: u64,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        iface: &'a str,
        first: &Assignment,
        settings: Settings,
        reports: &'a mpsc::UnboundedSender<Report>,
        statistics: &'a Statistics,
    ) -> Result<Self, SocketError> {
        let filter = filter::program(&[], filter::LONGEST);
        Ok(Self {
            iface,
            index: first.index,
            carrier_changes: first.carrier_changes,
            socket: PacketSocket::open(first.index, wire::ETHERTYPE, &filter)?,
            responder: Responder::new(first.mac, settings),
            reports,
            statistics,
            before: statistics.of(iface),
            announced: BTreeSet::new(),
            unsent: 0,
        })
    }

    /// Drives the responder: drain, wait for the first of command, timeout and frame, feed exactly that.
    pub(super) async fn run(
        &mut self,
        first: Assignment,
        desired: &mut watch::Receiver<Assignment>,
    ) -> Result<End, SocketError> {
        self.apply(first).await?;
        let mut buffer = [0; filter::SNAP as usize];
        loop {
            let due = self.responder.poll_timeout();
            tokio::select! {
                // In this order, so that no flood of frames holds up a command or an announcement.
                biased;
                changed = desired.changed() => {
                    if changed.is_err() {
                        return Ok(End::Stopped);
                    }
                    let assignment = desired.borrow_and_update().clone();
                    if assignment.index != self.index {
                        return Ok(End::Replaced);
                    }
                    self.apply(assignment).await?;
                }
                () = until(due) => {
                    let now = Instant::now();
                    self.responder.handle_timeout(now.into_std());
                    self.drain(now).await?;
                }
                received = self.socket.receive(&mut buffer) => {
                    let frame = &buffer[..received?];
                    self.feed(Input::Frame(frame)).await?;
                }
            }
        }
    }

    /// Makes what is held what is assigned. What goes, goes first; the kernel's filter opens before the first question
    /// about a new address can come.
    async fn apply(&mut self, assignment: Assignment) -> Result<(), SocketError> {
        let Assignment {
            index: _,
            mac,
            carrier_changes,
            addresses,
        } = assignment;
        let held: BTreeSet<Ipv4Addr> = self.responder.held().collect();
        for address in held.difference(&addresses).copied() {
            self.feed(Input::Release(address)).await?;
            self.withdraw(address);
        }
        self.feed(Input::Mac(mac)).await?;
        if self.carrier_changes != carrier_changes {
            self.carrier_changes = carrier_changes;
            self.feed(Input::CarrierUp).await?;
        }
        if held != addresses {
            self.attach(&addresses)?;
        }
        for address in addresses.difference(&held).copied() {
            self.feed(Input::Hold(address)).await?;
            self.announced.insert(address);
            self.report(Report::Announced {
                ip: address.into(),
                iface: self.iface.to_owned(),
            });
        }
        self.record();
        Ok(())
    }

    /// Has the kernel let through what concerns `addresses`.
    fn attach(&self, addresses: &BTreeSet<Ipv4Addr>) -> Result<(), SocketError> {
        let ranges: Vec<_> = addresses.iter().map(|address| (*address, *address)).collect();
        attach_what_fits(&ranges, |program| self.socket.attach(program))
    }

    async fn feed(&mut self, input: Input<'_>) -> Result<(), SocketError> {
        let now = Instant::now();
        self.responder.handle_input(now.into_std(), input);
        self.drain(now).await
    }

    async fn drain(&mut self, now: Instant) -> Result<(), SocketError> {
        self.record();
        let unsent = self.unsent;
        while let Some(transmit) = self.responder.poll_transmit() {
            self.send(transmit.frame(), now + PATIENCE).await?;
        }
        while let Some(event) = self.responder.poll_event() {
            let Event::ForeignClaim { address, mac } = event;
            let iface = self.iface.to_owned();
            self.report(Report::ForeignClaim {
                ip: address.into(),
                iface,
                mac,
            });
        }
        if unsent != self.unsent {
            self.record();
        }
        Ok(())
    }

    async fn send(&mut self, frame: &[u8], deadline: Instant) -> Result<(), SocketError> {
        match tokio::time::timeout_at(deadline, self.socket.send(frame)).await {
            Ok(Err(error)) if !is_full(&error) => return Err(error),
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => self.unsent += 1,
        }
        Ok(())
    }

    fn withdraw(&mut self, address: Ipv4Addr) {
        if self.announced.remove(&address) {
            self.report(Report::Withdrawn {
                ip: IpAddr::V4(address),
                iface: self.iface.to_owned(),
            });
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
        responder += self.responder.counters();
        let statistics = InterfaceStatistics {
            held: self.announced.len(),
            responder,
            unsent: unsent + self.unsent,
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

/// Whether the interface's own queue was full, which is over in a moment.
fn is_full(error: &SocketError) -> bool {
    matches!(error, SocketError::Send(source) if source.raw_os_error() == Some(libc::ENOBUFS))
}

/// Waits until then, or for ever.
async fn until(due: Option<std::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => future::pending().await,
    }
}

/// Attaches the program for exactly `ranges` if the kernel has the memory for it (`net.core.optmem_max`, of which both the
/// old and the new one take their part), otherwise a shorter one that lets more through.
fn attach_what_fits(
    ranges: &[(Ipv4Addr, Ipv4Addr)],
    mut attach: impl FnMut(&[Instruction]) -> Result<(), SocketError>,
) -> Result<(), SocketError> {
    let mut limit = filter::LONGEST;
    loop {
        match attach(&filter::program(ranges, limit)) {
            Err(SocketError::Filter(error))
                if error.kind() == io::ErrorKind::OutOfMemory && limit > filter::SHORTEST =>
            {
                limit /= 2;
            }
            attached => return attached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scattered() -> Vec<(Ipv4Addr, Ipv4Addr)> {
        let address = |n: u32| Ipv4Addr::from(0xc0a8_0000 + 3 * n);
        (0..1000).map(|n| (address(n), address(n))).collect()
    }

    /// Attaches to a kernel that has room for so many instructions; what it did not take, and what it took.
    fn attached(room: usize) -> (Vec<usize>, Result<(), SocketError>) {
        let mut refused = Vec::new();
        let result = attach_what_fits(&scattered(), |program| {
            if program.len() <= room {
                return Ok(());
            }
            refused.push(program.len());
            Err(SocketError::Filter(io::ErrorKind::OutOfMemory.into()))
        });
        (refused, result)
    }

    #[test]
    fn a_filter_that_the_kernel_has_no_memory_for_is_cut_down_until_it_has() {
        let (refused, result) = attached(600);
        assert!(result.is_ok());
        assert!(
            refused.is_sorted_by(|longer, shorter| longer > shorter),
            "{refused:?}"
        );
        assert!(!refused.is_empty());
    }

    #[test]
    fn a_kernel_without_memory_for_any_filter_is_an_error() {
        let (refused, result) = attached(0);
        assert!(matches!(result, Err(SocketError::Filter(_))));
        assert!(refused.len() < 10, "{refused:?}");
    }

    #[test]
    fn another_error_than_lack_of_memory_is_not_tried_away() {
        let mut tries = 0;
        let result = attach_what_fits(&scattered(), |_| {
            tries += 1;
            Err(SocketError::Filter(io::ErrorKind::PermissionDenied.into()))
        });
        assert!(result.is_err());
        assert_eq!(tries, 1);
    }
}
