//! The user ids of root's confined processes: one for each compiler and template, which no account
//! and no other process has.
//!
//! ```text
//! range asked for ∩ what /proc/self/{uid,gid}_map map − accounts − what subuid and subgid give to users ─► one at random
//! ```
//! A process of another user can then not signal, stop or trace them, whatever it runs as.

use crate::sandbox::{NOBODY, ProcessUser, RunAs};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::thread::{CapabilitySet, capabilities};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

/// Where ids come from by default: beyond what systemd gives to users, services and containers, and
/// beyond what directory services map to (sssd: up to 2,000,200,000).
pub(crate) const DEFAULT_IDS: RangeInclusive<u32> = 2_100_000_000..=2_147_000_000;

/// Never given away: root, and what the kernel, NFS and `nobody` use for "none of yours".
const SPECIAL: [u32; 4] = [0, NOBODY, 65_535, u32::MAX];

/// How many are looked at one by one.
const MANY: usize = 100_000;

/// How often a free one is looked for.
const TRIES: u32 = 64;

/// What this process has given away: pools of one application do not share ids either.
static TAKEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Ids that may be given away, in ranges that do not overlap.
#[derive(Debug)]
pub(super) struct Ids {
    free: Vec<RangeInclusive<u32>>,
}

/// The user id of one process, which no other gets until this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    id: u32,
    is_own: bool,
}

impl Ids {
    /// The ids of `asked` that are free on this machine. `None` where this root cannot become
    /// another user.
    pub(super) fn on_this_machine(asked: RangeInclusive<u32>) -> Option<Ids> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (mut free, mut nobody) = (vec![asked], vec![NOBODY..=NOBODY]);
        for map in ["/proc/self/uid_map", "/proc/self/gid_map"] {
            let mapped = mapped(&read(map));
            (free, nobody) = (both(&free, &mapped), both(&nobody, &mapped));
        }
        let accounts = [("/etc/passwd", 2), ("/etc/passwd", 3), ("/etc/group", 2)]
            .map(|(file, field)| accounts(&read(file), field));
        let given = ["/etc/subuid", "/etc/subgid"].map(|file| given_to_users(&read(file)));
        let special = SPECIAL.map(|id| id..=id);
        let taken = accounts.into_iter().chain(given).flatten().chain(special);
        for range in taken {
            free = without(&free, &range);
        }
        let is_somebody_there = !free.is_empty() || !nobody.is_empty();
        let must_keep_groups = read("/proc/self/setgroups").trim() == "deny";
        let can_become = is_somebody_there && !must_keep_groups && may_change_ids();
        can_become.then_some(Ids { free })
    }

    /// An id for one process.
    pub(super) fn lease(&self) -> Lease {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let free = (0..TRIES).find_map(|_| {
            let id = self.at_random()?;
            taken.insert(id).then_some(id)
        });
        // Where most are taken, luck does not find the last ones.
        let free = free.or_else(|| self.all().find(|id| taken.insert(*id)));
        Lease {
            id: free.unwrap_or(NOBODY),
            is_own: free.is_some(),
        }
    }

    /// The first of them, which are all where there are few.
    fn all(&self) -> impl Iterator<Item = u32> + use<'_> {
        self.free.iter().cloned().flatten().take(MANY)
    }

    fn at_random(&self) -> Option<u32> {
        let length = |range: &RangeInclusive<u32>| u64::from(range.end() - range.start()) + 1;
        let all: u64 = self.free.iter().map(length).sum();
        let mut bytes = [0; 8];
        let filled = getrandom(&mut bytes[..], GetRandomFlags::empty()).ok()?;
        let mut place = (filled == 8).then_some(u64::from_le_bytes(bytes))?;
        place = place.checked_rem(all)?;
        for range in &self.free {
            match place.checked_sub(length(range)) {
                None => return Some(range.start() + place as u32),
                Some(rest) => place = rest,
            }
        }
        None
    }
}

/// Whether this process has the capabilities to become another user.
fn may_change_ids() -> bool {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
    capabilities(None).is_ok_and(|held| held.effective.contains(needed))
}

impl Lease {
    pub(super) fn run_as(&self) -> RunAs {
        RunAs::Other {
            id: self.id,
            is_own: self.is_own,
        }
    }

    pub(super) fn user(&self) -> ProcessUser {
        match self.is_own {
            true => ProcessUser::OwnId,
            false => ProcessUser::Nobody,
        }
    }

    /// Gives the user namespace of a child its one user and group id. The child must not have been
    /// waited for.
    ///
    /// # Errors
    ///
    /// The kernel's, with the file that could not be written.
    pub(super) fn map_into(&self, child: Pid) -> Result<(), (String, io::Error)> {
        let path = |file: &str| format!("/proc/{}/{file}", child.as_raw_nonzero());
        let said = |file| move |error: io::Error| (path(file), error);
        let open = |file| {
            File::options()
                .write(true)
                .open(path(file))
                .map_err(said(file))
        };
        let files = ["setgroups", "uid_map", "gid_map"].map(|file| Ok((file, open(file)?)));
        // An application that ignores SIGCHLD never reaps, and the number may be reused. So it is
        // checked once the files are open.
        is_own(child).map_err(said("status"))?;
        let pair = format!("{0} {0} 1", self.id);
        for (opened, content) in files.into_iter().zip(["deny", &pair, &pair]) {
            let (file, mut opened) = opened?;
            opened.write_all(content.as_bytes()).map_err(said(file))?;
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_own {
            let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
            taken.remove(&self.id);
        }
    }
}

/// Makes sure that a number is that of a child that was not reaped.
fn is_own(child: Pid) -> io::Result<()> {
    let pidfd = pidfd_open(child, PidfdFlags::empty())?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::PidFd(pidfd.as_fd()), options) {
        Ok(_) => Ok(()),
        Err(_) => Err(Errno::SRCH.into()),
    }
}

