use std::net::Ipv4Addr;

use super::reader::Reader;
use super::{AS_TRANS, Capability, HEADER, Notification};

/// RFC 4271 §4.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The speaker's AS number, or [`AS_TRANS`] where two octets do not hold it; [`Open::asn`] knows.
    pub my_as: u16,
    /// The hold time it offers, in seconds: 0, or 3 and more.
    pub hold_time: u16,
    /// Its BGP identifier; never 0.0.0.0.
    pub identifier: Ipv4Addr,
    /// What it can do, in the order that it says so.
    pub capabilities: Vec<Capability>,
}

const VERSION: u8 = 4;
/// The parameter that holds capabilities (RFC 5492 §4).
const CAPABILITIES: u8 = 2;
/// In the place of the first parameter's number: lengths have two octets (RFC 9072 §2).
const EXTENDED: u8 = 255;
/// What can be said in one parameter of the old kind.
const MOST: usize = 255 - 2;

impl Open {
    /// The AS number, with the capability that holds four octets (RFC 6793 §3).
    #[must_use]
    pub fn asn(&self) -> u32 {
        let four_octets = self.capabilities.iter().find_map(|capability| match capability {
            Capability::FourOctetAs(asn) => Some(*asn),
            Capability::MultiProtocol(_)
            | Capability::RouteRefresh
            | Capability::ExtendedNextHop(_)
            | Capability::ExtendedMessage
            | Capability::GracefulRestart(_)
            | Capability::EnhancedRouteRefresh
            | Capability::Unknown { .. } => None,
        });
        four_octets.unwrap_or_else(|| self.my_as.into())
    }

    /// What [`Open::my_as`] is to be for this AS number.
    #[must_use]
    pub fn two_octets(asn: u32) -> u16 {
        u16::try_from(asn).unwrap_or(AS_TRANS)
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Notification> {
        let mut reader = Reader::new(body);
        let Some((version, my_as, hold_time, identifier, parameters)) = (|| {
            let (version, my_as, hold_time) = (reader.u8()?, reader.u16()?, reader.u16()?);
            Some((version, my_as, hold_time, reader.array()?, reader.u8()?))
        })() else {
            return Err(Notification::bad_message_length(HEADER + body.len()));
        };
        // What another version has after its number is not for us to judge.
        if version != VERSION {
            return Err(Notification::unsupported_version());
        }
        if matches!(hold_time, 1 | 2) {
            return Err(Notification::unacceptable_hold_time());
        }
        let identifier = Ipv4Addr::from(identifier);
        if identifier.is_unspecified() {
            return Err(Notification::bad_identifier());
        }
        let open = Self {
            my_as,
            hold_time,
            identifier,
            capabilities: read_parameters(parameters, reader.rest())?,
        };
        // RFC 7607 §2.
        if my_as == 0 || open.asn() == 0 {
            return Err(Notification::bad_peer_as());
        }
        Ok(open)
    }

    /// What follows the header. Capabilities share one parameter, which is an extended one only if they do not fit otherwise:
    /// that is what the oldest peers understand best.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = vec![VERSION];
        body.extend(self.my_as.to_be_bytes());
        body.extend(self.hold_time.to_be_bytes());
        body.extend(self.identifier.octets());
        let mut value: Vec<u8> = Vec::new();
        for capability in self.capabilities.iter().map(Capability::encode) {
            // Ten octets before, and seven for the extended form.
            if HEADER + 10 + 7 + value.len() + capability.len() > super::MAX_MESSAGE {
                break;
            }
            value.extend(capability);
        }
        match u8::try_from(value.len()) {
            Ok(0) => body.push(0),
            Ok(length) if value.len() <= MOST => body.extend([length + 2, CAPABILITIES, length]),
            _ => {
                let [length, whole] =
                    [value.len(), value.len() + 3].map(|length| (length as u16).to_be_bytes());
                body.extend([EXTENDED, EXTENDED, whole[0], whole[1]]);
                body.extend([CAPABILITIES, length[0], length[1]]);
            }
        }
        body.extend(value);
        body
    }
}

/// The parameters, in either form: `length` is the octet before them.
fn read_parameters(length: u8, octets: &[u8]) -> Result<Vec<Capability>, Notification> {
    let mut reader = Reader::new(octets);
    // The octet is to be ignored once the next one says that it means nothing, but must not be 0 (RFC 9072 §2).
    let extended = length != 0 && octets.first() == Some(&EXTENDED);
    let length = if extended {
        reader.u8().and_then(|_marker| reader.u16()).map(usize::from)
    } else {
        Some(length.into())
    };
    if length != Some(reader.rest().len()) {
        return Err(Notification::malformed_open());
    }
    let mut capabilities = Vec::new();
    while let Some(number) = reader.u8() {
        let length = if extended {
            reader.u16().map(usize::from)
        } else {
            reader.u8().map(usize::from)
        };
        let value = length.and_then(|length| reader.octets(length));
        let value = value.ok_or_else(Notification::malformed_open)?;
        if number != CAPABILITIES {
            return Err(Notification::unsupported_parameter());
        }
        read_capabilities(value, &mut capabilities).ok_or_else(Notification::malformed_open)?;
    }
    Ok(capabilities)
}

fn read_capabilities(octets: &[u8], capabilities: &mut Vec<Capability>) -> Option<()> {
    let mut reader = Reader::new(octets);
    while !reader.is_empty() {
        let (code, length) = (reader.u8()?, reader.u8()?);
        capabilities.push(Capability::decode(code, reader.octets(length.into())?)?);
    }
    Some(())
}
