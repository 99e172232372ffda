//! Metrics, alerts, runbooks and the dashboard: each tells of what is there, and of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use guards::{output, root};
use serde_json::Value;

const PAGE: &str = "docs/metrics.md";
const RUNBOOKS: &str = "docs/runbooks.md";
const ALERTS: &str = "deploy/herald/files/monitoring/alerts.yaml";
const DASHBOARD: &str = "deploy/herald/files/monitoring/dashboard.json";

/// Where series are registered, and what all of their names begin with.
const SOURCES: &[(&str, &str)] = &[
    ("crates/process/src/readiness.rs", ""),
    ("crates/api/src/events.rs", ""),
    ("controller/src/metrics.rs", "herald_controller_"),
    ("speaker/src/report/metrics/layer2.rs", "herald_speaker_"),
    ("speaker/src/report/metrics/bgp.rs", "herald_speaker_"),
];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The series on the page, each with its type and labels.
fn on_the_page() -> BTreeMap<String, (String, Vec<String>)> {
    let page = read(PAGE);
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `herald_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = format!("herald_{}", cells[0].trim_end_matches('`'));
        let labels = cells[2].split(',').map(|label| label.trim().trim_matches('`'));
        let labels = labels.filter(|label| !label.is_empty()).map(str::to_owned);
        (name, (cells[1].to_owned(), labels.collect()))
    })
    .collect()
}

/// The names that sources register: a first string of two, which is a name, where the second is a sentence.
fn in_the_code() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (file, prefix) in SOURCES {
        let text = read(file);
        let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
        let strings: Vec<&str> = text[..tests].split('"').collect();
        for three in strings.windows(3).skip(1).step_by(2) {
            let [name, between, help] = three else { continue };
            let is_name = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_name && between.trim() == "," && help.contains(' ') {
                names.insert(format!("{prefix}{name}"));
            }
        }
    }
    names
}

fn without_total(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

/// P-OBS-17, P-OBS-18, P-OBS-19, P-OBS-20: what is counted is on one page.
#[test]
fn the_page_of_metrics_lists_every_series_and_no_other() {
    let page: BTreeSet<String> = on_the_page()
        .keys()
        .map(|name| without_total(name).to_owned())
        .collect();
    let code = in_the_code();
    assert!(code.len() > 50, "{code:?}");
    let missing: Vec<_> = code.difference(&page).collect();
    let gone: Vec<_> = page.difference(&code).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "{PAGE} lacks {missing:?} and tells of {gone:?}, which are not registered"
    );
}

#[test]
fn a_counter_ends_in_total_and_nothing_else_does() {
    for (name, (kind, _)) in on_the_page() {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
    }
}

/// The words of an expression that are names of series.
fn series(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("herald_"))
        .map(str::to_owned)
        .collect()
}

fn rules() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&read(ALERTS)).expect("the alerts are YAML");
    let groups = file["groups"].as_array().expect("a list of groups").clone();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("a list of rules").clone())
        .collect()
}

#[test]
fn every_alert_goes_by_series_that_there_are_and_has_a_runbook_and_no_runbook_is_left_over() {
    let page = on_the_page();
    let runbooks = read(RUNBOOKS);
    let sections: BTreeSet<&str> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let mut alerts = BTreeSet::new();
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        let expression = rule["expr"].as_str().unwrap();
        for series in series(expression) {
            assert!(
                page.contains_key(&series),
                "{name} goes by {series}, which {PAGE} does not have"
            );
        }
        assert!(name.starts_with("Herald") && rule["for"].is_string(), "{name}");
        assert!(
            ["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap()),
            "{name}"
        );
        for text in ["summary", "description"] {
            assert!(
                rule["annotations"][text]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{name} has no {text}"
            );
        }
        assert!(
            !rule["annotations"]["summary"].as_str().unwrap().contains("{{"),
            "{name}: the summary is the same for all"
        );
        let runbook = format!("{RUNBOOKS}#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook_url"], runbook, "{name}");
        assert!(sections.contains(name), "{RUNBOOKS} has no section `### {name}`");
        alerts.insert(name.to_owned());
    }
    let left: Vec<_> = sections
        .iter()
        .filter(|section| !alerts.contains(**section))
        .collect();
    assert!(
        left.is_empty(),
        "{RUNBOOKS} tells of {left:?}, which are no alerts"
    );
}

/// Each fires for its fault and is silent without it, by Prometheus' own word.
#[test]
fn every_alert_fires_for_its_fault_and_is_silent_without_it() {
    let tests: Value = serde_saphyr::from_str(&read("tests/guards/alerts.yaml")).unwrap();
    let expectations = |alert: &str, fires: bool| {
        let tests = tests["tests"].as_array().unwrap().iter();
        tests
            .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
            .filter(|test| {
                test["alertname"] == alert && (test["exp_alerts"].as_array().unwrap().is_empty() != fires)
            })
            .count()
    };
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        assert!(
            expectations(name, true) > 0 && expectations(name, false) > 0,
            "{name} is not tried both ways"
        );
    }
    // `apt-get install prometheus` provides it; so does `make setup`.
    output("promtool", &["check", "rules", ALERTS]);
    output("promtool", &["test", "rules", "tests/guards/alerts.yaml"]);
}

/// The rules that Grafana's linter of dashboards has, as far as they can be told from the file; and every query is one for Prometheus.
#[test]
fn every_panel_is_explained_and_asks_for_series_that_there_are() {
    let page = on_the_page();
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    assert_eq!(dashboard["uid"], "herald");
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut asked = BTreeSet::new();
    let mut queries = Vec::new();
    for panel in panels {
        assert!(
            ids.insert(panel["id"].as_u64()),
            "two panels have the id {}",
            panel["id"]
        );
        let title = panel["title"].as_str().unwrap();
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{title} is not explained"
        );
        assert!(
            panel["fieldConfig"]["defaults"]["unit"].is_string(),
            "{title} has no unit"
        );
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            for series in series(query) {
                assert!(
                    page.contains_key(&series),
                    "{title} asks for {series}, which {PAGE} does not have"
                );
                let is_rate =
                    query.contains(&format!("rate({series}{{")) && query.contains("[$__rate_interval]");
                assert!(
                    !series.ends_with("_total") || is_rate,
                    "{title}: a counter is shown as a rate"
                );
                asked.insert(series);
            }
            assert!(query.contains("$namespace"), "{title} does not go by $namespace");
            queries.push(query.replace("$__rate_interval", "5m"));
        }
    }
    assert!(asked.len() > 30, "{asked:?}");
    parse(&queries);
}

/// Has Prometheus parse each query, as a rule that would record it.
fn parse(queries: &[String]) {
    let rules: Vec<Value> = (0..)
        .zip(queries)
        .map(|(number, query)| serde_json::json!({"record": format!("query_{number}"), "expr": query}))
        .collect();
    let file = tempfile::NamedTempFile::new().expect("a folder for temporary files");
    let group = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    fs::write(file.path(), group.to_string()).expect("room for a file");
    output(
        "promtool",
        &["check", "rules", file.path().to_str().expect("a name in UTF-8")],
    );
}