/// The ids that an id map (`user_namespaces(7)`) has inside.
fn mapped(map: &str) -> Vec<RangeInclusive<u32>> {
    let line = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
        let (first, _, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        range(first.ok()?, count.ok()?)
    };
    map.lines().filter_map(line).collect()
}

/// The ids in a field of each line, counted from 0, as in passwd(5) and group(5).
fn accounts(file: &str, field: usize) -> Vec<RangeInclusive<u32>> {
    let line = |line: &str| line.split(':').nth(field)?.trim().parse::<u32>().ok();
    let ids = file.lines().filter_map(line);
    ids.map(|id| id..=id).collect()
}

/// The ids that users may have in namespaces of theirs: subuid(5).
fn given_to_users(file: &str) -> Vec<RangeInclusive<u32>> {
    let line = |line: &str| {
        let mut fields = line.split(':').skip(1).map(|field| field.trim().parse());
        let (first, count) = (fields.next()?, fields.next()?);
        range(first.ok()?, count.ok()?)
    };
    file.lines().filter_map(line).collect()
}

fn range(first: u32, count: u32) -> Option<RangeInclusive<u32>> {
    Some(first..=first.saturating_add(count.checked_sub(1)?))
}

/// What is in a range of each list.
fn both(some: &[RangeInclusive<u32>], others: &[RangeInclusive<u32>]) -> Vec<RangeInclusive<u32>> {
    let pairs = some
        .iter()
        .flat_map(|one| others.iter().map(move |other| (one, other)));
    let common =
        pairs.map(|(one, other)| *one.start().max(other.start())..=*one.end().min(other.end()));
    common.filter(|range| !range.is_empty()).collect()
}

/// What is left of some ranges without another.
fn without(some: &[RangeInclusive<u32>], hole: &RangeInclusive<u32>) -> Vec<RangeInclusive<u32>> {
    let parts = some.iter().flat_map(|range| {
        let before = hole.start().checked_sub(1);
        let after = hole.end().checked_add(1);
        [
            before.map(|end| *range.start()..=end.min(*range.end())),
            after.map(|start| start.max(*range.start())..=*range.end()),
        ]
    });
    parts.flatten().filter(|range| !range.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_given_to_one_process_at_a_time() {
        let ids = Ids {
            free: vec![7..=7, 9..=10],
        };
        let leases = [(); 3].map(|()| ids.lease());
        let given: BTreeSet<u32> = leases.iter().map(|lease| lease.id).collect();
        assert_eq!(given, BTreeSet::from([7, 9, 10]));
        assert!(leases.iter().all(|lease| lease.is_own));
        assert_eq!(ids.lease().user(), ProcessUser::Nobody, "none is left");
        drop(leases);
        assert!(ids.lease().is_own);
    }

    #[test]
    fn without_ids_there_is_nobody() {
        let nobody = Ids { free: Vec::new() }.lease();
        assert_eq!((nobody.id, nobody.is_own), (NOBODY, false));
    }

    #[test]
    fn what_is_not_mapped_or_belongs_to_somebody_is_not_given() {
        let maps = mapped("         0     100000      65536\n     70000     900000         10\n");
        assert_eq!(maps, [0..=65_535, 70_000..=70_009]);
        assert_eq!(
            both(&[60_000..=80_000], &maps),
            [60_000..=65_535, 70_000..=70_009]
        );
        assert_eq!(mapped("0 0 4294967295"), [0..=u32::MAX - 1]);
        assert_eq!(
            accounts(
                "root:x:0:0:root:/root:/bin/sh\nada:x:1000:100::/:/bin/sh\n+::::::\n",
                2
            ),
            [0..=0, 1000..=1000]
        );
        assert_eq!(
            given_to_users("ada:100000:65536\nbad:x:1\nnone:5:0\n"),
            [100_000..=165_535]
        );
        assert_eq!(without(&[1..=10], &(3..=4)), [1..=2, 5..=10]);
        assert_eq!(without(&[1..=10, 20..=30], &(0..=25)), [26..=30]);
        assert_eq!(
            without(&[0..=u32::MAX], &(u32::MAX..=u32::MAX)),
            [0..=u32::MAX - 1]
        );
    }

    #[test]
    fn a_machine_leaves_some_or_none_and_never_root() {
        let ids = Ids::on_this_machine(0..=u32::MAX);
        let free = ids.into_iter().flat_map(|ids| ids.free);
        for range in free {
            assert!(!SPECIAL.iter().any(|id| range.contains(id)), "{range:?}");
        }
    }
}
