//! How long an answer takes: the speaker's beside the kernel's own, asked the same way over the same wire.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{Heard, Wire};
use process::clock::now;
use suites::{Bed, Watched};

const ROUNDS: usize = 2000;

/// Answers to one station are limited to one in a millisecond.
const PAUSE: Duration = Duration::from_millis(2);

/// How long an answer may take at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// All round trips.
#[derive(Debug)]
pub(crate) struct RoundTrips {
    pub(crate) kernel: Vec<Duration>,
    pub(crate) speaker: Vec<Duration>,
}

impl RoundTrips {
    /// Asks the holder's kernel and its speaker in turns.
    pub(crate) fn measure(bed: &Bed, watched: &Watched<'_>) -> Result<Self> {
        let node = bed.lab.host(&watched.holder()?)?;
        let wire = bed.lab.wire("onlooker")?;
        let mut all = Self {
            kernel: Vec::with_capacity(ROUNDS),
            speaker: Vec::with_capacity(ROUNDS),
        };
        for _ in 0..ROUNDS {
            all.kernel.push(ask(&wire, node.v4.into())?);
            all.speaker.push(ask(&wire, watched.addresses[0])?);
            thread::sleep(PAUSE);
        }
        Ok(all)
    }
}

/// From just before a question is sent until the kernel of who asks has received the answer.
fn ask(wire: &Wire, address: IpAddr) -> Result<Duration> {
    let question = wire.question(address);
    let end = now() + PATIENCE;
    let asked = wire.send(&question)?;
    loop {
        ensure!(now() < end, "no answer for {address}");
        if let Some((at, Heard::Says(said))) = wire.receive()?
            && said.address == address
            && said.asked
        {
            return at.duration_since(asked).context("an answer before its question");
        }
    }
}
