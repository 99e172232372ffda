//! A connection: two streams that arrive in pieces, later, or not at all.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Side, What, World};
use crate::peer::Action;

enum Piece {
    Octets(Vec<u8>),
    Close { broken: bool },
}

pub(crate) struct Wire {
    id: u64,
    /// Handed to TCP by Herald, and not read by the peer yet.
    on_its_way: usize,
    /// What is on its way to each side, in order.
    pieces: [VecDeque<Piece>; 2],
    /// When the last that was sent to each side arrives.
    last: [Duration; 2],
    /// Nothing arrives any more, and nobody is told.
    pub(crate) dead: bool,
    /// Until when nothing arrives.
    pub(crate) stalled: Duration,
    /// It is reset, which neither end may have seen yet.
    reset: bool,
    /// Nonsense was said: the next messages may count as its rest.
    pub(crate) garbled: bool,
    /// What each end has closed already.
    ends: [bool; 2],
}

impl Wire {
    pub(super) fn room(&self, capacity: usize) -> usize {
        capacity.saturating_sub(self.on_its_way)
    }
}

fn index(side: Side) -> usize {
    match side {
        Side::Herald => 0,
        Side::Peer => 1,
    }
}

impl World {
    fn trip(&mut self) -> Duration {
        let (least, most) = self.delay;
        Duration::from_micros(self.chance.between(least, most))
    }

    pub(super) fn round_trip(&mut self) -> Duration {
        self.trip() + self.trip()
    }

    /// There is a new connection; the peer forgets the old one.
    pub(super) fn connect(&mut self) {
        self.wires += 1;
        self.wire = Some(Wire {
            id: self.wires,
            on_its_way: 0,
            pieces: [VecDeque::new(), VecDeque::new()],
            last: [self.now; 2],
            dead: false,
            stalled: Duration::ZERO,
            reset: false,
            garbled: false,
            ends: [false; 2],
        });
        self.unread.clear();
        self.tell_story(|| "CONNECTED".to_owned());
        self.peer.accept(self.now);
        if !self.reads {
            self.peer.excused = true;
        }
        self.obey();
    }

    /// Does what the peer wants.
    pub(crate) fn obey(&mut self) {
        for action in std::mem::take(&mut self.peer.actions) {
            match action {
                Action::Say(octets) => self.carry(Side::Herald, octets),
                Action::Close => self.disconnect(Side::Peer, None),
            }
        }
    }

    /// Octets set out to a side, in some pieces.
    pub(crate) fn carry(&mut self, side: Side, mut octets: Vec<u8>) {
        let Some(wire) = self.wire.as_mut().filter(|wire| !wire.reset) else {
            return;
        };
        if side == Side::Peer {
            wire.on_its_way += octets.len();
        }
        while !octets.is_empty() {
            let whole = self.chance.happens(700);
            let size = if whole {
                octets.len()
            } else {
                self.chance.between(1, octets.len() as u64) as usize
            };
            let rest = octets.split_off(size.min(octets.len()));
            self.set_out(side, Piece::Octets(std::mem::replace(&mut octets, rest)));
        }
    }

    /// When what is sent now arrives: after what was sent before.
    fn arrival(&mut self, side: Side) -> Duration {
        let at = self.now + self.trip();
        let Some(wire) = &mut self.wire else { return at };
        let last = &mut wire.last[index(side)];
        *last = at.max(*last).max(wire.stalled);
        *last
    }

    fn set_out(&mut self, side: Side, piece: Piece) {
        let at = self.arrival(side);
        let Some(wire) = &mut self.wire else { return };
        wire.pieces[index(side)].push_back(piece);
        let what = What::Arrives { wire: wire.id, side };
        self.after(at - self.now, what);
    }

