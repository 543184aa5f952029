//! What liars send does not fill the supervisor's memory.

use super::{UNLUCKY, failure_of, lying, outcomes};
use crate::support::{Delegated, alone};
use std::fs;
use std::time::Duration;
use wpool::FailureKind;

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn a_worker_that_holds_more_than_its_limits_allow_is_killed_for_it() {
    let lie = "worker holds what does not count as data";
    // It takes its time on a machine that is busy.
    let pool = lying(lie).memory_bytes(16 << 20);
    let pool = pool.timeout(Duration::from_secs(50)).build().unwrap();
    let outcomes = outcomes(&pool, lie);
    let (kind, message) = failure_of(&outcomes[UNLUCKY]).unwrap();
    assert_eq!(kind, FailureKind::Memory, "{message}");
    let others = outcomes.iter().filter(|outcome| outcome.result.is_ok());
    assert_eq!(others.count(), 99);
}

#[test]
fn in_a_cgroup_the_kernel_kills_it_before_the_supervisor_looks() {
    let Some(delegated) = Delegated::to(0, "attack") else {
        return;
    };
    // Less than what a worker may hold before its supervisor kills it.
    fs::write(delegated.below("memory.max"), "160M").unwrap();
    let lie = "worker holds what does not count as data";
    let pool = lying(lie).memory_bytes(16 << 20).cgroup(delegated.path());
    let pool = pool.timeout(Duration::from_secs(50)).build().unwrap();
    let outcomes = outcomes(&pool, lie);
    let (kind, message) = failure_of(&outcomes[UNLUCKY]).unwrap();
    assert_eq!(kind, FailureKind::Memory, "{message}");
    assert!(message.contains("memory.max"), "{message}");
}

#[test]
fn the_supervisors_memory_stays_bounded_whatever_is_sent() {
    alone(
        "peers::memory::the_supervisors_memory_stays_bounded_whatever_is_sent",
        || {
            let before = peak();
            for lie in [
                "worker giant",
                "worker more than there are",
                "worker a flood of nothing",
                "worker a long message",
                "worker wide",
                "worker deep",
                "template a flood",
                "template long",
                "template descriptors",
            ] {
                let pool = lying(lie).build().unwrap();
                if lie.ends_with("wide") || lie.ends_with("deep") {
                    pool.map_outcomes(&format!("lie {lie}"), [13_i64]).unwrap();
                } else {
                    outcomes(&pool, lie);
                }
            }
            for lie in [
                "a billion nodes claimed",
                "a billion nodes nested",
                "names without end",
                "flood",
                "long",
                "giant",
            ] {
                lying(&format!("compiler {lie}")).build().unwrap_err();
            }
            let grown = peak() - before;
            assert!(grown < 64 << 20, "{} MiB", grown >> 20);
        },
    );
}
