//! What is found, in the forms that build servers read: SARIF 2.1.0 and JUnit.

use explain::{Finding, ServiceChange, Severity};
use serde_json::{Value, json};

use super::change;

/// Where the codes are told.
const PAGE: &str = "docs/kubectl-herald.md";

/// SARIF: one result for each finding, and one for each Service that would lose its addresses.
pub(super) fn sarif(findings: &[Finding], changes: &[ServiceChange]) -> Value {
    let mut rules: Vec<_> = findings.iter().map(|finding| finding.code.word()).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules = rules.iter().map(|word| {
        json!({"id": word, "helpUri": format!("{PAGE}#{}", word.to_lowercase()), "shortDescription": {"text": word}})
    });
    let mut rules: Vec<_> = rules.collect();
    let mut results: Vec<_> = findings.iter().map(result).collect();
    let lost: Vec<_> = changes.iter().filter(|change| change.after.is_empty()).collect();
    if !lost.is_empty() {
        rules.push(
            json!({"id": "ServiceChange", "shortDescription": {"text": "A Service would have no address"}}),
        );
    }
    results.extend(lost.into_iter().map(|lost| {
        json!({
            "ruleId": "ServiceChange", "level": "error", "message": {"text": change(lost)},
            "locations": [location(&format!("service/{}", lost.service))],
        })
    }));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "kubectl-herald", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let text = match &finding.next {
        Some(next) => format!("{} {}: {}", finding.text, next.advice, next.command),
        None => finding.text.clone(),
    };
    json!({
        "ruleId": finding.code.word(), "level": level, "message": {"text": text}, "locations": [location(&finding.object)],
    })
}

fn location(object: &str) -> Value {
    json!({"logicalLocations": [{"fullyQualifiedName": object}]})
}

/// JUnit: one case for each finding and each change; errors fail, the rest is told.
pub(super) fn junit(findings: &[Finding], changes: &[ServiceChange]) -> String {
    let mut cases = Vec::new();
    let mut failures = 0;
    for finding in findings {
        let (class, name) = (finding.code.word(), finding.object.as_str());
        let fails = finding.severity == Severity::Error;
        failures += usize::from(fails);
        cases.push(case(class, name, &finding.text, fails));
    }
    for changed in changes {
        let fails = changed.after.is_empty();
        failures += usize::from(fails);
        cases.push(case("ServiceChange", &changed.service, &change(changed), fails));
    }
    if cases.is_empty() {
        cases.push("    <testcase classname=\"check\" name=\"objects\"/>".to_owned());
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"kubectl herald check\" tests=\"{}\" failures=\"{failures}\">\n{}\n  </testsuite>\n</testsuites>",
        cases.len(),
        cases.join("\n")
    )
}

fn case(class: &str, name: &str, text: &str, fails: bool) -> String {
    let (class, name, text) = (escaped(class), escaped(name), escaped(text));
    let inside = match fails {
        true => format!("<failure message=\"{text}\"/>"),
        false => format!("<system-out>{text}</system-out>"),
    };
    format!("    <testcase classname=\"{class}\" name=\"{name}\">{inside}</testcase>")
}

/// Text of objects within XML: what XML 1.0 does not allow is taken out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            one if one.is_control() => {}
            one => escaped.push(one),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use explain::{Cluster, Installation, Study};

    use super::*;

    fn findings() -> Vec<Finding> {
        let mut cluster = Cluster::empty();
        let pool = json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool", "metadata": {"name": "lan"}, "spec": {"addresses": ["<\"&\u{7}"]},
        });
        cluster.apply(&pool).unwrap();
        Study::of(&cluster, &Installation::default()).of_these_objects()
    }

    fn lost() -> Vec<ServiceChange> {
        vec![ServiceChange {
            service: "shop/web".to_owned(),
            before: vec!["10.0.0.1".parse().unwrap()],
            after: Vec::new(),
            refused: Some("no pool".to_owned()),
        }]
    }

    #[test]
    fn sarif_has_a_rule_and_a_place_for_each_result() {
        let report = sarif(&findings(), &lost());
        let run = &report["runs"][0];
        let rules: Vec<_> = run["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["id"].clone())
            .collect();
        assert_eq!(rules, ["NotAccepted", "ServiceChange"]);
        let results = run["results"].as_array().unwrap();
        assert!(
            results
                .iter()
                .all(|result| rules.contains(&result["ruleId"]) && result["level"] == "error")
        );
        assert_eq!(
            results[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
            "ippools.heraldlb.io/lan"
        );
        assert!(
            results[1]["message"]["text"]
                .as_str()
                .unwrap()
                .contains("would lose 10.0.0.1")
        );
    }

    #[test]
    fn junit_fails_for_errors_and_stays_xml_whatever_objects_say() {
        let report = junit(&findings(), &lost());
        assert!(report.contains("tests=\"2\" failures=\"2\""), "{report}");
        assert!(report.contains("&lt;") && !report.contains('\u{7}'), "{report}");
        assert!(junit(&[], &[]).contains("tests=\"1\" failures=\"0\""));
    }
}
