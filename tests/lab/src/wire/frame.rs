//! What is said on the LAN about who has which address: written here once more, so that no mistake of the speaker's own
//! encoder goes unseen.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use anyhow::{Context, Result};

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let octets: Result<Vec<_>, _> = text
            .split(':')
            .map(|octet| u8::from_str_radix(octet, 16))
            .collect();
        let octets = octets.ok().and_then(|octets| octets.try_into().ok());
        octets
            .map(Self)
            .with_context(|| format!("`{text}` is no hardware address"))
    }
}

/// A host says where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The address.
    pub address: IpAddr,
    /// The hardware address that it is said to have: what other hosts believe.
    pub mac: Mac,
    /// The hardware address that the frame came from: what switches learn.
    pub from: Mac,
    /// An answer to somebody; otherwise it is said to everyone.
    pub asked: bool,
}

/// What was heard on the LAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Where an address is: an ARP reply or announcement, or a neighbour advertisement.
    Says(Said),
    /// A beacon or claims of the speaker with this hardware address.
    Beacon(Mac),
    /// Something else.
    Other,
}

const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const GROUP_OF_BEACONS: [u8; 4] = [224, 0, 0, 254];

impl Heard {
    /// What a frame says.
    pub(super) fn of(frame: &[u8]) -> Self {
        Self::understand(frame).unwrap_or(Self::Other)
    }

    fn understand(frame: &[u8]) -> Option<Self> {
        let (to, from) = (Mac(octets(frame, 0)?), Mac(octets(frame, 6)?));
        let everyone = to.0[0] & 1 == 1;
        match u16::from_be_bytes(octets(frame, 12)?) {
            ARP => {
                let operation = u16::from_be_bytes(octets(frame, 20)?);
                let (sender, target): ([u8; 4], [u8; 4]) = (octets(frame, 28)?, octets(frame, 38)?);
                let says = operation == 2 || operation == 1 && sender == target;
                says.then_some(Self::Says(Said {
                    address: Ipv4Addr::from(sender).into(),
                    mac: Mac(octets(frame, 22)?),
                    from,
                    asked: operation == 2 && !everyone,
                }))
            }
            IPV4 => (octets(frame, 30)? == GROUP_OF_BEACONS).then_some(Self::Beacon(from)),
            IPV6 => {
                const ADVERTISEMENT: u8 = 136;
                const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];
                let [kind] = octets(frame, 54)?;
                let with_mac = octets(frame, 78)? == TARGET_LINK_LAYER_ADDRESS;
                let target: [u8; 16] = octets(frame, 62)?;
                (kind == ADVERTISEMENT && with_mac).then_some(Self::Says(Said {
                    address: Ipv6Addr::from(target).into(),
                    mac: Mac(octets(frame, 80)?),
                    from,
                    asked: !everyone,
                }))
            }
            _ => None,
        }
    }
}

fn octets<const N: usize>(frame: &[u8], at: usize) -> Option<[u8; N]> {
    frame.get(at..at + N)?.try_into().ok()
}

/// A question for an IPv4 address; from the address itself it is an announcement.
pub(super) fn arp_request(from: Mac, sender: [u8; 4], target: Ipv4Addr) -> Vec<u8> {
    const ETHERNET_IPV4_REQUEST: [u8; 8] = [0, 1, 8, 0, 6, 4, 0, 1];
    let mut frame = ethernet(Mac([0xff; 6]), from, ARP);
    frame.extend(ETHERNET_IPV4_REQUEST);
    frame.extend(from.0);
    frame.extend(sender);
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame.resize(60, 0);
    frame
}

/// A question for an IPv6 address, to its solicited-node group.
pub(super) fn solicitation(from: Mac, source: [u8; 16], target: Ipv6Addr) -> Vec<u8> {
    const ICMPV6: u8 = 58;
    const SOLICITATION: u8 = 135;
    const SOURCE_LINK_LAYER_ADDRESS: [u8; 2] = [1, 1];
    let [.., x, y, z] = target.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z]).octets();

    let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    message.extend(SOURCE_LINK_LAYER_ADDRESS);
    message.extend(from.0);
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut summed = [source, group].concat();
    summed.extend([0, 0, length[0], length[1], 0, 0, 0, ICMPV6]);
    summed.extend(&message);
    message[2..4].copy_from_slice(&checksum(&summed).to_be_bytes());

    let mut frame = ethernet(Mac([0x33, 0x33, 0xff, x, y, z]), from, IPV6);
    frame.extend([0x60, 0, 0, 0, length[0], length[1], ICMPV6, 255]);
    frame.extend(source);
    frame.extend(group);
    frame.extend(message);
    frame
}

fn ethernet(to: Mac, from: Mac, ethertype: u16) -> Vec<u8> {
    [&to.0[..], &from.0, &ethertype.to_be_bytes()].concat()
}

/// RFC 1071, over an even number of octets.
fn checksum(octets: &[u8]) -> u16 {
    let sum: u32 = octets
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Mac = Mac([2, 0, 0, 0, 0, 1]);

    #[test]
    fn a_hardware_address_reads_as_it_is_written() {
        let text = "02:00:c0:a8:01:0b";
        assert_eq!(text.parse::<Mac>().unwrap().to_string(), text);
        assert!("02:00".parse::<Mac>().is_err());
    }

    #[test]
    fn a_question_says_nothing_and_an_announcement_does() {
        let target = Ipv4Addr::new(192, 168, 1, 200);
        assert_eq!(
            Heard::of(&arp_request(ME, [192, 168, 1, 1], target)),
            Heard::Other
        );
        let said = Said {
            address: target.into(),
            mac: ME,
            from: ME,
            asked: false,
        };
        assert_eq!(
            Heard::of(&arp_request(ME, target.octets(), target)),
            Heard::Says(said)
        );
    }

    #[test]
    fn a_solicitation_sums_to_nothing() {
        let source = Ipv6Addr::from([0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        let frame = solicitation(ME, source.octets(), "fd00:1::200".parse().unwrap());
        let mut summed = frame[22..54].to_vec();
        summed.extend([0, 0, 0, 32, 0, 0, 0, 58]);
        summed.extend(&frame[54..]);
        assert_eq!((frame.len(), checksum(&summed)), (86, 0));
    }

    #[test]
    fn what_is_cut_short_is_something_else() {
        let announcement = arp_request(ME, [192, 168, 1, 200], Ipv4Addr::new(192, 168, 1, 200));
        for length in 0..42 {
            assert_eq!(Heard::of(&announcement[..length]), Heard::Other);
        }
    }
}
