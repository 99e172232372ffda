use std::collections::BTreeMap;

use crate::fault::Fault;

/// Refuses a list of the field `field` that has an entry twice.
pub(crate) fn without_duplicates<T: Ord>(field: &str, list: &[T]) -> Result<(), Fault> {
    let mut seen = BTreeMap::new();
    for (second, entry) in list.iter().enumerate() {
        if let Some(first) = seen.insert(entry, second) {
            return Err(Fault::Duplicate {
                field: field.to_owned(),
                first,
                second,
            });
        }
    }
    Ok(())
}
