//! A BGP peer that a test scripts: it takes every route, notes when each came, and sends whatever octets it is given.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::clock::{now, wait_for};
use crate::lab::Lab;

mod message;

use message::{HEADER, Message};

const PORT: u16 = 179;
const PAUSE: Duration = Duration::from_millis(20);

/// A peer of AS and identifier of its own, that listens on a host and has one session at a time. It ends with the value.
#[derive(Debug)]
pub struct ScriptedPeer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the peer has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// When the sessions were established, the present one last.
    pub established: Vec<Instant>,
    /// Whether there is a session now.
    pub up: bool,
    /// The routes that it has in the present session, or had in the last, and when each came the last time.
    pub routes: BTreeMap<(IpAddr, u8), Instant>,
    /// When each UPDATE of that session came, without End-of-RIB markers.
    pub updates: Vec<Instant>,
    /// When an End-of-RIB came in that session.
    pub ends_of_rib: Vec<Instant>,
    /// Code and subcode of every NOTIFICATION, in all sessions.
    pub notifications: Vec<(u8, u8)>,
    /// The OPEN of that session, without header.
    pub open: Vec<u8>,
}

#[derive(Debug, Default)]
struct Shared {
    ended: AtomicBool,
    seen: Mutex<Session>,
    /// To the present session, for what the test sends.
    stream: Mutex<Option<TcpStream>>,
}

impl Lab {
    /// Starts a peer on a host.
    pub fn scripted_peer(&self, host: &str, asn: u32) -> Result<ScriptedPeer> {
        let identifier = self.host(host)?.v4.octets();
        let listener = self.inside(host, || {
            // Connections of both families come to a socket of the newer one.
            let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT))?;
            listener.set_nonblocking(true)?;
            Ok::<_, std::io::Error>(listener)
        })?;
        let listener = listener.with_context(|| format!("nobody can listen on port {PORT} of {host}"))?;
        let shared = Arc::<Shared>::default();
        let greeting = [message::open(asn, identifier), message::keepalive()].concat();
        let thread = thread::spawn({
            let shared = shared.clone();
            move || shared.serve(&listener, &greeting)
        });
        Ok(ScriptedPeer {
            shared,
            thread: Some(thread),
        })
    }
}

impl ScriptedPeer {
    /// All that it has seen so far.
    pub fn seen(&self) -> Session {
        self.shared.seen().clone()
    }

    /// Looks at what it has seen without a copy of it.
    pub fn look<T>(&self, look: impl FnOnce(&Session) -> T) -> T {
        look(&self.shared.seen())
    }

    /// Sends octets in the present session, as they are.
    pub fn send(&self, octets: &[u8]) -> Result<()> {
        let stream = lock(&self.shared.stream);
        let mut stream = stream.as_ref().context("there is no session")?;
        stream.write_all(octets).context("the session has ended")
    }

    /// Closes the present session without a word, and returns when it is over.
    pub fn hang_up(&self) -> Result<()> {
        let sessions = self.look(|seen| seen.established.len());
        if let Some(stream) = lock(&self.shared.stream).as_ref() {
            stream.shutdown(Shutdown::Both)?;
        }
        wait_for("the end of a session", Duration::from_secs(5), || {
            let over = self.look(|seen| !seen.up || seen.established.len() > sessions);
            Ok(over.then_some(()))
        })
    }
}

impl Drop for ScriptedPeer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Session> {
        lock(&self.seen)
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn serve(&self, listener: &TcpListener, greeting: &[u8]) {
        while !self.ended() {
            let Ok((stream, _)) = listener.accept() else {
                thread::sleep(PAUSE);
                continue;
            };
            // How it ended is for the other end to tell.
            let _ = self.session(stream, greeting);
            self.seen().up = false;
            *lock(&self.stream) = None;
        }
    }

    fn session(&self, mut stream: TcpStream, greeting: &[u8]) -> Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PAUSE))?;
        stream.set_write_timeout(Some(Duration::from_secs(1)))?;
        *lock(&self.stream) = Some(stream.try_clone()?);
        let mut buffer = Vec::new();
        let mut chunk = vec![0; 1 << 16];
        while !self.ended() {
            match stream.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => buffer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(error) if is_pause(&error) => continue,
                Err(error) => return Err(error.into()),
            }
            let at = now();
            let mut taken = 0;
            while let Some(message) = message::first(buffer.get(taken..).unwrap_or_default())? {
                taken += message.len();
                self.take(at, message, &mut stream, greeting)?;
            }
            buffer.drain(..taken);
        }
        Ok(())
    }

    fn take(&self, at: Instant, octets: &[u8], stream: &mut TcpStream, greeting: &[u8]) -> Result<()> {
        let mut seen = self.seen();
        match message::read(octets)? {
            Message::Open => {
                seen.routes.clear();
                seen.updates.clear();
                seen.ends_of_rib.clear();
                seen.open = octets.get(HEADER..).unwrap_or_default().to_vec();
                stream.write_all(greeting)?;
            }
            Message::Keepalive => {
                if !seen.up {
                    seen.up = true;
                    seen.established.push(at);
                }
                stream.write_all(&message::keepalive())?;
            }
            Message::Update(update) if update.is_empty() => seen.ends_of_rib.push(at),
            Message::Update(update) => {
                seen.updates.push(at);
                for prefix in &update.withdrawn {
                    seen.routes.remove(prefix);
                }
                seen.routes
                    .extend(update.announced.into_iter().map(|prefix| (prefix, at)));
            }
            Message::Notification(code, subcode) => {
                // Whoever sees it must not take the session that it ends for one that is up.
                seen.up = false;
                seen.notifications.push((code, subcode));
                bail!("the peer has closed");
            }
            Message::Other => {}
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_pause(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}
