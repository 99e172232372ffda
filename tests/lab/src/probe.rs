//! A client that keeps sending datagrams to an address, and notes which come back and when.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;

use crate::clock::{now, stamp};
use crate::forgetting::Forgetting;
use crate::lab::Lab;
use crate::wire::{receive, stamped};

/// Between two datagrams.
const INTERVAL: Duration = Duration::from_millis(5);

/// A client that does not know the way asks for it every so many datagrams.
const ASKS: usize = 4;

/// What has not come back by then never will. A machine that has other things to do may let the client, or who echoes, wait for as long
/// as a second.
const LATEST: Duration = Duration::from_secs(3);

/// So many octets may wait for the client to take them: what is lost for want of room would be taken for a loss of the network.
const ROOM: usize = 4 << 20;

/// A client in its own thread. It sends until it is dropped.
#[derive(Debug)]
pub struct Probe {
    notes: Arc<Notes>,
    threads: Vec<JoinHandle<()>>,
}

/// What a client saw in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Datagrams sent in it.
    pub sent: usize,
    /// Those of them that never came back.
    pub lost: usize,
    /// The longest time between two that came back, by the kernel's stamps of their arrival.
    pub silence: Duration,
}

#[derive(Debug, Default)]
struct Notes {
    ended: AtomicBool,
    datagrams: Mutex<Vec<Datagram>>,
}

/// The datagram whose number is its place in the list.
#[derive(Clone, Copy, Debug)]
struct Datagram {
    sent: SystemTime,
    back: Option<SystemTime>,
}

impl Lab {
    /// Starts a client on a host that sends a datagram every 5 ms to whoever echoes at `to`.
    pub fn probe(&self, host: &str, to: SocketAddr) -> Result<Probe> {
        self.start_probe(host, to, |_| Ok(None))
    }

    /// The same, where the host forgets the hardware address of `to` every 20 ms, and asks for it again.
    pub fn forgetful_probe(&self, host: &str, to: SocketAddr) -> Result<Probe> {
        self.start_probe(host, to, |to| Forgetting::of(to.ip()).map(Some))
    }

    fn start_probe(
        &self,
        host: &str,
        to: SocketAddr,
        forgetting: fn(&SocketAddr) -> Result<Option<Forgetting>>,
    ) -> Result<Probe> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => [0, 0, 0, 0].into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let opened = self.inside(host, || -> Result<_> {
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(to)?;
            stamped(&socket)?;
            setsockopt(&socket, RcvBufForce, &ROOM)?;
            Ok((socket, forgetting(&to)?))
        })?;
        let (socket, forgetting) = opened.with_context(|| format!("no socket on {host} for {to}"))?;
        let socket = Arc::new(socket);
        let notes = Arc::<Notes>::default();
        let (sender, receiver) = ((socket.clone(), notes.clone()), (socket, notes.clone()));
        let threads = vec![
            thread::spawn(move || send_until_ended(&sender.0, &sender.1, forgetting)),
            thread::spawn(move || receive_until_ended(&receiver.0, &receiver.1)),
        ];
        Ok(Probe { notes, threads })
    }
}

impl Probe {
    /// Whether nothing sent in the last half second was lost, and all of that half second came after `moment`.
    pub fn is_steady_since(&self, moment: SystemTime) -> bool {
        let datagrams = self.notes.lock();
        let back_by = stamp() - Duration::from_millis(50);
        let recent = datagrams
            .iter()
            .rev()
            .skip_while(|one| one.sent > back_by)
            .take(100);
        let mut count = 0;
        recent
            .inspect(|_| count += 1)
            .all(|one| one.back.is_some() && one.sent > moment)
            && count == 100
    }

