use std::collections::{BTreeMap, VecDeque};

use super::ClaimSet;
use crate::UnitId;
use crate::wire::{Claim, Entry, Message};

/// So many changes are kept for those who missed them; who missed more gets the whole set.
const LOG: usize = 64;

/// Our own claims as the others are to know them.
#[derive(Debug)]
pub(crate) struct Published {
    set: ClaimSet,
    version: u32,
    /// The last changes: each leads to the version after its own.
    log: VecDeque<(u32, Vec<Entry>)>,
    /// How many entries go into one datagram.
    room: usize,
}

impl Published {
    /// A set that begins with these claims.
    pub(crate) fn new(room: usize, claims: impl IntoIterator<Item = (UnitId, Claim)>) -> Self {
        Self {
            set: claims.into_iter().collect(),
            version: 1,
            log: VecDeque::new(),
            room: room.max(1),
        }
    }

    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    pub(crate) fn digest(&self) -> u64 {
        self.set.digest()
    }

    /// Makes the set what it is now, and gives what to tell the others.
    pub(crate) fn update(&mut self, claims: &BTreeMap<UnitId, Claim>) -> Vec<Message> {
        let gone = self.set.entries().map(|(unit, _)| unit);
        let gone = gone.filter(|unit| !claims.contains_key(unit));
        let gone: Vec<Entry> = gone.map(|unit| Entry::new(unit, None)).collect();
        let changed = claims
            .iter()
            .filter(|(unit, claim)| self.set.get(unit) != Some(**claim));
        let changed = changed.map(|(unit, claim)| Entry::new(*unit, Some(*claim)));
        let entries: Vec<Entry> = changed.chain(gone).collect();
        entries
            .chunks(self.room)
            .map(|chunk| self.change(chunk))
            .collect()
    }

    fn change(&mut self, entries: &[Entry]) -> Message {
        entries.iter().for_each(|entry| self.set.apply(*entry));
        let from = self.version;
        self.version = from.wrapping_add(1);
        self.log.push_back((from, entries.to_vec()));
        if self.log.len() > LOG {
            self.log.pop_front();
        }
        Message::Changes {
            from,
            to: self.version,
            entries: entries.to_vec(),
        }
    }

    /// What somebody needs who has version `have`.
    pub(crate) fn repair(&self, have: u32) -> Vec<Message> {
        if have == self.version {
            return Vec::new();
        }
        match self.log.iter().position(|(from, _)| *from == have) {
            Some(first) => self.log.range(first..).map(repeat).collect(),
            None => self.whole(),
        }
    }

    fn whole(&self) -> Vec<Message> {
        let claims: Vec<(UnitId, Claim)> = self.set.entries().collect();
        let chunks: Vec<_> = if claims.is_empty() {
            vec![&claims[..]]
        } else {
            claims.chunks(self.room).collect()
        };
        let parts = u16::try_from(chunks.len()).unwrap_or(u16::MAX);
        let part = |(part, claims): (u16, &[(UnitId, Claim)])| Message::Set {
            version: self.version,
            part,
            parts,
            claims: claims.to_vec(),
        };
        (0..parts).zip(chunks).map(part).collect()
    }
}

fn repeat((from, entries): &(u32, Vec<Entry>)) -> Message {
    Message::Changes {
        from: *from,
        to: from.wrapping_add(1),
        entries: entries.clone(),
    }
}
