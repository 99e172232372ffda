use std::time::Duration;

use super::reader::{Reader, write_address};
use super::{Beacon, Claim, DecodeError, Echo, Kind, State, UnitId};
use crate::BootId;
use crate::identity::Node;

/// The flag of a beacon that says that its sender has not heard from the API lately. Other flags mean nothing yet.
const OLD_FACTS: u8 = 1;

/// What became of a unit in a sender's set: a claim, or none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) unit: UnitId,
    pub(crate) claim: Option<Claim>,
}

impl Entry {
    /// The octets that the longest one takes: IPv6, and offered.
    pub(crate) const MAX: usize = 17 + 1 + 4 + 8 + 1;

    pub(crate) fn new(unit: UnitId, claim: Option<Claim>) -> Self {
        Self { unit, claim }
    }

    pub(crate) fn into_claim(self) -> Result<(UnitId, Claim), DecodeError> {
        let claim = self.claim.ok_or(DecodeError::Claim(0))?;
        Ok((self.unit, claim))
    }

    pub(crate) fn read_all(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        let mut entries = Vec::new();
        while !reader.is_empty() {
            entries.push(Self::read(reader)?);
        }
        Ok(entries)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let unit = UnitId(reader.address()?);
        let (code, term) = (reader.u8()?, reader.u32()?);
        let kind = match code {
            0 => return Ok(Self::new(unit, None)),
            1 => Kind::Leaving,
            2 => Kind::Weak,
            3 => Kind::Strong,
            4 => Kind::Offered {
                to: Node(reader.u64()?),
                fresh: reader.u8()?,
            },
            5 => Kind::ForBetter { takes: reader.u8()? },
            6 => Kind::Takes(reader.u8()?),
            other => return Err(DecodeError::Claim(other)),
        };
        Ok(Self::new(unit, Some(Claim { kind, term })))
    }

    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        write_address(octets, self.unit.0);
        let (kind, term) = match self.claim {
            None => (None, 0),
            Some(Claim { kind, term }) => (Some(kind), term),
        };
        octets.push(match kind {
            None => 0,
            Some(Kind::Leaving) => 1,
            Some(Kind::Weak) => 2,
            Some(Kind::Strong) => 3,
            Some(Kind::Offered { .. }) => 4,
            Some(Kind::ForBetter { .. }) => 5,
            Some(Kind::Takes(_)) => 6,
        });
        octets.extend(term.to_be_bytes());
        match kind {
            Some(Kind::Offered { to, fresh }) => {
                octets.extend(to.0.to_be_bytes());
                octets.push(fresh);
            }
            Some(Kind::ForBetter { takes } | Kind::Takes(takes)) => octets.push(takes),
            Some(Kind::Leaving | Kind::Weak | Kind::Strong) | None => {}
        }
    }
}

impl Beacon {
    /// What a beacon takes besides its addresses and echoes.
    const FIXED: usize = 1 + 1 + 1 + 2 + 6 + 4 + 4 + 8 + 1 + 1;
    const ECHO: usize = 8 + 4;

    /// How many echoes go into one datagram of a sender with a header of this length.
    pub(crate) fn room(header: usize, addresses: usize) -> usize {
        let room = crate::MAX_DATAGRAM - crate::seal::TAG;
        let left = room.saturating_sub(header + Self::FIXED + 17 * addresses);
        (left / Self::ECHO).min(usize::from(u8::MAX))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let state = State::decode(reader.u8()?)?;
        let fresh = reader.u8()? & OLD_FACTS == 0;
        let interval = Duration::from_millis(reader.u16()?.into());
        if interval.is_zero() {
            return Err(DecodeError::Interval);
        }
        let (mac, held) = (reader.array()?, reader.u32()?);
        let (version, digest) = (reader.u32()?, reader.u64()?);
        let count = reader.u8()?;
        if usize::from(count) > crate::MAX_ADDRESSES {
            return Err(DecodeError::Addresses(count));
        }
        let addresses = (0..count).map(|_| reader.address()).collect::<Result<_, _>>()?;
        let echoes = (0..reader.u8()?)
            .map(|_| Echo::read(reader))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            state,
            fresh,
            interval,
            mac,
            held,
            version,
            digest,
            addresses,
            echoes,
        })
    }

    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        octets.push(self.state.code());
        octets.push(if self.fresh { 0 } else { OLD_FACTS });
        let interval = u16::try_from(self.interval.as_millis()).unwrap_or(u16::MAX);
        octets.extend(interval.max(1).to_be_bytes());
        octets.extend(self.mac);
        octets.extend(self.held.to_be_bytes());
        octets.extend(self.version.to_be_bytes());
        octets.extend(self.digest.to_be_bytes());
        let addresses = &self.addresses[..self.addresses.len().min(crate::MAX_ADDRESSES)];
        octets.push(addresses.len() as u8);
        addresses
            .iter()
            .for_each(|address| write_address(octets, *address));
        let echoes = &self.echoes[..self.echoes.len().min(usize::from(u8::MAX))];
        octets.push(echoes.len() as u8);
        for Echo { boot, sequence } in echoes {
            octets.extend(boot.0.to_be_bytes());
            octets.extend(sequence.to_be_bytes());
        }
    }
}

impl Echo {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            boot: BootId(reader.u64()?),
            sequence: reader.u32()?,
        })
    }
}

impl State {
    fn decode(code: u8) -> Result<Self, DecodeError> {
        match code {
            1 => Ok(Self::Listening),
            2 => Ok(Self::Ready),
            3 => Ok(Self::Draining),
            4 => Ok(Self::Restarting),
            5 => Ok(Self::Unable),
            6 => Ok(Self::Leaving),
            other => Err(DecodeError::State(other)),
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Listening => 1,
            Self::Ready => 2,
            Self::Draining => 3,
            Self::Restarting => 4,
            Self::Unable => 5,
            Self::Leaving => 6,
        }
    }
}
