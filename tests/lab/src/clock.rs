//! The only place of the lab that reads the clock and sleeps.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};

use crate::interrupt;

/// How long [`wait_for`] rests between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// The present moment, monotonic.
#[allow(
    clippy::disallowed_methods,
    reason = "the lab measures real machines: this is its clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The present moment, on the clock that the kernel stamps received frames and datagrams with.
#[allow(
    clippy::disallowed_methods,
    reason = "the kernel stamps what it receives by the wall clock"
)]
pub fn stamp() -> SystemTime {
    SystemTime::now()
}

/// Looks again and again until `condition` gives a value, and gives it back.
///
/// An error of `condition` counts as "not yet": a cluster that is coming up answers with many. When `timeout` has
/// passed, the last of them is the cause of the error that names `what` was waited for. Ends at once on Ctrl-C.
pub fn wait_for<T>(
    what: &str,
    timeout: Duration,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = now() + timeout;
    loop {
        let seen = condition();
        if let Ok(Some(value)) = seen {
            return Ok(value);
        }
        interrupt::check()?;
        if now() >= end {
            seen.with_context(|| format!("waited {timeout:?} for {what}"))?;
            bail!("waited {timeout:?} for {what}");
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_ends_the_wait_with_its_value() {
        let mut looks = 0;
        let seen = wait_for("three looks", Duration::from_secs(5), || {
            looks += 1;
            if looks == 1 {
                bail!("not there yet");
            }
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(seen.unwrap(), 3);
    }

    #[test]
    fn a_wait_that_fails_names_what_was_missing_and_the_last_reason() {
        let failed: Result<()> = wait_for("the moon", Duration::ZERO, || bail!("it is day"));
        assert_eq!(
            format!("{:#}", failed.unwrap_err()),
            "waited 0ns for the moon: it is day"
        );
    }
}