    /// What became of all that was sent from one moment to another. Waits until what is under way has come back, or has had
    /// the time to.
    pub fn seen(&self, from: SystemTime, to: SystemTime) -> Result<Seen> {
        let end = to + LATEST;
        loop {
            let datagrams = self.notes.lock();
            let waiting = datagrams
                .iter()
                .rev()
                .take_while(|one| one.sent >= from)
                .any(|one| one.sent <= to && one.back.is_none());
            if !waiting || stamp() >= end {
                return seen(&datagrams, from, to).context("nothing came back at all");
            }
            drop(datagrams);
            self.check()?;
            thread::sleep(INTERVAL);
        }
    }

    fn check(&self) -> Result<()> {
        if self.threads.iter().any(JoinHandle::is_finished) {
            bail!("the client has ended");
        }
        Ok(())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.notes.ended.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // Its panic was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Vec<Datagram>> {
        self.datagrams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

fn send_until_ended(socket: &UdpSocket, notes: &Notes, mut forgetting: Option<Forgetting>) {
    let mut next = now();
    while !notes.ended() {
        thread::sleep(next.saturating_duration_since(now()));
        let number = {
            let mut datagrams = notes.lock();
            datagrams.push(Datagram {
                sent: stamp(),
                back: None,
            });
            datagrams.len() - 1
        };
        if let Some(forgetting) = forgetting.as_mut().filter(|_| number.is_multiple_of(ASKS)) {
            // An entry that goes away in between is forgotten as well.
            let _ = forgetting.forget();
        }
        let octets = u64::try_from(number).unwrap_or_default().to_be_bytes();
        if socket.send(&octets).is_err() {
            // The kernel reports what became of an earlier one, and does not send this one.
            let _ = socket.send(&octets);
        }
        next += INTERVAL;
    }
}

fn receive_until_ended(socket: &UdpSocket, notes: &Notes) {
    let mut buffer = [0; 8];
    while !notes.ended() {
        let Ok(Some((at, 8))) = receive(socket, &mut buffer) else {
            continue;
        };
        let number = usize::try_from(u64::from_be_bytes(buffer)).unwrap_or(usize::MAX);
        if let Some(datagram) = notes.lock().get_mut(number) {
            datagram.back.get_or_insert(at);
        }
    }
}

/// None: not one came back before the stretch ended.
fn seen(datagrams: &[Datagram], from: SystemTime, to: SystemTime) -> Option<Seen> {
    let within = |at: SystemTime| from <= at && at <= to;
    let sent = datagrams.iter().filter(|one| within(one.sent));
    let mut backs: Vec<SystemTime> = datagrams.iter().filter_map(|one| one.back).collect();
    backs.sort();
    // The first silence begins with the last arrival before the stretch.
    let first = backs.partition_point(|back| *back < from).saturating_sub(1);
    let last = backs.partition_point(|back| *back <= to);
    let arrivals = backs.get(first..last).filter(|arrivals| !arrivals.is_empty())?;
    let gaps = arrivals.windows(2).map(|pair| between(pair[0], pair[1]));
    Some(Seen {
        sent: sent.clone().count(),
        lost: sent.filter(|one| one.back.is_none()).count(),
        silence: gaps.max().unwrap_or_default(),
    })
}

fn between(earlier: SystemTime, later: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    fn datagram(sent: u64, back: Option<u64>) -> Datagram {
        Datagram {
            sent: at(sent),
            back: back.map(at),
        }
    }

    #[test]
    fn a_silence_begins_with_the_last_arrival_before_the_fault() {
        let datagrams = [
            datagram(0, Some(1)),
            datagram(5, Some(6)),
            datagram(10, None),
            datagram(15, None),
            datagram(20, Some(31)),
            datagram(25, Some(30)),
        ];
        let expected = Seen {
            sent: 4,
            lost: 2,
            silence: Duration::from_millis(24),
        };
        assert_eq!(seen(&datagrams, at(8), at(40)), Some(expected));
    }

    #[test]
    fn a_client_that_never_heard_anything_says_nothing() {
        assert_eq!(seen(&[datagram(0, None)], at(0), at(9)), None);
    }
}
