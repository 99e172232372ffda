//! What fuzz targets need to get past the seal, which no mutation would. Not there in any other build.

use model::NodeName;

use crate::wire::{Header, Message, name_octets};
use crate::{BootId, Key};

/// A datagram of a speaker that has the key, whatever it says.
pub fn sealed(key: &Key, node: &NodeName, boot: BootId, sequence: u64, message: &[u8]) -> Vec<u8> {
    let header = Header {
        key: key.id(),
        boot,
        sequence,
        name: node.clone(),
    };
    let sealer = key.of_sender(name_octets(node), boot);
    sealer.seal(sequence, header.encode(), message.to_vec())
}

/// Decodes a header and a message; whether what can be decoded encodes to what decodes to the same.
pub fn decodes_alike(octets: &[u8]) -> bool {
    let header = Header::decode(octets).is_ok_and(|(header, _, _)| {
        let again = header.encode();
        Header::decode(&again).is_ok_and(|(value, _, _)| value == header)
    });
    let message =
        Message::decode(octets).is_ok_and(|message| Message::decode(&message.encode()) == Ok(message));
    (header || Header::decode(octets).is_err()) && (message || Message::decode(octets).is_err())
}
