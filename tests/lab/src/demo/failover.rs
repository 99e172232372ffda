//! How long a client is without an answer when the announcing node loses its cable.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::CLIENT;
use crate::clock::{now, wait_for};
use crate::lab::Lab;
use crate::observe::http_get;
use crate::plan::Host;

/// Probers take turns, so that a fresh connection starts every `INTERVAL` although each may wait for `PATIENCE`.
const PROBERS: u32 = 8;
const INTERVAL: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_millis(190);

/// What the client saw.
pub(super) struct Cut {
    /// From the cable to the first answer to a question asked after it.
    pub(super) silence: Duration,
    /// Connections that began after that answer, for two seconds.
    pub(super) asked: usize,
    /// Those of them that were answered.
    pub(super) answered: usize,
}

/// One connection of the client: when it began, and when it was answered.
struct Probe {
    began: Instant,
    answered: Option<Instant>,
}

/// Pulls the cable while the client keeps asking, and waits for the first answer.
pub(super) fn cut(lab: &Lab, node: &Host, address: Ipv4Addr) -> Result<Cut> {
    let to = SocketAddr::from((address, 80));
    let (probes, done) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    thread::scope(|threads| {
        for number in 0..PROBERS {
            let (probes, done) = (&probes, &done);
            threads.spawn(move || lab.inside(CLIENT, || ask_repeatedly(to, number, probes, done)));
        }
        let seen = pull(lab, node, &probes);
        done.store(true, Ordering::SeqCst);
        seen
    })
}

fn pull(lab: &Lab, node: &Host, probes: &Mutex<Vec<Probe>>) -> Result<Cut> {
    wait_for("an answer before the cut", Duration::from_secs(5), || {
        Ok(first_answer(probes, None))
    })?;
    let cut = now();
    lab.unplug(&node.name)?;
    let pulled = now();
    let answer = wait_for("an answer after the cut", Duration::from_secs(60), || {
        Ok(first_answer(probes, Some(pulled)))
    })?;
    thread::sleep(Duration::from_secs(2));
    let probes = probes.lock().unwrap_or_else(PoisonError::into_inner);
    let later: Vec<_> = probes.iter().filter(|probe| probe.began > answer).collect();
    let answered = later.iter().filter(|probe| probe.answered.is_some()).count();
    Ok(Cut {
        silence: answer - cut,
        asked: later.len(),
        answered,
    })
}

/// The earliest answer to a connection that began after a moment.
fn first_answer(probes: &Mutex<Vec<Probe>>, after: Option<Instant>) -> Option<Instant> {
    let probes = probes.lock().unwrap_or_else(PoisonError::into_inner);
    probes
        .iter()
        .filter(|probe| after.is_none_or(|after| probe.began > after))
        .filter_map(|probe| probe.answered)
        .min()
}

fn ask_repeatedly(to: SocketAddr, number: u32, probes: &Mutex<Vec<Probe>>, done: &AtomicBool) {
    let mut next = now() + INTERVAL * number;
    while !done.load(Ordering::SeqCst) {
        thread::sleep(next.saturating_duration_since(now()));
        let began = now();
        let answer = http_get(to, "/", PATIENCE);
        let answered = answer
            .is_ok_and(|text| text.starts_with("HTTP/1.1 200"))
            .then(now);
        probes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Probe { began, answered });
        next += INTERVAL * PROBERS;
    }
}
