//! As much of BGP's messages as a peer needs that takes everything: written for itself, so that it can be wrong about
//! nothing that Herald's own code is wrong about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result, bail};

/// Marker, length and type.
pub(super) const HEADER: usize = 19;

const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;
const REACH: u8 = 14;
const UNREACH: u8 = 15;
const HOLD_TIME: u16 = 90;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Open,
    Update(Update),
    Notification(u8, u8),
    Keepalive,
    Other,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) announced: Vec<(IpAddr, u8)>,
    pub(super) withdrawn: Vec<(IpAddr, u8)>,
}

impl Update {
    /// Whether it is an End-of-RIB marker.
    pub(super) fn is_empty(&self) -> bool {
        self.announced.is_empty() && self.withdrawn.is_empty()
    }
}

/// The octets of the first message, if all of it is there.
pub(super) fn first(octets: &[u8]) -> Result<Option<&[u8]>> {
    let Some(header) = octets.get(..HEADER) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
    if header[..16] != [0xff; 16] || length < HEADER {
        bail!("a damaged header");
    }
    Ok(octets.get(..length))
}

/// Reads a whole message.
pub(super) fn read(message: &[u8]) -> Result<Message> {
    let body = message.get(HEADER..).context("a message without a header")?;
    Ok(match message[HEADER - 1] {
        OPEN => Message::Open,
        UPDATE => Message::Update(update(body)?),
        NOTIFICATION => {
            let code = body.first().context("an empty NOTIFICATION")?;
            Message::Notification(*code, body.get(1).copied().unwrap_or_default())
        }
        KEEPALIVE => Message::Keepalive,
        _ => Message::Other,
    })
}

/// An OPEN that offers both families, four-octet AS numbers and route refresh, and says that it knows graceful restart: others
/// mark the end of their routes for those who do.
pub(super) fn open(asn: u32, identifier: [u8; 4]) -> Vec<u8> {
    let short = u16::try_from(asn).unwrap_or(23456);
    let mut capabilities = vec![1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 64, 2, 0, 0, 65, 4];
    capabilities.extend(asn.to_be_bytes());
    let length = u8::try_from(capabilities.len()).unwrap_or_default();
    let mut body = vec![4];
    body.extend(short.to_be_bytes());
    body.extend(HOLD_TIME.to_be_bytes());
    body.extend(identifier);
    body.extend([length + 2, 2, length]);
    body.extend(capabilities);
    with_header(OPEN, &body)
}

pub(super) fn keepalive() -> Vec<u8> {
    with_header(KEEPALIVE, &[])
}

fn with_header(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + body.len()).unwrap_or(u16::MAX);
    let mut message = vec![0xff; 16];
    message.extend(length.to_be_bytes());
    message.push(kind);
    message.extend(body);
    message
}

fn update(body: &[u8]) -> Result<Update> {
    let (withdrawn, rest) = counted(body).context("withdrawn routes")?;
    let (mut attributes, announced) = counted(rest).context("attributes")?;
    let mut update = Update {
        withdrawn: prefixes(withdrawn, false)?,
        announced: prefixes(announced, false)?,
    };
    while !attributes.is_empty() {
        let (kind, value, rest) = attribute(attributes).context("an attribute that is cut off")?;
        attributes = rest;
        match kind {
            REACH => {
                let v6 = is_v6(value)?;
                let hop = usize::from(*value.get(3).context("no next hop")?);
                let nlri = value.get(5 + hop..).context("no prefixes")?;
                update.announced.extend(prefixes(nlri, v6)?);
            }
            UNREACH => {
                let v6 = is_v6(value)?;
                update
                    .withdrawn
                    .extend(prefixes(value.get(3..).unwrap_or_default(), v6)?);
            }
            _ => {}
        }
    }
    Ok(update)
}

/// A part that is preceded by its length, and what follows.
fn counted(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(u16::from_be_bytes(octets.get(..2)?.try_into().ok()?));
    octets.get(2..)?.split_at_checked(length)
}

fn attribute(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (flags, kind) = (*octets.first()?, *octets.get(1)?);
    let (value, rest) = if flags & 0x10 == 0 {
        octets.get(3..)?.split_at_checked(usize::from(*octets.get(2)?))?
    } else {
        counted(octets.get(2..)?)?
    };
    Some((kind, value, rest))
}

fn is_v6(value: &[u8]) -> Result<bool> {
    match value.get(..3) {
        Some([0, 1, 1]) => Ok(false),
        Some([0, 2, 1]) => Ok(true),
        other => bail!("an address family that was not offered: {other:?}"),
    }
}

fn prefixes(mut octets: &[u8], v6: bool) -> Result<Vec<(IpAddr, u8)>> {
    let mut prefixes = Vec::new();
    while let Some((length, rest)) = octets.split_first() {
        let count = usize::from(*length).div_ceil(8);
        let (address, rest) = rest.split_at_checked(count).context("a prefix that is cut off")?;
        octets = rest;
        let mut full = [0; 16];
        full.get_mut(..count)
            .context("a prefix that is too long")?
            .copy_from_slice(address);
        let address = if v6 {
            Ipv6Addr::from(full).into()
        } else {
            Ipv4Addr::new(full[0], full[1], full[2], full[3]).into()
        };
        prefixes.push((address, *length));
    }
    Ok(prefixes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_both_families_are_found_and_withdrawn() {
        let body = [
            // Withdrawn: 192.0.2.0/24.
            &[0, 4, 24, 192, 0, 2][..],
            // ORIGIN, then MP_REACH with an extended length.
            &[0, 37, 0x40, 1, 1, 0, 0x90, 14, 0, 29, 0, 2, 1, 16],
            &[0; 16],
            &[0, 56, 0x20, 1, 0xd, 0xb8, 0, 0, 1],
            // 198.51.100.1/32.
            &[32, 198, 51, 100, 1],
        ]
        .concat();
        let Message::Update(update) = read(&with_header(UPDATE, &body)).unwrap() else {
            panic!("no UPDATE");
        };
        let shown: Vec<_> = update
            .announced
            .iter()
            .map(|(ip, length)| format!("{ip}/{length}"))
            .collect();
        assert_eq!(shown, ["198.51.100.1/32", "2001:db8:0:100::/56"]);
        assert_eq!(update.withdrawn, [("192.0.2.0".parse().unwrap(), 24)]);
    }

    #[test]
    fn both_markers_of_an_end_are_empty() {
        for body in [&[0, 0, 0, 0][..], &[0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1]] {
            let message = with_header(UPDATE, body);
            assert_eq!(read(&message).unwrap(), Message::Update(Update::default()));
        }
    }

    #[test]
    fn a_message_is_cut_from_the_stream_only_when_all_of_it_is_there() {
        let message = open(4_200_000_000, [192, 0, 2, 1]);
        assert_eq!(first(&message[..message.len() - 1]).unwrap(), None);
        let two = [message.clone(), keepalive()].concat();
        assert_eq!(first(&two).unwrap(), Some(message.as_slice()));
        assert!(first(&[0; 19]).is_err());
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let body = [0, 0, 0, 0, 32, 192, 0, 2];
        assert!(read(&with_header(UPDATE, &body)).is_err());
    }
}
