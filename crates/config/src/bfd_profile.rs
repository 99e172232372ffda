//! What a BFDProfile means.

use std::time::Duration;

use crds::BFDProfile;

use crate::fault::Fault;
use crate::list::within;
use crate::warning::Warning;

/// How BFD watches the path to a peer; what the user left out is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdProfile {
    /// The profile's name.
    pub name: String,
    /// How often control packets are sent.
    pub transmit_interval: Duration,
    /// How often at most they may arrive.
    pub receive_interval: Duration,
    /// How many may be lost before the path is down, 2 to 255.
    pub detect_multiplier: u8,
    /// Nothing is sent before the peer does.
    pub passive: bool,
    /// The least TTL that a packet of a peer that is more than one hop away may arrive with, 1 to 254.
    pub minimum_ttl: u8,
    /// The echo function is asked for, which Herald does not have (D17).
    pub echo: bool,
}

impl BfdProfile {
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.echo.then_some(Warning::NoEcho).into_iter().collect()
    }
}

/// Reads one BFDProfile.
pub(crate) fn bfd_profile(object: &BFDProfile) -> Result<BfdProfile, Fault> {
    let spec = &object.spec;
    let interval = |field: &str, value: i32| {
        let milliseconds: u32 = within(field, value, 10, 60_000)?;
        Ok::<_, Fault>(Duration::from_millis(milliseconds.into()))
    };
    interval("echoInterval", spec.echo_interval)?;
    Ok(BfdProfile {
        name: object.metadata.name.clone().unwrap_or_default(),
        transmit_interval: interval("transmitInterval", spec.transmit_interval)?,
        receive_interval: interval("receiveInterval", spec.receive_interval)?,
        detect_multiplier: within("detectMultiplier", spec.detect_multiplier, 2, 255)?,
        passive: spec.passive_mode,
        minimum_ttl: within("minimumTtl", spec.minimum_ttl, 1, 254)?,
        echo: spec.echo_mode,
    })
}
