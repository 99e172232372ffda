//! The parts of the schemas that the kinds share, and the rules by which the API server refuses an object.
//!
//! A rule is refused itself when its worst case costs more than the API server's budget, so everything that a rule walks
//! over has an upper bound: `maxItems`, `maxLength`, `maxProperties`. The bounds are far above what anyone writes by hand.
//! A rule sees one object. Overlap between pools, and anything else that takes two objects to be wrong, is judged by the
//! crate `config` and shown in the objects' conditions.

mod accepted;
mod address;
mod advertisement;
mod community;
mod condition;
mod duration;
mod name;
mod node_value;
mod number;
mod peer;
mod quota;
mod selector;

pub(crate) use accepted::accepted_routes;
pub(crate) use address::{addresses, exclusions, reserved};
pub(crate) use advertisement::{bgp_advertisement_rules, conflict_policy, link_bandwidth};
pub(crate) use community::{communities, community_aliases};
pub(crate) use condition::conditions;
pub(crate) use duration::{
    connect_time, graceful_restart_time, graceful_shutdown_time, hold_time, keepalive_time,
};
pub(crate) use name::{bfd_profile, interface, interfaces, namespaces, peers, pools, secret};
pub(crate) use node_value::{node_address, node_value};
pub(crate) use number::{any_number, asn, number};
pub(crate) use peer::{bgp_peer_rules, dynamic_asn, peer_address, router_id, source_address};
pub(crate) use quota::{namespace_limits, namespace_sharing, reclaim_policy};
pub(crate) use selector::{selector, selectors};

use kube::core::{Message, Rule};
use schemars::Schema;
use serde_json::json;

/// A rule whose message is itself an expression, because it quotes what the user wrote.
fn rule(holds: impl Into<String>, message: impl Into<String>) -> Rule {
    Rule::new(holds).message(Message::Expression(message.into()))
}

fn with_rules(mut schema: Schema, rules: &[Rule]) -> Schema {
    schema.insert("x-kubernetes-validations".to_owned(), json!(rules));
    schema
}
