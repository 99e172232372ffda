use std::net::IpAddr;

use crate::wire::{Octets, Protocol};

/// A frame to be sent on the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    pub(crate) about: IpAddr,
    pub(crate) octets: Octets,
}

impl Transmit {
    /// The octets to send, complete from the Ethernet header on. The hardware adds the check sequence.
    pub fn frame(&self) -> &[u8] {
        &self.octets
    }

    /// The protocol of the frame: it is to go out through a socket for frames of that one.
    pub fn protocol(&self) -> Protocol {
        Protocol::of(self.about)
    }
}
