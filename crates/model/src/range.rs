use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of `address`.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Addresses of one family from `first` to `last`, both included; `first` is never after `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Why a text is no [`AddressRange`]. Each variant carries what the user wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Neither a CIDR nor two addresses with a dash between them.
    #[error("{0:?} is neither a prefix nor a range: write 192.0.2.0/24 or 192.0.2.10-192.0.2.20")]
    NotARange(String),
    /// A part that should be an address is none.
    #[error("{part:?} in {entry:?} is not an IP address: {source}")]
    NotAnAddress {
        /// The whole entry.
        entry: String,
        /// The part that cannot be read.
        part: String,
        /// What is wrong with it.
        source: AddrParseError,
    },
    /// The prefix length is no number, or too long for the family.
    #[error("{part:?} in {entry:?} is not a prefix length: write 0 to {most}")]
    PrefixLength {
        /// The whole entry.
        entry: String,
        /// The part after the slash.
        part: String,
        /// The longest prefix length of the family.
        most: u8,
    },
    /// The two ends are of different families.
    #[error("the ends of {0:?} are of different families: write two IPv4 or two IPv6 addresses")]
    MixedFamilies(String),
    /// The range is the wrong way round.
    #[error("{first} is after {last}: write {last}-{first}")]
    WrongWayRound {
        /// The first address as written.
        first: IpAddr,
        /// The last address as written.
        last: IpAddr,
    },
}

impl AddressRange {
    /// The range from `first` to `last`.
    ///
    /// # Errors
    /// Refuses ends of different families and a `first` that is after `last`.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, RangeError> {
        if Family::of(first) != Family::of(last) {
            return Err(RangeError::MixedFamilies(format!("{first}-{last}")));
        }
        if first > last {
            return Err(RangeError::WrongWayRound { first, last });
        }
        Ok(Self { first, last })
    }

    /// The lowest address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// The family of every address in the range.
    pub fn family(&self) -> Family {
        Family::of(self.first)
    }

    /// The length of the shortest prefix that lies in the range: of the largest block of those that it splits into.
    pub fn shortest_prefix(&self) -> u8 {
        let (first, last, width) = match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits().into(), last.to_bits().into(), 32),
            (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return u8::MAX,
        };
        let holds_a_block = |length: &u8| {
            // What the first address lacks to the next multiple of the block's size, and the rest of the block.
            let rest = u128::MAX
                .checked_shr(128 - u32::from(width - length))
                .unwrap_or_default();
            let begins = first.checked_add(rest).map(|up| up & !rest);
            begins.is_some_and(|begins| begins <= last && last - begins >= rest)
        };
        (0..width).find(holds_a_block).unwrap_or(width)
    }

    /// Whether `address` lies in the range. An address of the other family never does.
    pub fn contains(&self, address: IpAddr) -> bool {
        Family::of(address) == self.family() && self.first <= address && address <= self.last
    }

    /// Whether the two ranges have an address in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.family() == other.family() && self.first <= other.last && other.first <= self.last
    }
}

/// The range of one address.
impl From<IpAddr> for AddressRange {
    fn from(address: IpAddr) -> Self {
        Self {
            first: address,
            last: address,
        }
    }
}

/// As a user would write it: a prefix where the range is one, else both ends.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix() {
            Some(prefix) => write!(f, "{prefix}"),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl AddressRange {
    fn prefix(&self) -> Option<IpNet> {
        let (width, differing) = match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                (32, 32 - (first.to_bits() ^ last.to_bits()).leading_zeros())
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                (128, 128 - (first.to_bits() ^ last.to_bits()).leading_zeros())
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        };
        let prefix = IpNet::new(self.first, (width - differing) as u8).ok()?;
        (prefix.network() == self.first && last_of(&prefix) == self.last).then_some(prefix)
    }
}

/// Reads `192.0.2.0/24` or `192.0.2.10-192.0.2.20`, with blanks around the dash or not. Host bits of a prefix are
/// ignored: `198.51.100.10/24` means the whole /24 (P-ALLOC-12).
impl FromStr for AddressRange {
    type Err = RangeError;

    fn from_str(entry: &str) -> Result<Self, RangeError> {
        if let Some((first, last)) = entry.split_once('-') {
            return Self::new(address(entry, first)?, address(entry, last)?);
        }
        let Some((network, length)) = entry.split_once('/') else {
            return Err(RangeError::NotARange(entry.to_owned()));
        };
        let network = address(entry, network)?;
        let prefix = prefix(network, length.trim()).ok_or_else(|| RangeError::PrefixLength {
            entry: entry.to_owned(),
            part: length.trim().to_owned(),
            most: if network.is_ipv4() { 32 } else { 128 },
        })?;
        Ok(Self {
            first: prefix.network(),
            last: last_of(&prefix),
        })
    }
}

fn address(entry: &str, part: &str) -> Result<IpAddr, RangeError> {
    let part = part.trim();
    part.parse().map_err(|source| RangeError::NotAnAddress {
        entry: entry.to_owned(),
        part: part.to_owned(),
        source,
    })
}

fn prefix(network: IpAddr, length: &str) -> Option<IpNet> {
    IpNet::new(network, length.parse().ok()?).ok()
}

/// `IpNet::broadcast` is the last address in both families, but its name says otherwise for IPv6.
fn last_of(prefix: &IpNet) -> IpAddr {
    match prefix {
        IpNet::V4(prefix) => {
            Ipv4Addr::from_bits(prefix.network().to_bits() | prefix.hostmask().to_bits()).into()
        }
        IpNet::V6(prefix) => {
            Ipv6Addr::from_bits(prefix.network().to_bits() | prefix.hostmask().to_bits()).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(entry: &str) -> AddressRange {
        entry.parse().unwrap()
    }

    fn ends(entry: &str) -> (String, String) {
        (range(entry).first().to_string(), range(entry).last().to_string())
    }

    #[test]
    fn a_prefix_with_host_bits_means_the_whole_prefix() {
        assert_eq!(
            ends("198.51.100.10/24"),
            ("198.51.100.0".into(), "198.51.100.255".into())
        );
        assert_eq!(
            ends("2001:db8::7/126"),
            ("2001:db8::4".into(), "2001:db8::7".into())
        );
        assert_eq!(ends("0.0.0.0/0"), ("0.0.0.0".into(), "255.255.255.255".into()));
    }

    #[test]
    fn blanks_around_the_dash_are_ignored() {
        assert_eq!(range("192.0.2.10 - 192.0.2.20"), range("192.0.2.10-192.0.2.20"));
    }

    #[test]
    fn each_mistake_is_named_with_what_to_write() {
        let message = |entry: &str| entry.parse::<AddressRange>().unwrap_err().to_string();
        assert_eq!(
            message("192.0.2.1"),
            "\"192.0.2.1\" is neither a prefix nor a range: write 192.0.2.0/24 or 192.0.2.10-192.0.2.20"
        );
        assert!(
            message("192.0.2.300/24").contains("\"192.0.2.300\" in \"192.0.2.300/24\" is not an IP address")
        );
        assert!(message("192.0.2.0/33").contains("write 0 to 32"));
        assert!(message("2001:db8::/129").contains("write 0 to 128"));
        assert!(message("192.0.2.0/").contains("is not a prefix length"));
        assert!(message("192.0.2.1-2001:db8::1").contains("different families"));
        assert_eq!(
            message("192.0.2.9-192.0.2.1"),
            "192.0.2.9 is after 192.0.2.1: write 192.0.2.1-192.0.2.9"
        );
    }

    /// P-CFG-7
    #[test]
    fn a_range_counts_by_the_largest_of_the_prefixes_that_it_splits_into() {
        for (entry, expected) in [
            ("192.0.2.0/24", 24),
            ("192.0.2.7/32", 32),
            ("192.0.2.7-192.0.2.8", 32),
            ("192.0.2.1-192.0.2.255", 25),
            ("192.0.2.100-192.0.3.100", 25),
            ("192.0.2.100-192.0.2.190", 27),
            ("0.0.0.0/0", 0),
            ("255.255.255.255/32", 32),
            ("::/0", 0),
            ("2001:db8::/56", 56),
            ("2001:db8::1-2001:db8::1", 128),
            ("ffff::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 17),
        ] {
            assert_eq!(range(entry).shortest_prefix(), expected, "{entry}");
        }
    }

    #[test]
    fn families_never_overlap_nor_contain_each_other() {
        assert!(!range("0.0.0.0/0").overlaps(&range("::/0")));
        assert!(!range("0.0.0.0/0").contains("::1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn what_is_displayed_reads_back_as_the_same_range(first: u32, length in 0u32..70_000) {
            let last = first.saturating_add(length);
            let range = AddressRange::new(Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into()).unwrap();
            prop_assert_eq!(range.to_string().parse::<AddressRange>().unwrap(), range);
        }

        #[test]
        fn any_text_gives_a_range_or_an_error(entry in "\\PC{0,40}") {
            let _ = entry.parse::<AddressRange>();
        }
    }
}
