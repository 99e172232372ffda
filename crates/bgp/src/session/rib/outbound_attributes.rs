use std::collections::BTreeSet;
use std::sync::Arc;

use crate::community::Community;
use crate::route::{Attributes, DEFAULT_LOCAL_PREF};

/// Attributes as this peer hears them, so that routes that look alike to it are alike: they share a message, and are not said
/// again when only that changes which it does not hear.
#[derive(Debug)]
pub(super) struct OutboundAttributes {
    internal: bool,
    /// Shared among the routes that have them.
    known: BTreeSet<Arc<Attributes>>,
    /// What was asked last, and the answer: neighbours in a table are mostly alike.
    last: Option<(Arc<Attributes>, bool, Arc<Attributes>)>,
}

/// So many are kept without asking who has them.
const FEW: usize = 64;

impl OutboundAttributes {
    pub(super) fn new(internal: bool) -> Self {
        Self {
            internal,
            known: BTreeSet::new(),
            last: None,
        }
    }

    /// How the peer hears these; with the mark of a graceful shutdown or without.
    pub(super) fn of(&mut self, attributes: &Arc<Attributes>, marked: bool) -> Arc<Attributes> {
        if let Some((asked, with, answer)) = &self.last
            && *with == marked
            && Arc::ptr_eq(asked, attributes)
        {
            return answer.clone();
        }
        let answer = self.find(attributes, marked);
        self.last = Some((attributes.clone(), marked, answer.clone()));
        answer
    }

    fn find(&mut self, attributes: &Arc<Attributes>, marked: bool) -> Arc<Attributes> {
        let heard = self.heard(attributes, marked);
        if let Some(known) = self.known.get(&heard) {
            return known.clone();
        }
        let answer = if heard == **attributes {
            attributes.clone()
        } else {
            Arc::new(heard)
        };
        self.known.insert(answer.clone());
        answer
    }

    fn heard(&self, attributes: &Attributes, marked: bool) -> Attributes {
        let mut heard = attributes.clone();
        let said = |preference: &u32| self.internal && *preference != DEFAULT_LOCAL_PREF;
        heard.local_pref = heard.local_pref.filter(said);
        if self.internal {
            // The path of an internal peer is empty.
            heard.prepend = 0;
        }
        heard.leaving = false;
        if marked || attributes.leaving {
            heard.communities.insert(Community::GRACEFUL_SHUTDOWN);
            // RFC 8326 §4.2: internal peers need not know the community.
            heard.local_pref = self.internal.then_some(0);
        }
        heard
    }

    /// Drops those that no route has.
    pub(super) fn forget_unused(&mut self) {
        self.last = None;
        if self.known.len() > FEW {
            self.known.retain(|attributes| Arc::strong_count(attributes) > 1);
        }
    }
}
