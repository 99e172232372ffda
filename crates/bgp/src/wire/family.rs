use std::fmt;

use model::Family;

/// An address family and what the addresses are for, as numbers: those that Herald does not know survive (RFC 4760 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FamilyCode {
    /// Address family identifier.
    pub afi: u16,
    /// Subsequent address family identifier.
    pub safi: u8,
}

impl FamilyCode {
    /// IPv4 unicast.
    pub const V4: Self = Self { afi: 1, safi: 1 };
    /// IPv6 unicast.
    pub const V6: Self = Self { afi: 2, safi: 1 };

    /// The family, if it is a unicast one.
    #[must_use]
    pub fn family(self) -> Option<Family> {
        match self {
            Self::V4 => Some(Family::V4),
            Self::V6 => Some(Family::V6),
            _ => None,
        }
    }
}

impl From<Family> for FamilyCode {
    fn from(family: Family) -> Self {
        match family {
            Family::V4 => Self::V4,
            Family::V6 => Self::V6,
        }
    }
}

impl fmt::Display for FamilyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family() {
            Some(family) => write!(f, "{family} unicast"),
            None => write!(f, "AFI {} SAFI {}", self.afi, self.safi),
        }
    }
}
