//! What the targets share.

mod allocation;

pub use allocation::{Watched, largest_of};

/// The frame with the checksum that an ICMPv6 message has to have (RFC 4443 §2.3): no mutation would ever hit it.
pub fn with_checksum(frame: &[u8]) -> Vec<u8> {
    const HEADERS: usize = 14 + 40;
    let mut frame = frame.to_vec();
    let length = usize::from(frame.get(19).copied().unwrap_or_default())
        | usize::from(frame.get(18).copied().unwrap_or_default()) << 8;
    if frame.len() < HEADERS + length || length < 4 {
        return frame;
    }
    frame[HEADERS + 2..HEADERS + 4].fill(0);
    let message = &frame[HEADERS..HEADERS + length];
    let pseudo = [&frame[22..54], &(length as u32).to_be_bytes(), &[0, 0, 0, 58]].concat();
    let sum = words(&pseudo) + words(message);
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let checksum = !(folded as u16);
    frame[HEADERS + 2..HEADERS + 4].copy_from_slice(&checksum.to_be_bytes());
    frame
}

fn words(octets: &[u8]) -> u64 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or_default());
    octets.chunks(2).map(word).sum()
}

/// Cuts octets into the steps of a history: of each a first octet, which says what it is, and what belongs to it.
pub fn steps(mut octets: &[u8]) -> Vec<(u8, &[u8])> {
    let mut steps = Vec::new();
    while let [kind, length, rest @ ..] = octets {
        let (content, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        steps.push((*kind, content));
        octets = rest;
    }
    steps
}
