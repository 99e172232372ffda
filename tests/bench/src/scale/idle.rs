//! What daemons ask of the API server that have nothing to do.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use lab::Lab;
use process::clock::now;

/// How long everything is given to come to rest, and how long it is looked at then. Watches last longer, so their share is computed.
const REST: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_secs(60);

/// Of one daemon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    /// Requests, without watches that begin anew.
    pub(super) requests_a_minute: f64,
    /// Watches that it has, each of which begins anew every five to ten minutes.
    pub(super) watches: f64,
    /// In both directions, on all its connections to the API server.
    pub(super) bytes_a_second: f64,
}

/// A daemon: its name to the API server, the host that it runs on, and its process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Daemon<'a> {
    pub(super) user: &'a str,
    pub(super) host: &'a str,
    pub(super) pid: i32,
}

impl Idle {
    /// Looks at both at once.
    pub(super) fn measure(lab: &Lab, daemons: [Daemon<'_>; 2]) -> Result<[Self; 2]> {
        thread::sleep(REST);
        let events = lab.audit()?.len();
        let before = [octets(lab, daemons[0])?, octets(lab, daemons[1])?];
        let began = now();
        thread::sleep(LOOK);
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        let audit = lab.audit()?;
        let idle = |daemon: Daemon<'_>, before: usize| -> Result<Self> {
            let asked = audit
                .iter()
                .skip(events)
                .filter(|event| event.user == daemon.user);
            let asked = asked.filter(|event| event.verb != "watch").count();
            let octets = octets(lab, daemon)?.saturating_sub(before);
            Ok(Self {
                requests_a_minute: number(asked) / minutes,
                watches: number(watches(&audit, daemon.user)),
                bytes_a_second: number(octets) / (minutes * 60.0),
            })
        };
        Ok([idle(daemons[0], before[0])?, idle(daemons[1], before[1])?])
    }

    /// All requests a minute, with the watches that begin anew, at the least often that they last.
    pub(super) fn all_requests_a_minute(self) -> f64 {
        self.requests_a_minute + self.watches * 60.0 / f64::from(api::watch::SHORTEST_WATCH)
    }
}

/// Kinds that a user watches: a watch is in the log when it has begun, and again when it has ended.
fn watches(audit: &[lab::AuditEvent], user: &str) -> usize {
    let watches = audit
        .iter()
        .filter(|event| event.user == user && event.verb == "watch");
    let kinds: std::collections::BTreeSet<_> = watches.map(|event| (&event.resource, &event.name)).collect();
    kinds.len()
}

/// What went over the connections of a process, as its kernel counts it.
fn octets(lab: &Lab, daemon: Daemon<'_>) -> Result<usize> {
    let text = lab.exec(daemon.host, &["ss", "-tinpOH", "state", "established"])?;
    let owner = format!("pid={},", daemon.pid);
    Ok(text
        .lines()
        .filter(|line| line.contains(&owner))
        .map(counted)
        .sum())
}

fn counted(line: &str) -> usize {
    let field = |name: &str| {
        line.split_whitespace()
            .find_map(|word| word.strip_prefix(name)?.parse::<usize>().ok())
            .unwrap_or_default()
    };
    field("bytes_acked:") + field("bytes_received:")
}

#[allow(clippy::cast_precision_loss, reason = "counts of millions")]
fn number(count: usize) -> f64 {
    count as f64
}

/// Whether the tool that counts is there.
pub(super) fn check() -> Result<()> {
    let found = Command::new("ss").arg("-V").output();
    found
        .map(drop)
        .context("ss is missing: `apt-get install iproute2` provides it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_of_both_directions_are_counted() {
        let line = r#"0 0 10.0.0.1:40000 10.0.0.1:6443 users:(("herald-speaker",pid=7,fd=9)) cubic bytes_sent:120 bytes_acked:100 bytes_received:2000 segs_out:3"#;
        assert_eq!(counted(line), 2100);
        assert_eq!(counted("0 0 10.0.0.1:40000 10.0.0.1:6443"), 0);
    }
}
