//! A client that keeps opening connections to an address, each from a new port, and notes which are answered and when.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::clock::now;
use crate::lab::Lab;
use crate::netns;
use crate::observe::http_get;

/// A client in threads of its own. It goes on until it is dropped.
#[derive(Debug)]
pub struct Connections {
    notes: Arc<Notes>,
    threads: Vec<JoinHandle<Result<()>>>,
}

/// One connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// When it began.
    pub began: Instant,
    /// When a page had come over it, if one did.
    pub answered: Option<Instant>,
}

#[derive(Debug, Default)]
struct Notes {
    ended: AtomicBool,
    connections: Mutex<Vec<Connection>>,
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lab {
    /// Starts a client on a host that asks the web server at `to` for a page every `interval`, and waits no longer than `patience` for each.
    pub fn connections(
        &self,
        host: &str,
        to: SocketAddr,
        interval: Duration,
        patience: Duration,
    ) -> Result<Connections> {
        let netns = self.host(host)?.netns;
        let notes = Arc::<Notes>::default();
        // They take turns, so that a connection begins every interval although each may wait.
        let threads = u32::try_from(patience.as_millis() / interval.as_millis()).unwrap_or(u32::MAX) + 1;
        let began = now();
        let client = |number: u32| {
            let (notes, netns) = (Arc::clone(&notes), netns.clone());
            let first = began + interval * number;
            thread::spawn(move || {
                netns::inside(&netns, || ask(to, first, interval * threads, patience, &notes))
            })
        };
        let threads = (0..threads).map(client).collect();
        Ok(Connections { notes, threads })
    }
}

impl Connections {
    /// Those that have ended, whether they were answered or not, in no order.
    pub fn ended(&self) -> Vec<Connection> {
        self.notes.lock().clone()
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.notes.ended.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // A client that could not enter the namespace has seen nothing, which whoever asks finds out.
            drop(thread.join());
        }
    }
}

fn ask(to: SocketAddr, first: Instant, interval: Duration, patience: Duration, notes: &Notes) {
    let mut next = first;
    while !notes.ended.load(Ordering::SeqCst) {
        thread::sleep(next.saturating_duration_since(now()));
        let began = now();
        let answer = http_get(to, "/", patience);
        let answered = answer
            .is_ok_and(|text| text.starts_with("HTTP/1.1 200"))
            .then(now);
        notes.lock().push(Connection { began, answered });
        next += interval;
    }
}
