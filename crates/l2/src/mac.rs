use std::fmt;

/// The hardware address of one station: 48 bits, neither zero nor a group address.
///
/// What it cannot be is what nobody may claim to be: RFC 826 knows no sender without an address, and a reply to a group
/// address would reach everybody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The station with these octets, most significant first as on the wire.
    pub fn new(octets: [u8; 6]) -> Result<Self, MacError> {
        if octets == [0; 6] {
            return Err(MacError::Zero);
        }
        // The group bit is the first one on the wire, the lowest of the first octet (IEEE 802 §8.2).
        if octets[0] & 1 == 1 {
            return Err(MacError::Group(octets));
        }
        Ok(Self(octets))
    }

    /// The octets, most significant first as on the wire.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Six octets that are no station's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// All octets are zero.
    #[error("the hardware address is zero")]
    Zero,
    /// The octets name a group: multicast or broadcast.
    #[error("the hardware address {0:02x?} is a group address")]
    Group([u8; 6]),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_station() {
        assert_eq!(Mac::new([0; 6]), Err(MacError::Zero));
    }

    #[test]
    fn a_group_is_no_station() {
        let multicast = [0x01, 0, 0x5e, 0, 0, 1];
        assert_eq!(Mac::new(multicast), Err(MacError::Group(multicast)));
        assert_eq!(Mac::new([0xff; 6]), Err(MacError::Group([0xff; 6])));
    }

    #[test]
    fn a_station_is_written_with_colons() {
        let mac = Mac::new([0x02, 0, 0, 0xab, 0xc, 1]).unwrap();
        assert_eq!(mac.to_string(), "02:00:00:ab:0c:01");
    }
}
