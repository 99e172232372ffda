//! What the router says, octet by octet.

use model::Family;

use super::{Action, Peer, Refresh, Stage};

pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = 19 + body.len() as u16;
    [&[0xFF; 16], &length.to_be_bytes()[..], &[kind], body].concat()
}

fn afi(family: Family) -> u8 {
    match family {
        Family::V4 => 1,
        Family::V6 => 2,
    }
}

impl Peer {
    pub(super) fn open(&self) -> Vec<u8> {
        let asn = self.kind.asn;
        let short = u16::try_from(asn).unwrap_or(23456);
        let mut capabilities = Vec::new();
        if !self.kind.old {
            for family in &self.kind.families {
                capabilities.extend([1, 4, 0, afi(*family), 0, 1]);
            }
            capabilities.extend([2, 0, 65, 4]);
            capabilities.extend(asn.to_be_bytes());
            capabilities.extend([5, 6, 0, 1, 0, 1, 0, 2]);
            if let Some(notification) = self.kind.keeps {
                // Helps, and needs no help: no families of its own.
                capabilities.extend([64, 2, u8::from(notification) << 6, 120]);
            }
            if self.kind.enhanced {
                capabilities.extend([70, 0]);
            }
            // Some that mean nothing to anybody.
            capabilities.extend([6, 0, 128, 0, 73, 3, 2, b'r', b'1']);
        }
        let mut body = vec![4];
        body.extend(short.to_be_bytes());
        body.extend(self.kind.hold.to_be_bytes());
        body.extend([198, 51, 100, 1]);
        if capabilities.is_empty() {
            body.push(0);
        } else {
            let length = capabilities.len() as u8;
            body.extend([length + 2, 2, length]);
            body.extend(capabilities);
        }
        message(1, &body)
    }

    /// Asks for all routes again.
    pub(crate) fn ask(&mut self, family: Family) {
        let up = self.link.as_mut().filter(|link| link.stage == Stage::Up);
        let Some(link) = up.filter(|link| link.form.families.contains(&family)) else {
            return;
        };
        // A second question within an answer asks for another.
        if link.refreshes.get(&family) != Some(&Refresh::Begun) {
            let asked = if link.ends.contains(&family) {
                Refresh::Asked
            } else {
                Refresh::AskedEarly
            };
            link.refreshes.insert(family, asked);
        }
        self.actions
            .push(Action::Say(message(5, &[0, afi(family), 0, 1])));
    }

    /// A route of its own, well or badly made.
    pub(crate) fn announce(&mut self, well: bool) {
        if !self.is_up() {
            return;
        }
        // An ORIGIN of 9 is none: the route counts as withdrawn (RFC 7606 §7.1).
        let origin = if well { 0 } else { 9 };
        let mut attributes = vec![0x40, 1, 1, origin, 0x40, 2, 0, 0x40, 3, 4, 198, 51, 100, 1];
        attributes.extend([0x40, 5, 4, 0, 0, 0, 100]);
        let body = [
            &[0, 0, 0, attributes.len() as u8],
            &attributes[..],
            &[24, 203, 0, 113],
        ]
        .concat();
        self.actions.push(Action::Say(message(2, &body)));
    }
}
