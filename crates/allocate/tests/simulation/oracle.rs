//! What must hold at every step, judged by the store alone: S1, S2, S5 and S9 of the fault catalogue, and what everybody
//! has in the end.
//!
//! S5, that a loss of the API withdraws nothing by itself, is a part of S2: an outage is never a reason.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Family;

use super::api::{Answer, Failure, Request};
use super::log::{Author, Entry, Seen, Stamp, Who};
use super::object::{Key, Kind, Object};
use super::store::Store;

mod facts;
mod last;
mod pace;
mod reasons;
mod search;

use pace::Pace;

/// Something that must never happen, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation(pub(super) String);

/// The judge.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// How much of the log has been judged.
    judged: usize,
    /// What controllers write before this is not judged.
    blind_until: Duration,
    /// A controller has given one address to two Services that cannot share it.
    doubled: bool,
    /// Objects of which a process does not know how its last status write ended.
    in_doubt: BTreeSet<(Who, Key)>,
    pace: Pace,
}

impl Oracle {
    /// Lets controllers do what they like until then.
    pub(super) fn look_away_until(&mut self, time: Duration) {
        self.blind_until = time;
    }

    pub(super) fn was_doubled(&self) -> bool {
        self.doubled
    }

    /// Takes note of a request that the server served. Who `knows` the last change of the object, and is not in doubt how
    /// its own last write ended, does not write what is there.
    pub(super) fn count(
        &mut self,
        stamp: Stamp,
        request: &Request,
        answer: &Result<Answer, Failure>,
        knows: bool,
    ) -> Result<(), Violation> {
        let (Some(key), Author::Process { who, .. }) = (request.written(), stamp.author) else {
            return Ok(());
        };
        self.pace.count_write(answer.is_ok());
        let judged = knows && !self.is_blind(stamp);
        if judged
            && matches!(answer, Ok(Answer::Leader { unchanged: true, .. }))
            && !self.in_doubt.contains(&(who, key.clone()))
        {
            return Err(Violation(format!(
                "S9: {} is written as it is already",
                key.words()
            )));
        }
        match self.is_blind(stamp) {
            true => Ok(()),
            false => self.pace.judge(stamp.at, &key),
        }
    }

    /// Takes note of what a process hears of a status write.
    pub(super) fn hear(&mut self, who: Who, key: Key, answer: &Result<Answer, Failure>) {
        match answer {
            Ok(_) | Err(Failure::Refused(404 | 409)) => drop(self.in_doubt.remove(&(who, key))),
            Err(Failure::Refused(400..500) | Failure::NotSent) => {}
            Err(Failure::Refused(_) | Failure::Unanswered) => {
                self.pace.count_loss();
                self.in_doubt.insert((who, key));
            }
        }
    }

    /// Judges what is new in the store.
    pub(super) fn watch(&mut self, store: &Store) -> Result<(), Violation> {
        while let Some(entry) = store.log().get(self.judged) {
            let index = self.judged;
            self.judged += 1;
            match (entry.stamp.author, entry.key.kind) {
                (Author::User | Author::Restore, _) => {
                    self.pace
                        .count_edit(entry.stamp.at, store.of_kind(Kind::Services).count());
                }
                (Author::Process { seen, .. }, Kind::Services) => self.judge(store, index, entry, seen)?,
                (Author::Process { .. }, _) => {}
            }
        }
        Ok(())
    }

    fn judge(&mut self, store: &Store, index: usize, entry: &Entry, seen: Seen) -> Result<(), Violation> {
        let blind = self.is_blind(entry.stamp);
        let (before, after) = (facts::assigned(&entry.before), facts::assigned(&entry.after));
        for &address in after.iter().filter(|address| !before.contains(address)) {
            let Some(rival) = rival(store, entry, address, seen.of(Kind::Services)) else {
                continue;
            };
            self.doubled = true;
            if !blind {
                let (write, rival) = (entry.words(), rival.words());
                return Err(Violation(format!(
                    "S1: {write} gives {address}, which {rival} has"
                )));
            }
        }
        for &address in before.iter().filter(|address| !after.contains(address)) {
            let settled = blind || self.ends_a_move(store, index, address);
            if !settled && !reasons::may_lose(store, index, address, seen) {
                let write = entry.words();
                return Err(Violation(format!(
                    "S2: {write} takes {address} away for no reason"
                )));
            }
        }
        Ok(())
    }

    /// Whether the address goes because another of its family was put beside it in a write that is not judged: the Service cannot keep
    /// both, and that one comes first in its status.
    fn ends_a_move(&self, store: &Store, index: usize, address: IpAddr) -> bool {
        let (entry, past) = (&store.log()[index], &store.log()[..index]);
        facts::assigned(&entry.after)
            .into_iter()
            .filter(|new| Family::of(*new) == Family::of(address))
            .any(|new| {
                let both = |form: &Option<Arc<Object>>| {
                    let shown = facts::assigned(form);
                    shown.contains(&address) && shown.contains(&new)
                };
                let met =
                    |event: &&Entry| event.key == entry.key && both(&event.after) && !both(&event.before);
                past.iter()
                    .rfind(met)
                    .is_some_and(|event| self.is_blind(event.stamp))
            })
    }

    fn is_blind(&self, stamp: Stamp) -> bool {
        stamp.at < self.blind_until
    }
}

/// Who has an address that a write gives to somebody else, and may not share it in any form that the writer could have
/// seen: a form that it had seen, or one that came later.
fn rival<'a>(store: &'a Store, entry: &Entry, address: IpAddr, seen: usize) -> Option<&'a Key> {
    let writer = entry.after.as_deref().and_then(Object::service)?;
    let others = store
        .of_kind(Kind::Services)
        .filter(|(key, _)| **key != entry.key);
    let holders = others.filter(|(_, other)| facts::holds(other, address));
    let mut rivals = holders.filter(|(key, other)| {
        let later = store.log().iter().skip(seen).filter(|entry| entry.key == **key);
        let forms = later
            .flat_map(|entry| [&entry.before, &entry.after])
            .flatten()
            .chain([*other]);
        let mut services = forms.filter_map(|form| form.service());
        !services.any(|form| facts::may_share(writer, form))
    });
    rivals.next().map(|(key, _)| key)
}
