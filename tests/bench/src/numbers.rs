use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Number, Value};

/// What was measured, for programs: a flat object of numbers.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Map<String, Value>);

impl Numbers {
    /// Adds a number. What is none, such as the mean of nothing, is null.
    pub(crate) fn add(&mut self, key: &str, value: f64) {
        let value = Number::from_f64((value * 1000.0).round() / 1000.0);
        self.0
            .insert(key.to_owned(), value.map_or(Value::Null, Value::Number));
    }

    /// Writes all of them to a file, whose folder is made where it is missing.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let folder = file.parent().context("a file in no folder")?;
        fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(&self.0)?;
        fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
    }
}

#[cfg(test)]
impl Numbers {
    pub(crate) fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_there_under_its_key() {
        let mut numbers = Numbers::default();
        numbers.add("cores", 2.0);
        numbers.add("mean", f64::NAN);
        numbers.add("one_p50_ms", 7.00049);
        assert_eq!(
            numbers.into_json(),
            serde_json::json!({"cores": 2.0, "mean": null, "one_p50_ms": 7.0})
        );
    }
}
