use super::reader::Reader;
use super::{FamilyCode, HEADER, Notification, encode, kind};

/// RFC 2918 §3, with the subtypes of RFC 7313 §3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRefresh {
    /// Which routes.
    pub family: FamilyCode,
    /// One of the numbers below; others are to be ignored.
    pub subtype: u8,
}

impl RouteRefresh {
    /// A wish to hear all routes again.
    pub const NORMAL: u8 = 0;
    /// All routes follow (BoRR).
    pub const BEGIN: u8 = 1;
    /// All routes have been said again (EoRR).
    pub const END: u8 = 2;

    pub(super) fn decode(body: &[u8]) -> Result<Self, Notification> {
        let mut reader = Reader::new(body);
        let (afi, subtype, safi) = (reader.u16(), reader.u8(), reader.u8());
        let marks = matches!(subtype, Some(Self::BEGIN | Self::END));
        if marks && body.len() != 4 {
            let message = encode::message(kind::ROUTE_REFRESH, body);
            return Err(Notification::route_refresh_length(&message));
        }
        match (afi, subtype, safi) {
            // What follows is a filter of RFC 5291, which nobody was told that we know.
            (Some(afi), Some(subtype), Some(safi)) => Ok(Self {
                family: FamilyCode { afi, safi },
                subtype,
            }),
            _ => Err(Notification::bad_message_length(HEADER + body.len())),
        }
    }
}
