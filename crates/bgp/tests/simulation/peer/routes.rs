//! The router's Adj-RIB-In, and what may be said about it.

use bgp::wire::GracefulRestart;
use ipnet::IpNet;
use model::Family;

use super::{Entry, Peer, Refresh, Stage, family};
use crate::oracle::Meaning;

impl Peer {
    pub(super) fn establish(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.stage = Stage::Up;
        let kept = |restart: &GracefulRestart, prefix: &IpNet| {
            restart.families.contains(&(family(prefix).into(), true))
        };
        let restart = link.restart.clone();
        // RFC 4724 §4.2: what is not kept over this restart goes now.
        self.rib.retain(|prefix, entry| {
            !entry.stale || restart.as_ref().is_some_and(|restart| kept(restart, prefix))
        });
        // Whoever says no End-of-RIB is not waited for.
        self.stale_until = None;
    }

    pub(super) fn judge_update(&mut self, meaning: Meaning, ends: bool) {
        let Some(link) = &mut self.link else { return };
        let of = |family: Family| link.form.families.contains(&family);
        if ends {
            let family = if meaning.attributes.is_empty() {
                Family::V4
            } else {
                Family::V6
            };
            assert!(of(family), "S6: End-of-RIB of {family}");
            assert!(link.ends.insert(family), "S6: End-of-RIB of {family} twice");
            self.rib
                .retain(|prefix, entry| !entry.stale || super::family(prefix) != family);
            return;
        }
        let prefixes = [&meaning.announced[..], &meaning.withdrawn[..]].concat();
        assert!(
            prefixes.iter().all(|prefix| of(family(prefix))),
            "S6: {prefixes:?}"
        );
        if meaning.announced.is_empty() {
            // U1: an UPDATE that withdraws does nothing else.
            let alone = meaning.attributes.is_empty() || meaning.attributes == [15];
            assert!(alone && !prefixes.is_empty(), "S6: {meaning:?}");
            for prefix in &meaning.withdrawn {
                let known = self.rib.remove(prefix);
                assert!(
                    known.is_some_and(|entry| !entry.stale),
                    "S6: {prefix} withdrawn unannounced"
                );
            }
        } else {
            assert!(meaning.withdrawn.is_empty(), "S6: U1");
            self.learn(meaning);
        }
    }

    /// That every attribute is as it should be is for whoever knows what was meant.
    fn learn(&mut self, mut meaning: Meaning) {
        let prefixes = std::mem::take(&mut meaning.announced);
        for prefix in prefixes {
            let Some(link) = &self.link else { return };
            // What was garbled may have been a question.
            let asked = link.refreshes.contains_key(&family(&prefix)) || self.excused;
            let entry = Entry {
                meaning: meaning.clone(),
                stale: false,
                again: false,
            };
            let before = self.rib.insert(prefix, entry);
            let twice = before.is_some_and(|before| !before.stale && before.meaning == meaning);
            assert!(!twice || asked, "{prefix} announced twice without a change");
        }
    }

    /// RFC 7313 §4.
    pub(super) fn refreshed(&mut self, of: Family, ended: bool) {
        if ended {
            self.rib
                .retain(|prefix, entry| !entry.again || family(prefix) != of);
        } else {
            let routes = self.rib.iter_mut().filter(|(prefix, _)| family(prefix) == of);
            routes.for_each(|(_, entry)| entry.again = true);
        }
    }

    /// Whether answers to what it asked are still to come.
    pub(crate) fn waits_for_an_answer(&self) -> bool {
        let enhanced = self.kind.enhanced && !self.kind.old;
        let refreshes = self.link.iter().flat_map(|link| link.refreshes.values());
        refreshes
            .into_iter()
            .any(|refresh| enhanced && matches!(refresh, Refresh::Asked | Refresh::Begun))
    }
}
