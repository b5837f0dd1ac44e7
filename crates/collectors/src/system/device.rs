//! Counters of devices, of which a host may have thousands (each container brings interfaces): the busiest have names.

use arachne_aggregate::series::OTHER;

use crate::report::Report;

/// Devices of a kind with series of their own; the others are counted together.
pub(super) const DEVICES_MAX: usize = 64;

/// Counters of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device<const N: usize> {
    pub name: String,
    pub counts: [u64; N],
}

/// What each grew by since the last reading; `busy` says of a device's totals how busy it was. Sums are those of all devices.
pub(super) fn growth<const N: usize>(
    report: &mut Report<'_>,
    family: &'static str,
    mut devices: Vec<Device<N>>,
    busy: impl Fn(&[u64; N]) -> u64,
) -> Vec<Device<N>> {
    devices.sort_by(|a, b| busy(&b.counts).cmp(&busy(&a.counts)).then_with(|| a.name.cmp(&b.name)));
    let mut grown: Vec<Device<N>> = Vec::new();
    let mut other = Device { name: OTHER.to_owned(), counts: [0; N] };
    for (place, Device { name, counts }) in devices.into_iter().enumerate() {
        let Some(growth) = report.growth(family, &name, &counts) else { continue };
        let Ok(counts) = <[u64; N]>::try_from(growth) else { continue };
        if place < DEVICES_MAX {
            grown.push(Device { name, counts });
        } else {
            other.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        }
    }
    grown.extend((other.counts != [0; N]).then_some(other));
    grown
}
