use super::FamilyCode;
use super::reader::Reader;

/// What a speaker can do beyond RFC 4271 (RFC 5492).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Routes of a family (RFC 4760 §8).
    MultiProtocol(FamilyCode),
    /// It says all routes again when asked (RFC 2918).
    RouteRefresh,
    /// Routes of the family may point to a next hop of the address family with this number (RFC 8950 §4).
    ExtendedNextHop(Vec<(FamilyCode, u16)>),
    /// It takes messages of up to 65535 octets (RFC 8654).
    ExtendedMessage,
    /// It knows that routes may be kept while their speaker restarts.
    GracefulRestart(GracefulRestart),
    /// Its AS number, and that it takes paths of such (RFC 6793).
    FourOctetAs(u32),
    /// It marks the beginning and the end when it says all routes again (RFC 7313).
    EnhancedRouteRefresh,
    /// Anything else.
    Unknown {
        /// Its number.
        code: u8,
        /// What belongs to it.
        value: Vec<u8>,
    },
}

/// RFC 4724 §3, with the N bit of RFC 8538 §2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GracefulRestart {
    /// The speaker has restarted (R).
    pub restarted: bool,
    /// Routes are kept after a NOTIFICATION too, unless it is a Hard Reset (N).
    pub notification: bool,
    /// For how many seconds its routes are to be kept: 12 bits.
    pub restart_time: u16,
    /// The families, and whether what was announced of them is forwarded still (F).
    pub families: Vec<(FamilyCode, bool)>,
}

const MULTI_PROTOCOL: u8 = 1;
const ROUTE_REFRESH: u8 = 2;
const EXTENDED_NEXT_HOP: u8 = 5;
const EXTENDED_MESSAGE: u8 = 6;
const GRACEFUL_RESTART: u8 = 64;
const FOUR_OCTET_AS: u8 = 65;
const ENHANCED_ROUTE_REFRESH: u8 = 70;

impl Capability {
    /// None: the value is not what the code says.
    pub(super) fn decode(code: u8, value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let capability = match code {
            MULTI_PROTOCOL => {
                let (afi, _reserved, safi) = (reader.u16()?, reader.u8()?, reader.u8()?);
                Self::MultiProtocol(FamilyCode { afi, safi })
            }
            EXTENDED_NEXT_HOP => {
                let mut triples = Vec::new();
                while !reader.is_empty() {
                    let (afi, safi, next_hop) = (reader.u16()?, reader.u16()?, reader.u16()?);
                    // The field is wider here than anywhere else: no family has such a number.
                    if let Ok(safi) = u8::try_from(safi) {
                        triples.push((FamilyCode { afi, safi }, next_hop));
                    }
                }
                Self::ExtendedNextHop(triples)
            }
            GRACEFUL_RESTART => Self::GracefulRestart(GracefulRestart::read(&mut reader)?),
            FOUR_OCTET_AS => Self::FourOctetAs(reader.u32()?),
            // These say all by being there.
            ROUTE_REFRESH => return Some(Self::RouteRefresh),
            EXTENDED_MESSAGE => return Some(Self::ExtendedMessage),
            ENHANCED_ROUTE_REFRESH => return Some(Self::EnhancedRouteRefresh),
            code => {
                let value = value.to_vec();
                return Some(Self::Unknown { code, value });
            }
        };
        reader.is_empty().then_some(capability)
    }

    /// Code, length and value. Of what does not fit into 255 octets only the beginning.
    pub(super) fn encode(&self) -> Vec<u8> {
        let (code, mut value) = match self {
            Self::MultiProtocol(FamilyCode { afi, safi }) => {
                let [high, low] = afi.to_be_bytes();
                (MULTI_PROTOCOL, vec![high, low, 0, *safi])
            }
            Self::RouteRefresh => (ROUTE_REFRESH, Vec::new()),
            Self::ExtendedNextHop(triples) => {
                let triple = |(FamilyCode { afi, safi }, next_hop): &(FamilyCode, u16)| {
                    [*afi, u16::from(*safi), *next_hop].map(u16::to_be_bytes).concat()
                };
                let most = usize::from(u8::MAX) / 6;
                (
                    EXTENDED_NEXT_HOP,
                    triples.iter().take(most).flat_map(triple).collect(),
                )
            }
            Self::ExtendedMessage => (EXTENDED_MESSAGE, Vec::new()),
            Self::GracefulRestart(restart) => (GRACEFUL_RESTART, restart.value()),
            Self::FourOctetAs(asn) => (FOUR_OCTET_AS, asn.to_be_bytes().to_vec()),
            Self::EnhancedRouteRefresh => (ENHANCED_ROUTE_REFRESH, Vec::new()),
            Self::Unknown { code, value } => (*code, value.clone()),
        };
        value.truncate(usize::from(u8::MAX));
        let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
        [vec![code, length], value].concat()
    }
}

impl GracefulRestart {
    const RESTARTED: u16 = 0x8000;
    const NOTIFICATION: u16 = 0x4000;
    const TIME: u16 = 0x0FFF;
    const FORWARDING: u8 = 0x80;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.u16()?;
        let mut families = Vec::new();
        while !reader.is_empty() {
            let (afi, safi, flags) = (reader.u16()?, reader.u8()?, reader.u8()?);
            families.push((FamilyCode { afi, safi }, flags & Self::FORWARDING != 0));
        }
        Some(Self {
            restarted: first & Self::RESTARTED != 0,
            notification: first & Self::NOTIFICATION != 0,
            restart_time: first & Self::TIME,
            families,
        })
    }

    fn value(&self) -> Vec<u8> {
        let bit = |is: bool, bit: u16| if is { bit } else { 0 };
        let first = bit(self.restarted, Self::RESTARTED)
            | bit(self.notification, Self::NOTIFICATION)
            | self.restart_time.min(Self::TIME);
        let mut value = first.to_be_bytes().to_vec();
        let most = (usize::from(u8::MAX) - value.len()) / 4;
        for (FamilyCode { afi, safi }, forwarding) in self.families.iter().take(most) {
            value.extend(afi.to_be_bytes());
            value.extend([*safi, if *forwarding { Self::FORWARDING } else { 0 }]);
        }
        value
    }
}
