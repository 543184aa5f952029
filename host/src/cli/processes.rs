//! Options about what wpool's processes get from the machine.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use wpool::Builder;

/// User ids and cgroups of compilers, templates and workers.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ProcessArgs {
    /// As root: the user ids that compilers and templates may have, one each
    ///
    /// Those that are not mapped here, that an account has or that /etc/subuid or /etc/subgid give
    /// to a user are left out. [default: 2100000000-2147000000]
    #[arg(hide_short_help = true, long, value_name = "FIRST-LAST", value_parser = worker_ids)]
    worker_ids: Option<WorkerIds>,
    /// A cgroup (version 2) in which each template with its workers gets a group of its own
    ///
    /// The group bounds their memory and number, and shares the CPUs equally. The directory must be
    /// delegated to this user and have no processes. Without root, start wpool below it. `auto` finds
    /// a delegated one: the cgroup above that of wpool, or its own, where wpool is alone and moves
    /// itself into one below. `none` makes no groups.
    #[arg(hide_short_help = true, long, value_name = "DIRECTORY", default_value = "auto", value_parser = cgroup)]
    cgroup: Cgroup,
}

/// User ids that compilers and templates may have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WorkerIds(RangeInclusive<u32>);

/// The cgroup that groups are made in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Cgroup {
    #[default]
    Auto,
    None,
    At(PathBuf),
}

impl ProcessArgs {
    /// Tells a pool.
    pub(super) fn add(&self, mut builder: Builder) -> Builder {
        if let Some(WorkerIds(ids)) = &self.worker_ids {
            builder = builder.worker_ids(ids.clone());
        }
        let directory = match &self.cgroup {
            Cgroup::Auto => wpool::delegated_cgroup().or_else(wpool::enter_subgroup),
            Cgroup::None => None,
            Cgroup::At(directory) => Some(directory.clone()),
        };
        match directory {
            Some(directory) => builder.cgroup(directory),
            None => builder,
        }
    }
}

fn worker_ids(text: &str) -> Result<WorkerIds, String> {
    let numbers = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (1 <= first && first <= last).then_some(WorkerIds(first..=last))
    });
    numbers.ok_or_else(|| "write two numbers of 1 or more, such as 500000-565535".into())
}

fn cgroup(text: &str) -> Result<Cgroup, String> {
    match text {
        "auto" => Ok(Cgroup::Auto),
        "none" => Ok(Cgroup::None),
        path if path.starts_with('/') => Ok(Cgroup::At(path.into())),
        _ => Err("write auto, none, or a path such as /sys/fs/cgroup/my.slice/wpool".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_are_two_numbers_and_root_is_none_of_them() {
        assert_eq!(worker_ids("5-5"), Ok(WorkerIds(5..=5)));
        for wrong in ["", "5", "0-5", "6-5", "5-", "a-b", "1-4294967296"] {
            assert!(worker_ids(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cgroup_is_a_path_or_a_word() {
        assert_eq!(cgroup("auto"), Ok(Cgroup::Auto));
        assert_eq!(cgroup("none"), Ok(Cgroup::None));
        assert_eq!(
            cgroup("/sys/fs/cgroup/a"),
            Ok(Cgroup::At("/sys/fs/cgroup/a".into()))
        );
        assert!(cgroup("a").is_err());
    }
}