    pub(super) fn arrives(&mut self, id: u64, side: Side) {
        let (now, reads) = (self.now, self.reads);
        let current = self.wire.as_mut().filter(|wire| wire.id == id && !wire.dead);
        let Some(wire) = current else { return };
        let pieces = &mut wire.pieces[index(side)];
        if wire.stalled > now {
            let until = wire.stalled - now;
            return self.after(until, What::Arrives { wire: id, side });
        }
        if side == Side::Peer && !reads && matches!(pieces.front(), Some(Piece::Close { .. })) {
            // Behind what it has not read.
            return self.after(Duration::from_millis(100), What::Arrives { wire: id, side });
        }
        match (pieces.pop_front(), side) {
            (Some(Piece::Octets(octets)), Side::Herald) => {
                if !self.has_closed(Side::Herald) {
                    self.herald_hears(octets);
                }
            }
            (Some(Piece::Octets(octets)), Side::Peer) if reads => self.peer_reads(octets),
            (Some(Piece::Octets(octets)), Side::Peer) => self.unread.extend(octets),
            (Some(Piece::Close { broken }), _) => self.closes(side, broken),
            (None, _) => {}
        }
    }

    fn peer_reads(&mut self, octets: Vec<u8>) {
        if let Some(wire) = &mut self.wire {
            wire.on_its_way = wire.on_its_way.saturating_sub(octets.len());
        }
        self.peer.hear(self.now, &octets);
        self.obey();
        if !self.has_closed(Side::Herald) {
            self.write();
        }
    }

    pub(super) fn read_again(&mut self) {
        self.reads = true;
        let unread = std::mem::take(&mut self.unread);
        if self.wire.as_ref().is_some_and(|wire| !wire.dead) {
            self.peer_reads(unread);
        }
    }

    /// Whether the network does what it should.
    pub(crate) fn is_sound(&self) -> bool {
        let sound =
            |wire: &Wire| !wire.dead && !wire.reset && wire.stalled <= self.now && wire.ends == [false; 2];
        self.reads && self.wire.as_ref().is_some_and(sound)
    }

    fn has_closed(&self, side: Side) -> bool {
        self.wire.as_ref().is_none_or(|wire| wire.ends[index(side)])
    }

    /// One end closes, perhaps after last words.
    pub(crate) fn disconnect(&mut self, by: Side, last: Option<Vec<u8>>) {
        if self.has_closed(by) {
            return;
        }
        let to = match by {
            Side::Herald => Side::Peer,
            Side::Peer => Side::Herald,
        };
        if let Some(last) = last {
            self.carry(to, last);
        }
        self.set_out(to, Piece::Close { broken: false });
        if let Some(wire) = &mut self.wire {
            wire.ends[index(by)] = true;
        }
    }

    fn closes(&mut self, side: Side, broken: bool) {
        let now = self.now;
        let known = self.has_closed(side);
        if let Some(wire) = &mut self.wire {
            wire.ends[index(side)] = true;
        }
        match side {
            Side::Herald if !known => self.herald_is_closed(broken),
            Side::Herald => {}
            Side::Peer => {
                let half = self.peer.hears_half_a_message();
                assert!(self.peer.excused || !half, "S6: closed within a message");
                assert!(
                    self.peer.excused || self.peer.link.is_none(),
                    "closed without a reason at {now:?}"
                );
                self.peer.lose(now, None);
            }
        }
    }

    /// The connection breaks for both, and with it what is on its way.
    pub(crate) fn reset(&mut self) {
        self.peer.excused = true;
        let Some(wire) = self.wire.take() else { return };
        self.wires += 1;
        let id = self.wires;
        let ends = wire.ends;
        self.wire = Some(Wire {
            id,
            on_its_way: 0,
            pieces: [VecDeque::new(), VecDeque::new()],
            last: [self.now; 2],
            dead: false,
            stalled: Duration::ZERO,
            reset: true,
            ..wire
        });
        self.unread.clear();
        for side in [Side::Herald, Side::Peer] {
            if !ends[index(side)] {
                self.set_out(side, Piece::Close { broken: true });
            }
        }
    }
}
