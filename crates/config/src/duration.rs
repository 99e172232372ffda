//! Durations as Kubernetes writes them.

use std::time::Duration;

/// Reads numbers with units, each with a fraction or not: `90s`, `1m30s`, `1.5h`, `500ms`; and `0`. None for anything else, and
/// for what is more than a century.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanoseconds: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        let (unit, after) = unit(after)?;
        rest = after;
        nanoseconds = nanoseconds.checked_add(scaled(whole, fraction, unit)?)?;
    }
    let century = 100 * 365 * 24 * 3_600_000_000_000;
    (!text.is_empty() && nanoseconds <= century).then(|| Duration::from_nanos(nanoseconds))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// The unit that the text begins with, in nanoseconds.
fn unit(text: &str) -> Option<(u64, &str)> {
    const UNITS: [(&str, u64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("\u{b5}s", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let mut units = UNITS.iter();
    units.find_map(|(name, nanoseconds)| Some((*nanoseconds, text.strip_prefix(name)?)))
}

fn scaled(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    // Nine digits are as fine as a nanosecond of a second; what is finer is dropped.
    let fraction = fraction.get(..9).unwrap_or(fraction);
    if whole.is_empty() {
        return None;
    }
    let parts = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let of_unit = match fraction.is_empty() {
        true => 0,
        false => u128::from(fraction.parse::<u64>().ok()?) * u128::from(unit) / u128::from(parts),
    };
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    whole.checked_add(u64::try_from(of_unit).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_as_kubernetes_writes_them() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("90s", 90_000),
            ("1m30s", 90_000),
            ("1.5s", 1_500),
            ("1h0m0.5s", 3_600_500),
            ("250ms", 250),
            ("1000000ns", 1),
            ("1000us", 1),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "5",
            "5 s",
            "-5s",
            "+5s",
            "5x",
            ".5s",
            "5s5",
            "99999999999999999999s",
            "9999999h",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_duration_or_none(text in "[0-9.hmsnu ]{0,24}|\\PC{0,12}") {
            let _ = duration(&text);
        }
    }
}
