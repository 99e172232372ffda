//! Who owns which field of a status, as the API server keeps account of it: server-side apply with managers, force and the removal of
//! what a manager no longer lists, and updates and merge patches, which take what they change.
//!
//! The account is kept where the API server keeps it, in `metadata.managedFields`. A status is a tree of fields; lists are leaves, but
//! for conditions, of which each type is a branch.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

/// A field that somebody else owns, and that an apply without force would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) manager: String,
}

/// A way through the tree, each step as `managedFields` writes it. `.` at its end is a branch itself.
type Path = Vec<String>;

/// The account of one object.
#[derive(Clone, Debug, Default, PartialEq)]
struct Managers(Vec<Manager>);

#[derive(Clone, Debug, PartialEq)]
struct Manager {
    name: String,
    operation: &'static str,
    fields: BTreeSet<Path>,
}

/// Server-side apply of a status. `live` is null where there is none.
pub(crate) fn apply(
    live: &mut Value,
    account: &mut Option<Vec<ManagedFieldsEntry>>,
    manager: &str,
    config: &Value,
    force: bool,
) -> Result<(), Conflict> {
    let mut managers = Managers::read(account.as_deref());
    let config_fields = fields(config);
    let mut merged = live.clone();
    merge(&mut merged, config);
    let changed: BTreeSet<Path> = config_fields
        .iter()
        .filter(|path| value(live, path) != value(&merged, path))
        .cloned()
        .collect();
    for other in managers.others(manager, "Apply") {
        if !force && other.fields.intersection(&changed).next().is_some() {
            return Err(Conflict {
                manager: other.name.clone(),
            });
        }
        other.fields.retain(|path| !changed.contains(path));
    }
    let before = managers.fields_of(manager, "Apply");
    for path in before.difference(&config_fields) {
        if !managers.own(manager, "Apply", path) {
            remove(&mut merged, path);
        }
    }
    managers.set(manager, "Apply", config_fields);
    *live = merged;
    *account = managers.write();
    Ok(())
}

/// A write of a status that is not an apply: `after` is in the place of `before`.
pub(crate) fn update(
    before: &Value,
    after: &Value,
    account: &mut Option<Vec<ManagedFieldsEntry>>,
    manager: &str,
) {
    let mut managers = Managers::read(account.as_deref());
    let (old, new) = (fields(before), fields(after));
    let changed: BTreeSet<Path> = new
        .iter()
        .filter(|path| !old.contains(*path) || value(before, path) != value(after, path))
        .cloned()
        .collect();
    for other in &mut managers.0 {
        let taken = (other.name.as_str(), other.operation) != (manager, "Update");
        other
            .fields
            .retain(|path| new.contains(path) && !(taken && changed.contains(path)));
    }
    let mut own = managers.fields_of(manager, "Update");
    own.extend(changed);
    managers.set(manager, "Update", own);
    *account = managers.write();
}

