//! What the speaker counts (parity.md 3.1). Numbers are read when they are asked for, so a series disappears with what it
//! describes (P-OBS-23).

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::bgp::peering::Sessions;
use crate::layer2::announcer::Statistics;

mod bgp;
mod layer2;

/// Registers what is counted on the segments.
pub fn register_layer2(registry: &mut Registry, statistics: Statistics) {
    let registry = registry.sub_registry_with_prefix("herald_speaker");
    registry.register_collector(Box::new(layer2::Layer2(statistics)));
}

/// Registers what is counted of sessions with routers.
pub fn register_bgp(registry: &mut Registry, sessions: Sessions) {
    let registry = registry.sub_registry_with_prefix("herald_speaker");
    registry.register_collector(Box::new(bgp::Bgp(sessions)));
}

/// A number: its name, what it says, and where it is kept.
type Count<T> = (&'static str, &'static str, fn(&T) -> u64);

/// What has numbers, each with its labels.
type Series<'a, T> = Vec<(Vec<(&'a str, &'a str)>, &'a T)>;

fn counters<T>(
    encoder: &mut DescriptorEncoder<'_>,
    counts: &[Count<T>],
    series: &Series<'_, T>,
) -> Result<(), std::fmt::Error> {
    for (name, help, count) in counts {
        let zero = ConstCounter::new(0u64);
        let mut family = encoder.encode_descriptor(name, help, None, zero.metric_type())?;
        for (labels, of) in series {
            ConstCounter::new(count(of)).encode(family.encode_family(labels)?)?;
        }
    }
    Ok(())
}

fn gauge<T>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, value): Count<T>,
    series: &Series<'_, T>,
) -> Result<(), std::fmt::Error> {
    let zero = ConstGauge::new(0i64);
    let mut family = encoder.encode_descriptor(name, help, None, zero.metric_type())?;
    for (labels, of) in series {
        let value = i64::try_from(value(of)).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}
