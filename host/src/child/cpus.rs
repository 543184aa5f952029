//! How many workers are as many as can run at once.

use std::fs;

/// The CPUs that this process may use: those of its affinity, and no more than its cgroup's quota pays for.
///
/// ```rust,standalone_crate
/// assert!(wpool::usable_cpus() >= 1);
/// ```
#[must_use]
pub fn usable_cpus() -> usize {
    // The standard library counts both: the affinity mask, and the quotas of cgroups v1 and v2.
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(quota_of_own_cgroup().unwrap_or(usize::MAX))
        .max(1)
}

/// The quota of a cgroup v2 whose file is visible as the root, as in a container, rounded up.
fn quota_of_own_cgroup() -> Option<usize> {
    parse_quota(&fs::read_to_string("/sys/fs/cgroup/cpu.max").ok()?)
}

fn parse_quota(text: &str) -> Option<usize> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?);
    Some(quota.div_ceil(period.max(1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_rounded_up_to_whole_cpus_and_max_is_none() {
        assert_eq!(parse_quota("150000 100000\n"), Some(2));
        assert_eq!(parse_quota("max 100000\n"), None);
    }

    #[test]
    fn no_more_cpus_than_the_affinity_mask_has() {
        let affinity = rustix::thread::sched_getaffinity(None).unwrap();
        let usable = usable_cpus();
        assert!(usable >= 1 && usable <= affinity.count() as usize);
    }
}
