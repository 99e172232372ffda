//! A full table of equal attributes: in how many UPDATEs and how soon a new session has it, and the speaker's memory.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::scene::{Scene, service, slice};

const NAME: &str = "table";

/// How often a session starts anew.
const RUNS: usize = 10;

/// How long everything is given to come to rest before memory is read.
const REST: Duration = Duration::from_secs(5);

/// What was seen of it.
#[derive(Debug, Default)]
pub(crate) struct Full {
    pub(super) routes: usize,
    /// UPDATEs of one start, the most that were.
    pub(super) updates: usize,
    /// From the session to the last route, of each start.
    pub(super) whole: Vec<Duration>,
    pub(super) resident_mb: f64,
    pub(super) empty_mb: f64,
}

impl Full {
    pub(super) fn measure(scene: &Scene<'_>, count: usize) -> Result<Self> {
        let mut full = Self {
            routes: count,
            empty_mb: scene.resident_mb()?,
            ..Self::default()
        };
        let slices: Result<Vec<_>> = (0..count).map(|number| slice(NAME, number)).collect();
        scene.create_all(slices?)?;
        let services: Result<Vec<_>> = (0..count).map(|number| service(NAME, number)).collect();
        scene.create_all(services?)?;
        scene.until_routes(count)?;
        thread::sleep(REST);
        full.resident_mb = scene.resident_mb()?;
        let peer = scene.peers.first().context("no peer")?;
        for _ in 0..RUNS {
            let before = peer.look(|seen| seen.established.len());
            peer.hang_up()?;
            scene.until("the table in another session", || {
                Ok(peer.look(|seen| {
                    seen.established.len() > before
                        && seen.routes.len() == count
                        && !seen.ends_of_rib.is_empty()
                }))
            })?;
            let seen = peer.seen();
            let (began, last) = (seen.established.last(), seen.routes.values().max());
            let (began, last) = began.zip(last).context("no session")?;
            full.whole.push(last.saturating_duration_since(*began));
            full.updates = full.updates.max(seen.updates.len());
        }
        Ok(full)
    }
}
