//! S6: every octet that the router hears is judged.

use std::time::Duration;

use bgp::wire::{Capability, Form, Open, RouteRefresh};
use netgauze_bgp_pkt::BgpMessage;

use super::{Action, Peer, Refresh, Stage};
use crate::oracle;

const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;
const REFRESH: u8 = 5;

impl Peer {
    pub(crate) fn hear(&mut self, now: Duration, octets: &[u8]) {
        let Some(link) = &mut self.link else { return };
        link.octets.extend_from_slice(octets);
        while let Some(message) = self.next_message() {
            self.judge(now, &message);
        }
    }

    /// Everything ends between two messages, unless the network is to blame.
    pub(crate) fn hears_half_a_message(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.octets.is_empty())
    }

    fn next_message(&mut self) -> Option<Vec<u8>> {
        let octets = &mut self.link.as_mut()?.octets;
        let header = octets.get(..19)?;
        assert_eq!(header[..16], [0xFF; 16], "S6: marker");
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        assert!((19..=4096).contains(&length), "S6: length {length}");
        (octets.len() >= length).then(|| octets.drain(..length).collect())
    }

    fn judge(&mut self, now: Duration, message: &[u8]) {
        let Some(link) = &mut self.link else { return };
        assert!(!link.ended, "S6: a message after a NOTIFICATION");
        let kind = message[18];
        match (link.stage, kind) {
            (Stage::Opening, OPEN) => self.judge_open(now, message),
            (Stage::Confirming, KEEPALIVE) => {
                assert_eq!(message.len(), 19, "S6: KEEPALIVE");
                self.restart_hold(now);
                self.establish();
            }
            (Stage::Up, KEEPALIVE) => {
                assert_eq!(message.len(), 19, "S6: KEEPALIVE");
                self.restart_hold(now);
            }
            (Stage::Up, UPDATE) => {
                let BgpMessage::Update(update) = read(message, &link.form) else {
                    unreachable!("of another kind")
                };
                self.restart_hold(now);
                self.judge_update(oracle::meaning(&update), update.end_of_rib().is_some());
            }
            (Stage::Up, REFRESH) => {
                let BgpMessage::RouteRefresh(refresh) = read(message, &link.form) else {
                    unreachable!("of another kind")
                };
                self.judge_refresh(oracle::refreshed(&refresh));
            }
            // Before its OPEN nobody may say one (RFC 4271 §6).
            (Stage::Confirming | Stage::Up, NOTIFICATION) => {
                link.ended = true;
                self.judge_notification(now, message);
            }
            (stage, kind) => panic!("S6: a message of kind {kind} while {stage:?}"),
        }
    }

    fn judge_open(&mut self, now: Duration, message: &[u8]) {
        let form = Form {
            four_octet_as: true,
            ..Form::default()
        };
        let BgpMessage::Open(open) = read(message, &form) else {
            unreachable!("of another kind")
        };
        let open: Open = oracle::opened(&open);
        assert_eq!(open.asn(), self.kind.herald, "S6: whose OPEN is it");
        assert!(
            open.hold_time == 0 || open.hold_time >= 3,
            "S6: hold time {}",
            open.hold_time
        );
        assert!(!open.identifier.is_unspecified(), "S6: identifier");
        for capability in &open.capabilities {
            if let Capability::GracefulRestart(restart) = capability {
                assert!(!restart.families.is_empty(), "S7: {restart:?}");
            }
        }
        self.agree(now, &open);
    }

    /// Those of B15, and those that answer what the network or the router itself did wrong.
    fn judge_notification(&mut self, now: Duration, message: &[u8]) {
        let (code, subcode, data) = (message[19], message[20], &message[21..]);
        let inner = if (code, subcode) == (6, 9) {
            data
        } else {
            &message[19..]
        };
        let text_fits = |text: &[u8]| {
            text.first()
                .is_none_or(|length| usize::from(*length) == text.len() - 1)
        };
        let legal = match (inner[0], inner[1], &inner[2..]) {
            (1, 1, []) | (1, 2, [_, _]) | (1, 3, [_]) => true,
            (2, 1, [0, 4]) | (2, 0 | 2 | 3 | 4 | 6, []) => true,
            (3, 0..=11, _) | (4, 0, []) | (5, 1..=3, []) | (8, 0, []) => true,
            (6, 2 | 4, text) => text_fits(text) && text.len() <= 129,
            (6, 3 | 6 | 7 | 8 | 10, []) => true,
            (7, 1, _) => true,
            _ => false,
        };
        assert!(legal, "S6: NOTIFICATION {:?}", &message[19..]);
        assert!(
            self.excused,
            "S6: NOTIFICATION {code}/{subcode} for no reason at {now:?}"
        );
        if code != 8 {
            read(message, &Form::default());
        }
        self.lose(now, Some((code, subcode)));
        self.actions.push(Action::Close);
    }

    fn judge_refresh(&mut self, refresh: RouteRefresh) {
        let family = refresh.family.family().expect("S6: a family that was agreed on");
        assert!(
            self.kind.enhanced && !self.kind.old,
            "S6: marks were not agreed on"
        );
        let Some(link) = &mut self.link else { return };
        assert!(link.ends.contains(&family), "S6: a mark before the End-of-RIB");
        let before = link.refreshes.get(&family).copied();
        let after = match (refresh.subtype, before) {
            (RouteRefresh::BEGIN, Some(Refresh::AskedEarly | Refresh::Asked | Refresh::Ended)) => {
                Refresh::Begun
            }
            (RouteRefresh::END, Some(Refresh::Begun)) => Refresh::Ended,
            other => panic!("S6: {other:?}"),
        };
        link.refreshes.insert(family, after);
        self.refreshed(family, after == Refresh::Ended);
    }

    fn restart_hold(&mut self, now: Duration) {
        if let Some(link) = &mut self.link {
            link.dead_at = link.hold.map(|hold| now + hold);
        }
    }
}

fn read(message: &[u8], form: &Form) -> BgpMessage {
    oracle::parsed(message, form).unwrap_or_else(|error| panic!("S6: {error} in {message:?}"))
}
