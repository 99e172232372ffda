//! A plan, for people.

use ::migrate::{Plan, PlannedObject, PlannedSecret, Remark, SecretSource, ServicePlan, Step, Weight};
use anstyle::{AnsiColor, Style};

use crate::output::{Column, heading, or_none, plain, table};

pub(super) fn text(plan: &Plan) -> String {
    let mut parts = vec![heading(&format!("{} ({})", plan.summary, plan.verdict))];
    for weight in [Weight::Refuse, Weight::Decide, Weight::Know, Weight::Dropped] {
        let remarks: Vec<_> = plan.remarks_of(weight).map(remark).collect();
        if !remarks.is_empty() {
            parts.push(remarks.join("\n"));
        }
    }
    if !plan.services.is_empty() {
        parts.push(format!("{}\n{}", heading("SERVICES"), services(&plan.services)));
    }
    if !plan.classes.is_empty() {
        let text = format!(
            "Herald is to serve these classes, too (alsoServeClasses of its chart): {}",
            plan.classes.join(", ")
        );
        parts.push(text);
    }
    if !plan.secrets.is_empty() {
        let secrets: Vec<_> = plan.secrets.iter().map(secret).collect();
        parts.push(format!("{}\n{}", heading("SECRETS"), secrets.join("\n")));
    }
    if !plan.objects.is_empty() {
        let objects: Vec<_> = plan.objects.iter().map(object).collect();
        parts.push(format!("{}\n{}", heading("OBJECTS"), objects.join("---\n")));
    }
    let steps: Vec<_> = plan
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| self::step(index + 1, step))
        .collect();
    parts.push(format!("{}\n{}", heading("STEPS"), steps.join("\n")));
    parts.push(format!("Nothing was changed. This plan is {}", plan.digest));
    parts.join("\n\n")
}

fn remark(remark: &Remark) -> String {
    let colour = match remark.weight {
        Weight::Refuse => AnsiColor::Red,
        Weight::Decide => AnsiColor::Yellow,
        Weight::Know | Weight::Dropped => AnsiColor::Cyan,
    };
    let style = Style::new().fg_color(Some(colour.into())).bold();
    let word = remark.weight.word();
    format!(
        "{style}{word}{style:#} {} {}: {}",
        remark.code.word(),
        plain(&remark.object),
        plain(&remark.text)
    )
}

fn services(services: &[ServicePlan]) -> String {
    let joined = |list: Vec<String>| match list.is_empty() {
        true => None,
        false => Some(list.join(",")),
    };
    let columns = [
        Column {
            title: "SERVICE",
            wide: false,
            cell: |row: &ServicePlan| row.service.clone(),
        },
        Column {
            title: "NOW",
            wide: false,
            cell: |row| or_none(addresses(&row.before).as_deref()),
        },
        Column {
            title: "THEN",
            wide: false,
            cell: |row| or_none(addresses(&row.after).as_deref()),
        },
        Column {
            title: "POOL",
            wide: false,
            cell: |row| {
                or_none(
                    Some(row.pools.join(","))
                        .filter(|text| !text.is_empty())
                        .as_deref(),
                )
            },
        },
        Column {
            title: "FROM-NODE",
            wide: false,
            cell: |row| or_none(row.hint.as_deref()),
        },
        Column {
            title: "CLASS",
            wide: false,
            cell: |row| or_none(row.class.as_deref()),
        },
        Column {
            title: "VERDICT",
            wide: false,
            cell: |row| row.verdict.clone(),
        },
    ];
    let mut text = table(services, &columns, false);
    for service in services {
        let added: Vec<_> = service
            .add
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let mut removed = service.remove_annotations.clone();
        removed.extend(service.remove_labels.iter().map(|label| format!("label {label}")));
        removed.extend(
            service
                .remove_finalizers
                .iter()
                .map(|finalizer| format!("finalizer {finalizer}")),
        );
        if service.clear_load_balancer_ip {
            removed.push("spec.loadBalancerIP".to_owned());
        }
        if let Some(added) = joined(added) {
            text += &format!("\n{} gets {added}", service.service);
        }
        if let Some(removed) = joined(removed) {
            text += &format!("\n{} loses {removed}", service.service);
        }
        if let Some(twin) = &service.twin {
            text += &format!(
                "\n{} stands beside {}",
                twin["metadata"]["name"].as_str().unwrap_or_default(),
                service.service
            );
        }
    }
    text
}

fn addresses(addresses: &[std::net::IpAddr]) -> Option<String> {
    let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    (!all.is_empty()).then(|| all.join(","))
}

fn secret(secret: &PlannedSecret) -> String {
    let from = match &secret.source {
        SecretSource::Field { object, path } => format!("{path} of {object}"),
        SecretSource::Secret { namespace, name, key } => format!("{key} of Secret {namespace}/{name}"),
    };
    format!("{}: password *** from {from}", secret.name)
}

fn object(planned: &PlannedObject) -> String {
    let exists = if planned.exists {
        " (it is there already)"
    } else {
        ""
    };
    let text = serde_saphyr::to_string(&planned.object)
        .unwrap_or_else(|error| format!("# cannot be written: {error}\n"));
    format!("# from {}{exists}\n{text}", planned.sources.join(", "))
}

fn step(number: usize, step: &Step) -> String {
    format!(
        "{number}. {}: {}\n   then: {}\n   undo: {}",
        step.name, step.does, step.check, step.undo
    )
}
