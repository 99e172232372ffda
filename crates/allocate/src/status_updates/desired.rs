//! What an object is to have in its status and among its finalizers.

use std::collections::BTreeSet;

use config::Verdict;
use config::condition::Statement;
use crds::condition::{ACCEPTED, WARNING};
use crds::{BGPPeer, BGPPeerStatus, Condition, IPPool, IPPoolStatus, Stored};
use ipam::Usage;
use jiff::Timestamp;
use kube::Resource;
use kube::core::ObjectMeta;
use model::PeerName;
use serde_json::{Value, json};

use super::{Content, IN_USE};
use crate::reconciler::Sessions;
use crate::saturate;

/// The finalizers that an object is to have, when it has others: it has ours while it is used.
pub(super) fn finalizers(object: &ObjectMeta, in_use: bool) -> Option<Content> {
    let mut list = object.finalizers.clone().unwrap_or_default();
    let ours = list.iter().any(|finalizer| finalizer == IN_USE);
    match (in_use, ours, object.deletion_timestamp.is_some()) {
        (true, false, false) => list.push(IN_USE.to_owned()),
        (false, true, _) => list.retain(|finalizer| finalizer != IN_USE),
        (true, true, _) | (true, false, true) | (false, false, _) => return None,
    }
    let version = object.resource_version.clone()?;
    Some(Content::Finalizers { list, version })
}

/// The status that a pool is to have; none when it has it already.
pub(super) fn pool_status(
    object: &Stored<IPPool>,
    verdict: &Verdict,
    usage: &Usage,
    wall: Timestamp,
) -> Option<Value> {
    let shown = object.status();
    let Usage {
        assigned,
        available,
        reserved,
        outside,
        // The pool's warning names them.
        occupied: _,
    } = usage;
    let mut conditions = conditions(verdict, &shown.conditions, wall);
    if object.meta().deletion_timestamp.is_some() {
        let held = assigned.v4 + assigned.v6 + outside.v4 + outside.v6;
        let why = format!(
            "is being deleted and gives out nothing more; it goes when Services hold none of its addresses ({held} now)"
        );
        terminate(&mut conditions, &why);
    }
    let wanted = IPPoolStatus {
        assigned_ipv4: saturate(assigned.v4),
        assigned_ipv6: saturate(assigned.v6),
        available_ipv4: saturate(available.v4),
        available_ipv6: saturate(available.v6),
        reserved_ipv4: saturate(reserved.v4),
        reserved_ipv6: saturate(reserved.v6),
        outside_ipv4: saturate(outside.v4),
        outside_ipv6: saturate(outside.v6),
        conditions,
    };
    let shown = IPPoolStatus {
        conditions: ours(&shown.conditions),
        ..shown
    };
    (wanted != shown).then(|| json!(wanted))
}

/// The status that a BGPPeer is to have; none when it has it already. How many sessions it has is not said before speakers have told.
pub(super) fn peer_status(
    object: &Stored<BGPPeer>,
    verdict: &Verdict,
    sessions: Option<Sessions>,
    wall: Timestamp,
) -> Option<Value> {
    let shown = object.status();
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let wanted = BGPPeerStatus {
        sessions_up: sessions.map_or(shown.sessions_up, |sessions| Some(count(sessions.up))),
        sessions_wanted: sessions.map_or(shown.sessions_wanted, |sessions| Some(count(sessions.wanted))),
        conditions: conditions(verdict, &shown.conditions, wall),
    };
    let shown = BGPPeerStatus {
        conditions: ours(&shown.conditions),
        ..shown
    };
    (wanted != shown).then(|| json!(wanted))
}

/// The conditions that the controller writes; others may have written more.
fn ours(shown: &[Condition]) -> Vec<Condition> {
    let ours = |condition: &&Condition| [ACCEPTED, WARNING].contains(&condition.type_.as_str());
    let mut conditions: Vec<_> = shown.iter().filter(ours).cloned().collect();
    conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    conditions
}

/// Has the condition `Accepted` say why the object is still there.
pub(super) fn terminate(conditions: &mut [Condition], why: &str) {
    for accepted in conditions
        .iter_mut()
        .filter(|condition| condition.type_ == ACCEPTED)
    {
        accepted.reason = "Terminating".to_owned();
        accepted.message = why.to_owned();
    }
}

pub(super) fn going(users: Option<&BTreeSet<PeerName>>) -> String {
    let users: Vec<_> = users.into_iter().flatten().map(ToString::to_string).collect();
    match users.is_empty() {
        true => "is being deleted".to_owned(),
        false => format!(
            "is being deleted; it goes when no BGPPeer names it in bfdProfile ({} now)",
            users.join(", ")
        ),
    }
}

/// What is to be said of an object: whether it is in force, and what is amiss all the same.
pub(super) fn conditions(verdict: &Verdict, shown: &[Condition], wall: Timestamp) -> Vec<Condition> {
    let (holds, reason, message) = match &verdict.fault {
        None => (true, "Accepted", "in force".to_owned()),
        Some(fault) if verdict.previous_in_force => (
            false,
            fault.reason(),
            format!("{fault}; the form it had before stays in force"),
        ),
        Some(fault) => (false, fault.reason(), format!("{fault}; not in force")),
    };
    let accepted = Statement {
        kind: ACCEPTED,
        holds,
        reason,
        message: &message,
    };
    let warnings: Vec<_> = verdict.warnings.iter().map(ToString::to_string).collect();
    let warnings = warnings.join("; ");
    let warning = verdict.warnings.first().map(|warning| Statement {
        kind: WARNING,
        holds: true,
        reason: warning.reason(),
        message: &warnings,
    });
    let statements = [accepted].into_iter().chain(warning);
    statements
        .map(|statement| statement.condition(shown, Some(verdict.generation), wall))
        .collect()
}

/// The status with these conditions; none if it has them already.
pub(super) fn differing(wanted: Vec<Condition>, shown: &[Condition]) -> Option<Content> {
    (wanted != ours(shown)).then(|| Content::Status(json!({"conditions": wanted})))
}
