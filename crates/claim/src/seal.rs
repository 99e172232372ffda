//! Keys, and datagrams under them.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hkdf::{HKDF_SHA256, Prk};

use crate::BootId;

/// How much longer a datagram is for being sealed.
pub(crate) const TAG: usize = 16;

/// A key that the speakers of a cluster share.
///
/// No datagram is sealed with it: what seals is a key derived from it for one life of one node's speaker, so that no two
/// speakers ever seal two datagrams with the same key and counter.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    octets: [u8; 32],
    id: u32,
}

/// The keys of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// What our own datagrams are sealed under.
    pub seal: Key,
    /// What others' datagrams may be sealed under besides: during a rotation the key before, or the one to come. Only
    /// the first is looked at.
    pub open: Vec<Key>,
}

impl Key {
    /// The key with these octets, which nobody can guess.
    pub fn new(octets: [u8; 32]) -> Self {
        let mut tagged = b"herald claim key id".to_vec();
        tagged.extend_from_slice(&octets);
        let id = digest(&SHA256, &tagged)
            .as_ref()
            .iter()
            .take(4)
            .fold(0, |id, octet| id << 8 | u32::from(*octet));
        Self { octets, id }
    }

    /// By what a datagram says which key it is sealed under: part of a hash, and no secret.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The key of one life of one node's speaker.
    pub(crate) fn of_sender(&self, node: &[u8], boot: BootId) -> SenderKey {
        const PROOF: &str = "32 octets are a key and can be derived";
        let prk = Prk::new_less_safe(HKDF_SHA256, &self.octets);
        let boot = boot.0.to_be_bytes();
        let info = [b"herald claim sender".as_slice(), &boot, node];
        let derived = prk.expand(&info, &AES_256_GCM).expect(PROOF);
        SenderKey {
            id: self.id,
            key: LessSafeKey::new(UnboundKey::from(derived)),
        }
    }
}

impl Keys {
    /// A single key.
    pub fn one(key: Key) -> Self {
        Self {
            seal: key,
            open: Vec::new(),
        }
    }

    /// The key with this id, if it is known.
    pub(crate) fn find(&self, id: u32) -> Option<&Key> {
        std::iter::once(&self.seal)
            .chain(self.open.first())
            .find(|key| key.id == id)
    }
}

/// Shows which key, not what it is.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:08x})", self.id)
    }
}

/// What seals and opens the datagrams of one life of one node's speaker.
pub(crate) struct SenderKey {
    id: u32,
    key: LessSafeKey,
}

impl SenderKey {
    /// Which of the cluster's keys it comes from.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Adds the sealed form of `body` to `header`, which it authenticates. The caller never uses a counter twice.
    pub(crate) fn seal(&self, counter: u64, header: Vec<u8>, mut body: Vec<u8>) -> Vec<u8> {
        const PROOF: &str = "a datagram is shorter than AES-GCM's limit";
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(counter), Aad::from(&header), &mut body)
            .expect(PROOF);
        let mut datagram = header;
        datagram.extend_from_slice(&body);
        datagram.extend_from_slice(tag.as_ref());
        datagram
    }

    /// What was sealed, unless header or body are not what they were.
    pub(crate) fn open(&self, counter: u64, header: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut octets = sealed.to_vec();
        let body = self
            .key
            .open_in_place(nonce(counter), Aad::from(header), &mut octets)
            .ok()?;
        let length = body.len();
        octets.truncate(length);
        Some(octets)
    }
}

impl fmt::Debug for SenderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SenderKey({:08x})", self.id)
    }
}

fn nonce(counter: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SenderKey {
        Key::new([1; 32]).of_sender(b"node-a", BootId(1))
    }

    #[test]
    fn what_was_sealed_is_opened_again() {
        let datagram = key().seal(7, b"header".to_vec(), b"body".to_vec());
        assert_eq!(datagram.len(), 6 + 4 + TAG);
        assert_eq!(
            key().open(7, &datagram[..6], &datagram[6..]),
            Some(b"body".to_vec())
        );
    }

    #[test]
    fn no_octet_of_header_body_or_tag_can_be_another() {
        let datagram = key().seal(7, b"header".to_vec(), b"body".to_vec());
        for at in 0..datagram.len() {
            let mut datagram = datagram.clone();
            datagram[at] ^= 1;
            assert_eq!(key().open(7, &datagram[..6], &datagram[6..]), None, "{at}");
        }
        for end in 6..datagram.len() {
            assert_eq!(key().open(7, &datagram[..6], &datagram[6..end]), None, "{end}");
        }
        assert_eq!(key().open(8, &datagram[..6], &datagram[6..]), None);
    }

    #[test]
    fn every_life_of_every_node_has_a_key_of_its_own() {
        let datagram = key().seal(7, Vec::new(), b"body".to_vec());
        let others = [
            Key::new([1; 32]).of_sender(b"node-b", BootId(1)),
            Key::new([1; 32]).of_sender(b"node-a", BootId(2)),
            Key::new([2; 32]).of_sender(b"node-a", BootId(1)),
        ];
        for other in others {
            assert_eq!(other.open(7, &[], &datagram), None);
        }
    }

    #[test]
    fn a_key_shows_only_its_id() {
        let key = Key::new([0xab; 32]);
        assert_eq!(format!("{key:?}"), format!("Key({:08x})", key.id()));
    }
}