/// A merge (RFC 7386).
pub(crate) fn merge_patch(live: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *live = patch.clone();
        return;
    };
    if !live.is_object() {
        *live = json!({});
    }
    let Some(live) = live.as_object_mut() else { return };
    for (key, value) in patch {
        match value.is_null() {
            true => drop(live.remove(key)),
            false => merge_patch(live.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}

impl Managers {
    fn read(entries: Option<&[ManagedFieldsEntry]>) -> Self {
        let read = |entry: &ManagedFieldsEntry| {
            let tree = entry.fields_v1.as_ref()?.0.get("f:status")?;
            let mut fields = BTreeSet::new();
            read_tree(tree, &mut Vec::new(), &mut fields);
            Some(Manager {
                name: entry.manager.clone()?,
                operation: if entry.operation.as_deref() == Some("Apply") {
                    "Apply"
                } else {
                    "Update"
                },
                fields,
            })
        };
        Self(entries.unwrap_or_default().iter().filter_map(read).collect())
    }

    fn write(self) -> Option<Vec<ManagedFieldsEntry>> {
        let with_fields = self.0.into_iter().filter(|manager| !manager.fields.is_empty());
        let entries: Vec<_> = with_fields
            .map(|manager| {
                let mut tree = json!({});
                for path in &manager.fields {
                    let leaf = path.iter().fold(&mut tree, |tree, step| &mut tree[step.as_str()]);
                    if leaf.is_null() {
                        *leaf = json!({});
                    }
                }
                ManagedFieldsEntry {
                    manager: Some(manager.name),
                    operation: Some(manager.operation.to_owned()),
                    subresource: Some("status".to_owned()),
                    fields_v1: Some(FieldsV1(json!({"f:status": tree}))),
                    ..ManagedFieldsEntry::default()
                }
            })
            .collect();
        (!entries.is_empty()).then_some(entries)
    }

    fn fields_of(&self, name: &str, operation: &str) -> BTreeSet<Path> {
        let mut own = self.0.iter().filter(|manager| manager.is(name, operation));
        own.next()
            .map(|manager| manager.fields.clone())
            .unwrap_or_default()
    }

    fn others(&mut self, name: &str, operation: &str) -> impl Iterator<Item = &mut Manager> {
        self.0
            .iter_mut()
            .filter(move |manager| !manager.is(name, operation))
    }

    /// Whether another manager owns a field, or something beneath a branch.
    fn own(&self, name: &str, operation: &str, path: &Path) -> bool {
        let branch = path.strip_suffix(&[".".to_owned()]);
        let beneath = |field: &Path| match branch {
            Some(branch) => field.starts_with(branch),
            None => field == path,
        };
        let mut others = self.0.iter().filter(|manager| !manager.is(name, operation));
        others.any(|manager| manager.fields.iter().any(beneath))
    }

    fn set(&mut self, name: &str, operation: &'static str, fields: BTreeSet<Path>) {
        self.0.retain(|manager| !manager.is(name, operation));
        self.0.push(Manager {
            name: name.to_owned(),
            operation,
            fields,
        });
    }
}

impl Manager {
    fn is(&self, name: &str, operation: &str) -> bool {
        self.name == name && self.operation == operation
    }
}

fn read_tree(tree: &Value, path: &mut Path, fields: &mut BTreeSet<Path>) {
    let Some(branches) = tree.as_object().filter(|branches| !branches.is_empty()) else {
        fields.insert(path.clone());
        return;
    };
    for (step, below) in branches {
        path.push(step.clone());
        read_tree(below, path, fields);
        path.pop();
    }
}

/// The leaves of a status, and the branches that conditions are.
fn fields(status: &Value) -> BTreeSet<Path> {
    let mut fields = BTreeSet::new();
    collect(status, &mut Vec::new(), &mut fields);
    fields
}

fn collect(value: &Value, path: &mut Path, fields: &mut BTreeSet<Path>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                path.push(format!("f:{key}"));
                collect(value, path, fields);
                path.pop();
            }
        }
        Value::Array(list) if is_by_type(path) => {
            for item in list {
                path.push(key_of(item));
                path.push(".".to_owned());
                fields.insert(path.clone());
                path.pop();
                collect(item, path, fields);
                path.pop();
            }
        }
        Value::Null => {}
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            fields.insert(path.clone());
        }
    }
}

fn is_by_type(path: &Path) -> bool {
    path.last().is_some_and(|step| step == "f:conditions")
}

fn key_of(item: &Value) -> String {
    format!("k:{{\"type\":{}}}", item["type"])
}

fn value<'a>(status: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(status, |value, step| {
        if let Some(field) = step.strip_prefix("f:") {
            value.get(field)
        } else if step == "." {
            Some(&Value::Null)
        } else {
            value.as_array()?.iter().find(|item| key_of(item) == *step)
        }
    })
}

/// What `config` says is so in `live`, and what it does not say stays.
fn merge(live: &mut Value, config: &Value) {
    let Value::Object(config) = config else {
        *live = config.clone();
        return;
    };
    if !live.is_object() {
        *live = Value::Object(Map::new());
    }
    for (key, value) in config {
        let place = &mut live[key.as_str()];
        match (key == "conditions", value) {
            (true, Value::Array(items)) => merge_by_type(place, items),
            _ => merge(place, value),
        }
    }
}

fn merge_by_type(live: &mut Value, items: &[Value]) {
    if !live.is_array() {
        *live = json!([]);
    }
    let Some(list) = live.as_array_mut() else { return };
    for item in items {
        match list.iter_mut().find(|known| known["type"] == item["type"]) {
            Some(known) => merge(known, item),
            None => list.push(item.clone()),
        }
    }
}

fn remove(status: &mut Value, path: &Path) {
    let Some((last, way)) = path.split_last() else {
        return;
    };
    let (way, last) = match (last.as_str(), way.split_last()) {
        (".", Some((branch, way))) => (way, branch),
        _ => (way, last),
    };
    let mut place = status;
    for step in way {
        let next = match step.strip_prefix("f:") {
            Some(field) => place.get_mut(field),
            None => place
                .as_array_mut()
                .and_then(|list| list.iter_mut().find(|item| key_of(item) == *step)),
        };
        let Some(next) = next else { return };
        place = next;
    }
    match (last.strip_prefix("f:"), place) {
        (Some(field), Value::Object(object)) => drop(object.remove(field)),
        (None, Value::Array(list)) => list.retain(|item| key_of(item) != *last),
        (Some(_) | None, _) => {}
    }
}
