//! How long a client is without an answer when the announcing node loses its cable.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::CLIENT;
use crate::clock::{now, wait_for};
use crate::connections::{Connection, Connections};
use crate::lab::Lab;
use crate::plan::Host;

/// A fresh connection begins so often, although each may wait for `PATIENCE`.
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

/// Pulls the cable while the client keeps asking, and waits for the first answer.
pub(super) fn cut(lab: &Lab, node: &Host, address: Ipv4Addr) -> Result<Cut> {
    let to = SocketAddr::from((address, 80));
    let client = lab.connections(CLIENT, to, INTERVAL, PATIENCE)?;
    wait_for("an answer before the cut", Duration::from_secs(5), || {
        Ok(first_answer(&client, None))
    })?;
    let cut = now();
    lab.unplug(&node.name)?;
    let pulled = now();
    let answer = wait_for("an answer after the cut", Duration::from_secs(60), || {
        Ok(first_answer(&client, Some(pulled)))
    })?;
    thread::sleep(Duration::from_secs(2));
    let ended = client.ended();
    let later: Vec<_> = ended
        .iter()
        .filter(|connection| connection.began > answer)
        .collect();
    let is_answered = |connection: &&&Connection| connection.answered.is_some();
    Ok(Cut {
        silence: answer - cut,
        asked: later.len(),
        answered: later.iter().filter(is_answered).count(),
    })
}

/// The earliest answer to a connection that began after a moment.
fn first_answer(client: &Connections, after: Option<Instant>) -> Option<Instant> {
    client
        .ended()
        .iter()
        .filter(|connection| after.is_none_or(|after| connection.began > after))
        .filter_map(|connection| connection.answered)
        .min()
}
