//! Times: whole seconds are what Herald takes.

use serde_json::Value;

/// Reads `1m30s`, `90`, `"90"` or `1.5s` as whole seconds; parts of a second count as one.
pub(crate) fn seconds(value: &Value) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return Some(number);
    }
    let text = value.as_str()?.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (mut rest, mut milliseconds) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|one: char| !one.is_ascii_digit() && one != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let length = after
            .find(|one: char| one.is_ascii_digit())
            .unwrap_or(after.len());
        let factor = match &after[..length] {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "µs" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        milliseconds += number * factor;
        rest = &after[length..];
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time of a few hours at most, and not negative"
    )]
    let whole = (milliseconds / 1000.0).ceil() as u64;
    Some(whole)
}

/// As Herald's objects write it.
pub(crate) fn written(seconds: u64) -> Value {
    format!("{seconds}s").into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_any_form_are_whole_seconds() {
        let read = [
            json!("3m0s"),
            json!("1m30s"),
            json!(30),
            json!("30"),
            json!("1.5s"),
            json!("250ms"),
            json!("1h"),
        ];
        let seconds: Vec<_> = read.iter().map(seconds).collect();
        assert_eq!(
            seconds,
            [
                Some(180),
                Some(90),
                Some(30),
                Some(30),
                Some(2),
                Some(1),
                Some(3600)
            ]
        );
        assert_eq!(super::seconds(&json!("soon")), None);
    }
}
