//! Datagrams: a header in the clear, which the seal authenticates, and one message under the seal.
//!
//! ```text
//! version 1 · key id 4 · boot id 8 · sequence 8 · name length 1 · name · [message] · tag 16
//! ```
//!
//! All numbers are big-endian. Decoding reads every octet or fails; encoding cannot fail.

use std::net::IpAddr;
use std::time::Duration;

use model::NodeName;

use crate::{BootId, UnitId};

mod claim;
mod entry;
mod reader;

pub(crate) use claim::{Claim, Kind};
pub(crate) use entry::Entry;
pub(crate) use reader::{Reader, write_address};

/// The version of the protocol that this is.
pub(crate) const VERSION: u8 = 2;
/// The longest name that a node may have in the API (RFC 1123 subdomain).
const MAX_NAME: usize = 253;
/// Nobody splits a set into more parts.
pub(crate) const MAX_PARTS: u16 = 1024;

/// The parts of a datagram that are not sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) key: u32,
    pub(crate) boot: BootId,
    pub(crate) sequence: u64,
    pub(crate) name: NodeName,
}

/// What a datagram says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Beacon(Beacon),
    /// The claims that differ between two versions of the sender's set.
    Changes {
        from: u32,
        to: u32,
        entries: Vec<Entry>,
    },
    /// One of the parts that make up the sender's set.
    Set {
        version: u32,
        part: u16,
        parts: u16,
        claims: Vec<(UnitId, Claim)>,
    },
    /// The sender lacks what came after version `have` of this speaker's set; 0: all of it.
    Request {
        of: BootId,
        have: u32,
    },
}

/// What a speaker says of itself, several times a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beacon {
    pub(crate) state: State,
    /// Whether the sender has heard from the API lately.
    pub(crate) fresh: bool,
    /// When the next one is due: whole milliseconds, at least one.
    pub(crate) interval: Duration,
    pub(crate) mac: [u8; 6],
    /// The number of units held.
    pub(crate) held: u32,
    /// Of the set of claims.
    pub(crate) version: u32,
    pub(crate) digest: u64,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) echoes: Vec<Echo>,
}

/// What a speaker says it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Listening,
    Ready,
    Draining,
    Restarting,
    Unable,
    /// About to end for good: it gives everything away, and takes nothing.
    Leaving,
}

/// Proof of having heard a datagram: whose, and the low half of its sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Echo {
    pub(crate) boot: BootId,
    pub(crate) sequence: u32,
}

/// Why a datagram could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("it ends too early")]
    Truncated,
    #[error("{0} octets follow the message")]
    Trailing(usize),
    #[error("version {0} of the protocol")]
    Version(u8),
    #[error("the name has no octets, too many, or is not UTF-8")]
    Name,
    #[error("message kind {0}")]
    Message(u8),
    #[error("state {0}")]
    State(u8),
    #[error("an interval of nothing")]
    Interval,
    #[error("{0} addresses of its own")]
    Addresses(u8),
    #[error("address family {0}")]
    Family(u8),
    #[error("claim kind {0}")]
    Claim(u8),
    #[error("part {part} of {parts}")]
    Part { part: u16, parts: u16 },
    #[error("changes from version {from} to {to}")]
    Versions { from: u32, to: u32 },
}

impl Header {
    /// Splits a datagram into its header, the octets that the header is made of, and what is sealed.
    pub(crate) fn decode(datagram: &[u8]) -> Result<(Self, &[u8], &[u8]), DecodeError> {
        let mut reader = Reader::new(datagram);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let (key, boot, sequence) = (reader.u32()?, BootId(reader.u64()?), reader.u64()?);
        let length = reader.u8()?;
        let name = reader.octets(length.into())?;
        let name = std::str::from_utf8(name).map_err(|_not_text| DecodeError::Name)?;
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(DecodeError::Name);
        }
        let sealed = reader.rest();
        let header = &datagram[..datagram.len() - sealed.len()];
        let name = NodeName(name.to_owned());
        let value = Self {
            key,
            boot,
            sequence,
            name,
        };
        Ok((value, header, sealed))
    }

    /// The header as it goes on the wire. Of a name that is too long only the beginning.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let name = name_octets(&self.name);
        let mut octets = Vec::with_capacity(crate::MAX_DATAGRAM);
        octets.push(VERSION);
        octets.extend(self.key.to_be_bytes());
        octets.extend(self.boot.0.to_be_bytes());
        octets.extend(self.sequence.to_be_bytes());
        octets.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        octets.extend(name);
        octets
    }
}

/// The octets of a name, cut to what a header takes.
pub(crate) fn name_octets(name: &NodeName) -> &[u8] {
    let end = name.0.floor_char_boundary(MAX_NAME);
    &name.0.as_bytes()[..end]
}

impl Message {
    /// Reads what was sealed: only a holder of the key can have written it, which is no reason to trust its lengths.
    pub(crate) fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(octets);
        let message = match reader.u8()? {
            1 => Self::Beacon(Beacon::read(&mut reader)?),
            2 => {
                let (from, to) = (reader.u32()?, reader.u32()?);
                if from.wrapping_add(1) != to {
                    return Err(DecodeError::Versions { from, to });
                }
                let entries = Entry::read_all(&mut reader)?;
                Self::Changes { from, to, entries }
            }
            3 => {
                let (version, part, parts) = (reader.u32()?, reader.u16()?, reader.u16()?);
                if part >= parts || parts > MAX_PARTS {
                    return Err(DecodeError::Part { part, parts });
                }
                let entries = Entry::read_all(&mut reader)?;
                let claims = entries.into_iter().map(Entry::into_claim);
                Self::Set {
                    version,
                    part,
                    parts,
                    claims: claims.collect::<Result<_, _>>()?,
                }
            }
            4 => Self::Request {
                of: BootId(reader.u64()?),
                have: reader.u32()?,
            },
            other => return Err(DecodeError::Message(other)),
        };
        match reader.rest().len() {
            0 => Ok(message),
            more => Err(DecodeError::Trailing(more)),
        }
    }

    /// The message as it is sealed.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        match self {
            Self::Beacon(beacon) => {
                octets.push(1);
                beacon.write(&mut octets);
            }
            Self::Changes { from, to, entries } => {
                octets.push(2);
                octets.extend(from.to_be_bytes());
                octets.extend(to.to_be_bytes());
                entries.iter().for_each(|entry| entry.write(&mut octets));
            }
            Self::Set {
                version,
                part,
                parts,
                claims,
            } => {
                octets.push(3);
                octets.extend(version.to_be_bytes());
                octets.extend(part.to_be_bytes());
                octets.extend(parts.to_be_bytes());
                for (unit, claim) in claims {
                    Entry::new(*unit, Some(*claim)).write(&mut octets);
                }
            }
            Self::Request { of, have } => {
                octets.push(4);
                octets.extend(of.0.to_be_bytes());
                octets.extend(have.to_be_bytes());
            }
        }
        octets
    }
}

#[cfg(test)]
mod tests;
