//! What the decision makes of Nodes, its own above all.

use std::collections::BTreeMap;

use announce::Facts;
use api::watch::Change;
use k8s_openapi::api::core::v1::Node;
use model::{Labels, NodeName};

use super::{Decider, Watch};

impl Decider {
    pub(super) fn on_nodes(&mut self, change: Change<Node>) {
        if self.is_old_news(&change) {
            return;
        }
        let first = self.unlisted.contains(&Watch::Nodes);
        self.listed(Watch::Nodes, &change);
        let me = self.settings.me.clone();
        let ignore_exclude_label = self.settings.ignore_exclude_label;
        let read = |object: &Node| config::node::node(object, ignore_exclude_label);
        let mut facts = self.plans.facts().clone();
        let before = labels(&facts);
        let own = facts.nodes.get(&me).cloned();
        let is_me = |object: &&Node| object.metadata.name.as_ref() == Some(&me.0);
        match &change {
            Change::Listed(objects) => self.on_own_node(objects.iter().find(is_me), own.is_some()),
            Change::Applied(object) if is_me(&object) => self.on_own_node(Some(object), true),
            Change::Deleted(object) if is_me(&object) => self.on_own_node(None, true),
            Change::Applied(_) | Change::Deleted(_) => {}
        }
        match change {
            Change::Listed(objects) => facts.nodes = objects.iter().map(read).collect(),
            Change::Applied(object) => facts.nodes.extend([read(&object)]),
            Change::Deleted(object) => drop(facts.nodes.remove(&read(&object).0)),
        }
        if let Some(own) = own {
            // What it announces is marked before it is withdrawn: a node that is gone is drained, not forgotten.
            facts.nodes.entry(me).or_insert(own);
        }
        let relabelled = before != labels(&facts);
        self.plans.handle_facts(facts);
        // Whether two peers are one router to a node is judged by labels (P-CFG-17).
        if relabelled || first {
            self.on_configuration();
        }
        self.update_sessions();
    }

    /// Whether a Node says of another node what is known of it: most of what a kubelet writes is none of ours, and in a large cluster
    /// some kubelet writes at every moment (P-CFG-43).
    fn is_old_news(&self, change: &Change<Node>) -> bool {
        let Change::Applied(object) = change else {
            return false;
        };
        let (name, node) = config::node::node(object, self.settings.ignore_exclude_label);
        name != self.settings.me && self.plans.facts().nodes.get(&name) == Some(&node)
    }

    /// Our own Node; none where the API has it no more, if it was `known`: such a node hands over, it is to be no part of the
    /// cluster any more.
    fn on_own_node(&mut self, object: Option<&Node>, known: bool) {
        let Some(object) = object else {
            self.changed |= known && !self.drain;
            self.drain |= known;
            return;
        };
        let drain = config::node::drains(object, self.settings.drain_on_cordon);
        let uid = object.metadata.uid.clone();
        // A Node without addresses for a moment is no reason to run all sessions anew.
        let addresses = config::node::addresses(object);
        let is_told = !addresses.is_empty();
        if is_told {
            self.changed |= self.addresses != addresses;
            self.addresses = addresses;
        }
        let identifier = self.own_values.identifier;
        self.own_values = config::node::values(object);
        if !is_told && !identifier.is_unspecified() && self.node_uid == uid {
            self.own_values.identifier = identifier;
        }
        self.changed |= (self.drain, &self.node_uid) != (drain, &uid);
        (self.drain, self.node_uid) = (drain, uid);
    }
}

fn labels(facts: &Facts) -> BTreeMap<NodeName, Labels> {
    let labels = |(name, node): (&NodeName, &announce::Node)| (name.clone(), node.labels.clone());
    facts.nodes.iter().map(labels).collect()
}
