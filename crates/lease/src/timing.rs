//! How patient the candidates for a lease are.

use std::time::Duration;

/// How long a lease lasts, how often it is renewed, and how late a leader's last request may come. What it holds is in order: period < deadline < duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    pub(crate) lease_duration: Duration,
    pub(crate) renew_deadline: Duration,
    pub(crate) retry_period: Duration,
    pub(crate) settle: Duration,
}

/// A timing that could give the lease to two processes at once, or to none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// Two leaders could overlap.
    #[error(
        "the renew deadline ({renew_deadline:?}) must be shorter than the lease duration ({lease_duration:?})"
    )]
    DeadlineNotBelowDuration {
        /// What was given.
        renew_deadline: Duration,
        /// What was given.
        lease_duration: Duration,
    },
    /// A leader would lose the lease before it tries to renew it.
    #[error(
        "the retry period ({retry_period:?}) must be above zero and shorter than the renew deadline ({renew_deadline:?})"
    )]
    PeriodNotBelowDeadline {
        /// What was given.
        retry_period: Duration,
        /// What was given.
        renew_deadline: Duration,
    },
}

impl Timing {
    /// * `lease_duration`: how long the others leave a lease alone that does not change. Written in whole seconds, rounded up.
    /// * `renew_deadline`: how long a leader goes on without having renewed.
    /// * `retry_period`: how often a leader renews, and how often a standby looks.
    /// * `settle`: how long what a leader sent may still take effect. Who comes back after a crash leaves the lease of its former
    ///   life alone for so long, unless the lease itself is shorter.
    ///
    /// # Errors
    /// Two processes could lead at once, or none could.
    pub fn new(
        lease_duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
        settle: Duration,
    ) -> Result<Self, TimingError> {
        if renew_deadline >= lease_duration {
            return Err(TimingError::DeadlineNotBelowDuration {
                renew_deadline,
                lease_duration,
            });
        }
        if retry_period.is_zero() || retry_period >= renew_deadline {
            return Err(TimingError::PeriodNotBelowDeadline {
                retry_period,
                renew_deadline,
            });
        }
        Ok(Self {
            lease_duration,
            renew_deadline,
            retry_period,
            settle,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timing_that_could_make_two_leaders_or_none_is_refused() {
        let refused = |duration, deadline, period| {
            let seconds = Duration::from_secs;
            Timing::new(seconds(duration), seconds(deadline), seconds(period), seconds(5))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(15, 15, 2),
            "the renew deadline (15s) must be shorter than the lease duration (15s)"
        );
        assert_eq!(
            refused(15, 10, 10),
            "the retry period (10s) must be above zero and shorter than the renew deadline (10s)"
        );
        assert_eq!(
            refused(15, 10, 0),
            "the retry period (0ns) must be above zero and shorter than the renew deadline (10s)"
        );
    }
}
