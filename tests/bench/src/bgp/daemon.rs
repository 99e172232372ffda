//! The routing daemons whose BFD is looked at.

use std::time::Duration;

use anyhow::{Context, Result};
use lab::{Bird, Frr, Host, Router};
use serde_json::Value;
use suites::{Neighbour, Peering};

use super::bfd::NODES;

/// What both ends tell each other, and how often.
const FAST_IN_FRR: &str =
    "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 3\n exit\nexit\n";
const FAST_IN_BIRD: &str = "protocol bfd { interface \"eth0\" { interval 50 ms; multiplier 3; }; }\n";

/// One that runs on a router.
pub(super) enum Daemon<'a> {
    Frr(Frr<'a>),
    Bird(Bird<'a>),
}

impl<'a> Daemon<'a> {
    /// FRR, with sessions that BFD watches.
    pub(super) fn frr(router: &'a Router<'a>, asn: u32, nodes: &[Host]) -> Result<Self> {
        let with_bfd = |node| Neighbour::v4(node, NODES).with("bfd profile fast", "");
        let peering = Peering::of(router, asn, nodes.iter().map(with_bfd));
        router
            .frr(&format!("{FAST_IN_FRR}{}", peering.frr()))
            .map(Self::Frr)
    }

    /// BIRD, likewise.
    pub(super) fn bird(router: &'a Router<'a>, asn: u32, nodes: &[Host]) -> Result<Self> {
        let with_bfd = |node| Neighbour::v4(node, NODES).with("", "bfd on;");
        let peering = Peering::of(router, asn, nodes.iter().map(with_bfd)).and(FAST_IN_BIRD);
        router.bird(&peering.bird()).map(Self::Bird)
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Frr(_) => "FRR",
            Self::Bird(_) => "BIRD",
        }
    }

    /// After how long without a packet of the node it says that the path is down (RFC 5880 §6.8.4); none while the path is not up.
    pub(super) fn detection(&self, node: &Host) -> Result<Option<Duration>> {
        match self {
            Self::Frr(frr) => {
                let shown = frr.bfd(node.v4.into())?;
                let up = shown["status"] == "up";
                up.then(|| of_frr(&shown)).transpose()
            }
            Self::Bird(bird) => of_bird(&bird.birdc("show bfd sessions")?, &node.v4.to_string()),
        }
    }

    /// How often its BFD and its BGP sessions went down so far, added up; none: it does not count them.
    pub(super) fn losses(&self, nodes: &[Host]) -> Result<Option<u64>> {
        let Self::Frr(frr) = self else {
            return Ok(None);
        };
        let counters = frr.json("show bfd peers counters json")?;
        let bfd = counters.as_array().into_iter().flatten();
        let mut losses: u64 = bfd.filter_map(|peer| peer["session-down"].as_u64()).sum();
        for node in nodes {
            let shown = frr.neighbour(&node.v4.to_string())?;
            losses += shown["connectionsDropped"]
                .as_u64()
                .context("a count of losses")?;
        }
        Ok(Some(losses))
    }
}

fn of_frr(session: &Value) -> Result<Duration> {
    let number = |field: &str| {
        session[field]
            .as_u64()
            .with_context(|| format!("no {field} in {session}"))
    };
    let interval = number("receive-interval")?.max(number("remote-transmit-interval")?);
    Ok(Duration::from_millis(
        interval * number("remote-detect-multiplier")?,
    ))
}

/// The last column, in seconds, of a peer's line.
fn of_bird(sessions: &str, peer: &str) -> Result<Option<Duration>> {
    let words = |line: &'_ str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut lines = sessions.lines().map(words);
    let line = lines.find(|words| words.first().is_some_and(|word| word == peer));
    let Some(line) = line.filter(|words| words.iter().any(|word| word == "Up")) else {
        return Ok(None);
    };
    let timeout = line.last().and_then(|word| word.parse().ok());
    timeout
        .map(Duration::from_secs_f64)
        .with_context(|| format!("no timeout of {peer} in {sessions}"))
        .map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_slower_of_both_ends_sets_the_detection_time() {
        let session = |receive: u64, remote: u64| {
            json!({
                "receive-interval": receive, "remote-transmit-interval": remote, "detect-multiplier": 9,
                "remote-detect-multiplier": 3,
            })
        };
        for (receive, remote, expected) in [(50, 50, 150), (300, 50, 900), (50, 100, 300)] {
            assert_eq!(
                of_frr(&session(receive, remote)).unwrap(),
                Duration::from_millis(expected)
            );
        }
        assert!(of_frr(&Value::Null).is_err());
    }

    #[test]
    fn bird_tells_the_detection_time_of_a_path_that_is_up() {
        let shown = "BIRD 2.0.12 ready.\nbfd1:\n\
                     IP address                Interface  State      Since         Interval  Timeout\n\
                     192.168.1.11              eth0       Up         18:00:00.000    0.050    0.150\n\
                     192.168.1.12              eth0       Down       18:00:00.000    1.000    0.000\n";
        let milliseconds = |peer| of_bird(shown, peer).unwrap().map(|timeout| timeout.as_millis());
        assert_eq!(milliseconds("192.168.1.11"), Some(150));
        assert_eq!(milliseconds("192.168.1.12"), None);
        assert_eq!(milliseconds("192.168.1.1"), None);
    }
}
