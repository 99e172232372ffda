use std::time::Duration;

/// Durations of one thing done many times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distribution {
    /// In milliseconds, sorted.
    samples: Vec<f64>,
}

impl Distribution {
    pub(crate) fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut samples: Vec<_> = durations
            .into_iter()
            .map(|duration| duration.as_secs_f64() * 1000.0)
            .collect();
        samples.sort_by(f64::total_cmp);
        Self { samples }
    }

    /// All samples in milliseconds, the smallest first.
    pub(crate) fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// The smallest sample that at least `percent` of all do not exceed, in milliseconds; 0 without samples.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.samples.len() * percent).div_ceil(100).max(1);
        self.samples.get(rank - 1).copied().unwrap_or(0.0)
    }

    /// The largest sample, in milliseconds.
    pub(crate) fn max(&self) -> f64 {
        self.samples.last().copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: impl IntoIterator<Item = u64>) -> Distribution {
        Distribution::of(samples.into_iter().map(Duration::from_millis))
    }

    #[test]
    fn a_percentile_is_the_smallest_sample_that_covers_that_share() {
        let hundred = of((1..=100).rev());
        assert_eq!(
            (hundred.percentile(50), hundred.percentile(99), hundred.max()),
            (50.0, 99.0, 100.0)
        );
        let three = of([30, 10, 20]);
        assert_eq!((three.percentile(50), three.percentile(99)), (20.0, 30.0));
        assert_eq!(of([7]).percentile(50), 7.0);
    }

    #[test]
    fn nothing_measured_is_zero_and_no_panic() {
        assert_eq!((of([]).percentile(99), of([]).max()), (0.0, 0.0));
    }
}
