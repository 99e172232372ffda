//! What the peer ought to have, and what Herald may say.

use std::collections::BTreeMap;
use std::time::Duration;

use bgp::wire::{Capability, Form, NextHop, Path};
use bgp::{Attributes, Community, Drain, Forwarding, NextHops, State};
use ipnet::IpNet;
use model::Family;
use netgauze_bgp_pkt::BgpMessage;

use crate::facts::Facts;
use crate::oracle::{self, Meaning};
use crate::over::Over;
use crate::peer::family;
use crate::world::World;

impl World {
    fn next_hop(&self, facts: &Facts, family: Family, form: &Form) -> Option<NextHop> {
        let NextHops { v4, v6, link_local } = facts.next_hops;
        let v6 = match (v6, link_local) {
            (Some(global), _) => Some(NextHop::V6 { global, link_local }),
            (None, Some(only)) => Some(NextHop::LinkLocal(only)),
            (None, None) => None,
        };
        let (v4, agreed) = (v4.map(NextHop::V4), v6.filter(|_| form.v4_next_hop_v6));
        match (family, self.over) {
            (Family::V6, _) => v6,
            (Family::V4, Over::LinkLocal) => agreed.or(v4),
            (Family::V4, Over::V4 | Over::V6) => v4.or(agreed),
        }
    }

    /// How the peer hears of this route, if it may.
    fn meaning(&self, facts: &Facts, form: &Form, prefix: &IpNet, marked: bool) -> Option<Meaning> {
        let mut attributes: Attributes = (**facts.routes.get(prefix)?).clone();
        if marked || attributes.leaving {
            attributes.communities.insert(Community::GRACEFUL_SHUTDOWN);
            attributes.local_pref = Some(0);
        }
        if !form.families.contains(&family(prefix)) || !facts.is_permitted(prefix) {
            return None;
        }
        let path = Path {
            local_asn: self.settings.open.local_asn,
            attributes: &attributes,
            next_hop: self.next_hop(facts, family(prefix), form)?,
        };
        Some(oracle::meant(form, &path, &[]))
    }

    fn expected(&self, facts: &Facts, form: &Form) -> BTreeMap<IpNet, Meaning> {
        let prefixes = facts.routes.keys().filter(|_| facts.drain == Drain::No);
        prefixes
            .filter_map(|prefix| Some((*prefix, self.meaning(facts, form, prefix, false)?)))
            .collect()
    }

    /// Every prefix that somebody wants announced, whoever may hear it.
    pub(crate) fn wanted(&self) -> Vec<IpNet> {
        let facts = &self.facts;
        let form = self.peer.link.as_ref().map_or(&self.last_form, |link| &link.form);
        let announced = |prefix: &&IpNet| {
            let leads_here = self.next_hop(facts, family(prefix), form).is_some();
            facts.is_permitted(prefix) && facts.drain == Drain::No && leads_here
        };
        facts.routes.keys().filter(announced).copied().collect()
    }

    /// As a message is made: it says what is true by then (U9), and the end after everything (S7).
    pub(crate) fn check_said(&mut self, octets: &[u8]) {
        self.tell_story(|| format!("Herald says {} ({} octets)", octets[18], octets.len()));
        if octets[18] == 1 {
            self.check_open(octets);
        }
        let form = self.peer.link.as_ref().map(|link| link.form.clone());
        let form = form.filter(|_| octets[18] == 2);
        let Some(form) = form.filter(|form| !form.families.is_empty()) else {
            return;
        };
        let Ok(BgpMessage::Update(update)) = oracle::parsed(octets, &form) else {
            panic!("S6: {octets:?}");
        };
        let ends = update.end_of_rib().is_some();
        let mut meaning = oracle::meaning(&update);
        let Some(life) = &self.life else { return };
        let facts = life.facts.clone();
        if ends {
            assert!(life.knows, "S7: the end before all is known");
            let of = if meaning.attributes.is_empty() {
                Family::V4
            } else {
                Family::V6
            };
            let all = self.expected(&facts, &form);
            let mut missing = all
                .iter()
                .filter(|(prefix, meaning)| life.said.get(*prefix) != Some(*meaning));
            let missing = missing.find(|(prefix, _)| family(prefix) == of);
            assert!(missing.is_none(), "S7: the end before {missing:?}");
            return;
        }
        let prefixes = std::mem::take(&mut meaning.announced);
        let withdrawn = std::mem::take(&mut meaning.withdrawn);
        for prefix in &prefixes {
            let forms = [false, true].map(|marked| {
                self.meaning(&facts, &form, prefix, marked)
                    .filter(|_| !marked || facts.drain == Drain::Mark)
            });
            let right = forms.iter().flatten().any(|right| *right == meaning);
            assert!(right, "U9: {prefix} with {meaning:?}, not {forms:?}");
        }
        let Some(life) = &mut self.life else { return };
        for prefix in prefixes {
            life.said.insert(prefix, meaning.clone());
        }
        for prefix in withdrawn {
            life.said.remove(&prefix);
        }
    }

