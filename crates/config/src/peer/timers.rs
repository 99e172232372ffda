//! The durations of a BGPPeer.

use std::time::Duration;

use crds::BGPPeerSpec;

use crate::duration::duration;
use crate::fault::PeerFault;

/// The hold time where neither it nor the keepalive time is set (RFC 4271 §10).
const USUAL_HOLD_TIME: Duration = Duration::from_secs(90);

const SECOND: Duration = Duration::from_secs(1);

/// What 16 bits of seconds hold.
const LONGEST: Duration = Duration::from_secs(65_535);

/// What 12 bits of seconds hold (RFC 4724 §3).
const LONGEST_RESTART: Duration = Duration::from_secs(4_095);

const LONGEST_SHUTDOWN: Duration = Duration::from_secs(600);

/// All of them.
pub(super) struct Timers {
    pub(super) hold_time: Duration,
    pub(super) keepalive_time: Option<Duration>,
    pub(super) connect_time: Option<Duration>,
    pub(super) graceful_restart: Option<Duration>,
    pub(super) graceful_shutdown: Duration,
}

/// P-CFG-21, -23, P-BGP-28
pub(super) fn timers(spec: &BGPPeerSpec) -> Result<Timers, PeerFault> {
    let hold_time = |time: Duration| time.is_zero() || (3 * SECOND..=LONGEST).contains(&time);
    let hold = Field {
        name: "holdTime",
        text: spec.hold_time.as_deref(),
        advice: "write 0s for none, or whole seconds from 3s to 65535s",
    };
    let keepalive = Field {
        name: "keepaliveTime",
        text: spec.keepalive_time.as_deref(),
        advice: "write 0s for none, or whole seconds from 1s to 65535s",
    };
    let connect = Field {
        name: "connectTime",
        text: spec.connect_time.as_deref(),
        advice: "write whole seconds from 1s to 65535s",
    };
    let restart = Field {
        name: "gracefulRestartTime",
        text: Some(&spec.graceful_restart_time),
        advice: "write whole seconds from 1s to 4095s",
    };
    let shutdown = Field {
        name: "gracefulShutdownTime",
        text: Some(&spec.graceful_shutdown_time),
        advice: "write whole seconds from 0s to 10m",
    };
    let (hold, keepalive) = (
        hold.read(hold_time)?,
        keepalive.read(|time| time.is_zero() || (SECOND..=LONGEST).contains(&time))?,
    );
    check_keepalives(spec, hold, keepalive)?;
    Ok(Timers {
        hold_time: hold
            .or_else(|| Some((keepalive? * 3).min(LONGEST)))
            .unwrap_or(USUAL_HOLD_TIME),
        keepalive_time: keepalive.filter(|time| !time.is_zero()),
        connect_time: connect.read(|time| (SECOND..=LONGEST).contains(&time))?,
        graceful_restart: restart.read(|time| (SECOND..=LONGEST_RESTART).contains(&time))?,
        graceful_shutdown: shutdown
            .read(|time| time <= LONGEST_SHUTDOWN)?
            .unwrap_or_default(),
    })
}

fn check_keepalives(
    spec: &BGPPeerSpec,
    hold: Option<Duration>,
    keepalive: Option<Duration>,
) -> Result<(), PeerFault> {
    let (Some(hold), Some(keepalive)) = (hold, keepalive) else {
        return Ok(());
    };
    let written = |text: &Option<String>| text.clone().unwrap_or_default();
    if keepalive > hold {
        return Err(PeerFault::KeepaliveAboveHold {
            keepalive: written(&spec.keepalive_time),
            hold: written(&spec.hold_time),
        });
    }
    match keepalive.is_zero() && !hold.is_zero() {
        true => Err(PeerFault::NoKeepalives(written(&spec.hold_time))),
        false => Ok(()),
    }
}

/// A field, as it was written.
struct Field<'a> {
    name: &'static str,
    text: Option<&'a str>,
    advice: &'static str,
}

impl Field<'_> {
    /// The duration, if the field is set: one of whole seconds for which `holds` does.
    fn read(&self, holds: impl Fn(Duration) -> bool) -> Result<Option<Duration>, PeerFault> {
        let Some(text) = self.text else { return Ok(None) };
        let time = duration(text).ok_or_else(|| PeerFault::NotADuration {
            field: self.name,
            text: text.to_owned(),
        })?;
        match time.subsec_nanos() == 0 && holds(time) {
            true => Ok(Some(time)),
            false => Err(PeerFault::Duration {
                field: self.name,
                text: text.to_owned(),
                advice: self.advice,
            }),
        }
    }
}
