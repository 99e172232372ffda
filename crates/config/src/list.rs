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

/// Refuses a number of the field `field` that is out of bounds.
pub(crate) fn within<T: TryFrom<i32>>(field: &str, value: i32, least: i32, most: i32) -> Result<T, Fault> {
    let inside = Some(value).filter(|value| (least..=most).contains(value));
    inside
        .and_then(|value| T::try_from(value).ok())
        .ok_or_else(|| Fault::OutOfBounds {
            field: field.to_owned(),
            value,
            least,
            most,
        })
}