    /// The R bit is there from a process that restarted until the peer has heard everything from it, and never else.
    fn check_open(&self, octets: &[u8]) {
        let form = Form {
            four_octet_as: true,
            ..Form::default()
        };
        let (Ok(BgpMessage::Open(open)), Some(life)) = (oracle::parsed(octets, &form), &self.life) else {
            panic!("S6: {octets:?}");
        };
        for capability in oracle::opened(&open).capabilities {
            if let Capability::GracefulRestart(restart) = capability {
                assert_eq!(restart.restarted, life.restarted && !life.synced, "S7: the R bit");
                let preserved = life.forwarding == Forwarding::Preserved;
                let right = restart.families.iter().all(|(_, bit)| *bit == preserved);
                assert!(right, "S7: the F bits of {restart:?}");
            }
        }
    }

    /// From now on the peer must not lose what it has and is still wanted (S7).
    pub(crate) fn keep(&mut self) {
        let all_told = self.life.as_ref().is_some_and(|life| life.synced) && self.peer.is_up();
        let all_told = all_told && self.reachable && self.is_sound();
        let keeps = self.peer.kind.keeps.is_some()
            && !self.peer.kind.old
            && self.settings.open.restart_time.is_some();
        if !all_told || !keeps {
            return self.kept.clear();
        }
        if let Some(link) = &self.peer.link {
            self.last_form = link.form.clone();
        }
        let wanted = self.wanted();
        let fresh = |prefix: &&IpNet| self.peer.rib.get(prefix).is_some_and(|entry| !entry.stale);
        self.kept = wanted.iter().filter(fresh).copied().collect();
    }

    pub(crate) fn check_kept(&self) {
        let lost = self
            .kept
            .iter()
            .find(|prefix| !self.peer.rib.contains_key(prefix));
        assert!(lost.is_none(), "S7: {} was lost at {:?}", lost.unwrap(), self.now);
    }

    /// Whether the peer has exactly what it ought to.
    pub(crate) fn is_converged(&self) -> bool {
        let (Some(life), Some(link)) = (&self.life, &self.peer.link) else {
            return false;
        };
        let status = life.session.status();
        let expected = self.expected(&self.facts, &link.form);
        let same = |(prefix, meaning): (&IpNet, &Meaning)| {
            self.peer
                .rib
                .get(prefix)
                .is_some_and(|entry| !entry.stale && entry.meaning == *meaning)
        };
        let sound = self.is_sound() && life.runs();
        sound
            && status.state == State::Established
            && status.routes_pending == 0
            && link.ends == link.form.families
            && self.peer.rib.len() == expected.len()
            && expected.iter().all(same)
            && !self.peer.waits_for_an_answer()
    }

    /// S8: everything has come right, and then nothing more is said.
    pub(crate) fn assert_converges(&mut self) {
        let converged = self.run_until(Duration::from_secs(900), Self::is_converged);
        let status = self.life.as_ref().map(|life| life.session.status());
        assert!(
            converged,
            "not converged at {:?}: {status:?}, {:?}",
            self.now, self.peer
        );
        // A question asked before may be answered a second later.
        self.run_for(Duration::from_secs(2));
        let updates = |world: &Self| {
            world
                .life
                .as_ref()
                .map(|life| life.session.status().counters.updates_sent)
        };
        let before = updates(self);
        let states = self
            .life
            .as_ref()
            .map(|life| life.session.status().counters.established);
        self.run_for(Duration::from_secs(20));
        assert!(self.is_converged(), "not for long");
        assert_eq!(
            updates(self),
            before,
            "something is said although nothing has changed"
        );
        let after = self
            .life
            .as_ref()
            .map(|life| life.session.status().counters.established);
        assert_eq!(after, states, "the session was lost");
    }
}
