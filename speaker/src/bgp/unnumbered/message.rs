//! Router Solicitations and Advertisements (RFC 4861 §4.1, §4.2). The kernel sees to the checksum, both ways.

use std::net::Ipv6Addr;
use std::time::Duration;

use nix::ifaddrs::getifaddrs;

const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
const SOLICITATION_LENGTH: usize = 8;
const ADVERTISEMENT_LENGTH: usize = 16;
const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub(super) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Routers, where are you?
    Solicitation,
    /// Here.
    Advertisement {
        /// For so long hosts may use the sender as their default router: never, if it is zero.
        lifetime: Duration,
    },
}

/// The hardware address that a message names, if its interface has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Station(Option<[u8; 6]>);

impl Station {
    pub(super) fn of(interface: &str) -> Self {
        let addresses = getifaddrs().into_iter().flatten();
        let ours = addresses.filter(|address| address.interface_name == interface);
        let mut hardware = ours.filter_map(|address| address.address?.as_link_addr()?.addr());
        Self(hardware.find(|address| *address != [0; 6]))
    }
}

impl Message {
    /// Reads one, and checks what RFC 4861 §6.1 wants of it beyond its source and its hop limit; none for anything else.
    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        let (kind, code) = (*octets.first()?, *octets.get(1)?);
        let (message, length) = match (kind, code) {
            (SOLICITATION, 0) => (Self::Solicitation, SOLICITATION_LENGTH),
            (ADVERTISEMENT, 0) => {
                let lifetime = u16::from_be_bytes(*octets.get(6..)?.first_chunk()?);
                let lifetime = Duration::from_secs(lifetime.into());
                (Self::Advertisement { lifetime }, ADVERTISEMENT_LENGTH)
            }
            _ => return None,
        };
        let mut options = octets.get(length..)?;
        while let [_, units, ..] = *options {
            // A length of zero would never end.
            if units == 0 {
                return None;
            }
            options = options.get(8 * usize::from(units)..)?;
        }
        options.is_empty().then_some(message)
    }

    pub(super) fn encode(self, station: Station) -> Vec<u8> {
        let mut octets = match self {
            Self::Solicitation => {
                let mut octets = vec![0; SOLICITATION_LENGTH];
                octets[0] = SOLICITATION;
                octets
            }
            Self::Advertisement { lifetime } => {
                let mut octets = vec![0; ADVERTISEMENT_LENGTH];
                octets[0] = ADVERTISEMENT;
                let seconds = u16::try_from(lifetime.as_secs()).unwrap_or(u16::MAX);
                octets[6..8].copy_from_slice(&seconds.to_be_bytes());
                octets
            }
        };
        if let Station(Some(address)) = station {
            octets.extend([SOURCE_LINK_LAYER_ADDRESS, 1]);
            octets.extend(address);
        }
        octets
    }

    /// Whom it is for.
    pub(super) fn group(self) -> Ipv6Addr {
        match self {
            Self::Solicitation => ALL_ROUTERS,
            Self::Advertisement { .. } => ALL_NODES,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATION: Station = Station(Some([2, 0, 0, 0, 0, 7]));

    fn advertisement(seconds: u64) -> Message {
        Message::Advertisement {
            lifetime: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn messages_are_the_octets_of_the_rfc_both_ways() {
        let solicitation = [133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 7];
        assert_eq!(Message::Solicitation.encode(STATION), solicitation);
        assert_eq!(Message::decode(&solicitation), Some(Message::Solicitation));
        let octets = [
            134, 0, 0, 0, 0, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 7,
        ];
        assert_eq!(advertisement(1800).encode(STATION), octets);
        assert_eq!(Message::decode(&octets), Some(advertisement(1800)));
    }

    #[test]
    fn no_part_of_a_message_is_one_unless_it_ends_with_an_option() {
        let octets = advertisement(30).encode(STATION);
        for length in 0..octets.len() {
            let expected = (length == ADVERTISEMENT_LENGTH).then_some(advertisement(30));
            assert_eq!(Message::decode(&octets[..length]), expected, "{length} octets");
        }
    }

    #[test]
    fn an_option_without_a_length_spoils_the_message() {
        let mut octets = advertisement(30).encode(STATION);
        octets[17] = 0;
        assert_eq!(Message::decode(&octets), None);
        octets[17] = 2;
        assert_eq!(Message::decode(&octets), None, "longer than what there is");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in prop::collection::vec(any::<u8>(), 0..64), router in any::<bool>()) {
            if let Some(first) = octets.first_mut() {
                *first = if router { 134 } else { 133 };
            }
            let _ = Message::decode(&octets);
        }
    }
}
