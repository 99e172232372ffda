//! Durations as Kubernetes writes them, such as "90s" or "1m30s".

use super::{rule, with_rules};
use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

/// What Go's `time.ParseDuration` takes, without a sign and without very large numbers.
const FORM: &str = "^(0|([0-9]{1,5}([.][0-9]{1,9})?(ms|s|m|h))+)$";

/// 0, or a hold time that RFC 4271 allows.
pub(crate) fn hold_time(_: &mut SchemaGenerator) -> Schema {
    duration(
        "d == duration('0s') || d >= duration('3s') && d <= duration('65535s')",
        r#"write "0s" for none, or whole seconds from "3s" to "65535s""#,
    )
}

/// How often keepalives are sent. How it compares with the hold time is a rule about the whole object.
pub(crate) fn keepalive_time(_: &mut SchemaGenerator) -> Schema {
    duration(
        "d == duration('0s') || d >= duration('1s') && d <= duration('65535s')",
        r#"write "0s" for none, or whole seconds from "1s" to "65535s""#,
    )
}

pub(crate) fn connect_time(_: &mut SchemaGenerator) -> Schema {
    duration(
        "d >= duration('1s') && d <= duration('65535s')",
        r#"write whole seconds from "1s" to "65535s""#,
    )
}

/// What 12 bits hold (RFC 4724 §3).
pub(crate) fn graceful_restart_time(_: &mut SchemaGenerator) -> Schema {
    duration(
        "d >= duration('1s') && d <= duration('4095s')",
        r#"write whole seconds from "1s" to "4095s""#,
    )
}

pub(crate) fn graceful_shutdown_time(_: &mut SchemaGenerator) -> Schema {
    duration(
        "d <= duration('10m')",
        r#"write whole seconds from "0s" to "10m""#,
    )
}

/// A rule about two durations, where both are there and can be read.
pub(super) fn of_both(one: &str, other: &str, holds: &str, message: &str) -> Rule {
    rule(
        format!(
            "!has(self.{one}) || !has(self.{other}) || ![self.{one}, self.{other}].all(t, t.matches('{FORM}')) || {holds}"
        ),
        message,
    )
}

/// A duration `d` of whole seconds for which `holds` does.
fn duration(holds: &str, advice: &str) -> Schema {
    let text = json_schema!({ "type": "string", "maxLength": 32 });
    let form = rule(
        format!("self.matches('{FORM}')"),
        r#"'"' + self + '" is no duration: write a number with a unit, such as "90s" or "1m30s"'"#,
    );
    let bounds = rule(
        format!(
            "!self.matches('{FORM}') || [duration(self)].all(d, d.getMilliseconds() % 1000 == 0 && ({holds}))"
        ),
        format!(r#"'"' + self + '" is not possible: {advice}'"#),
    );
    with_rules(text, &[form, bounds])
}
