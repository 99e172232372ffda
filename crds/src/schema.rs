//! The parts of the schemas that the kinds share, and the rules by which the API server refuses an object.
//!
//! A rule is refused itself when its worst case costs more than the API server's budget, so everything that a rule walks
//! over has an upper bound: `maxItems`, `maxLength`, `maxProperties`. The bounds are far above what anyone writes by hand.
//! A rule sees one object. Overlap between pools, and anything else that takes two objects to be wrong, is judged by the
//! crate `config` and shown in the objects' conditions.

mod address;
mod condition;
mod name;
mod quota;
mod selector;

pub(crate) use address::{addresses, exclusions, reserved};
pub(crate) use condition::conditions;
pub(crate) use name::{interfaces, namespaces, pools};
pub(crate) use quota::{namespace_limits, reclaim_policy};
pub(crate) use selector::{selector, selectors};

use kube::core::{Message, Rule};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

/// One of the two words.
pub(crate) fn conflict_policy(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["Defend", "Yield"] })
}

/// A rule whose message is itself an expression, because it quotes what the user wrote.
fn rule(holds: impl Into<String>, message: impl Into<String>) -> Rule {
    Rule::new(holds).message(Message::Expression(message.into()))
}

fn with_rules(mut schema: Schema, rules: &[Rule]) -> Schema {
    schema.insert("x-kubernetes-validations".to_owned(), json!(rules));
    schema
}
