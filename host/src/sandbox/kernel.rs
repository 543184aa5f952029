//! Differences between kernels that cannot be found out by a try.

use rustix::system::uname;

/// Whether `RLIMIT_NPROC` counts only the processes in the user namespace. Before Linux 5.14 it
/// counted all processes of the user on the machine (`getrlimit(2)`).
pub(super) fn counts_by_namespace() -> bool {
    uname()
        .release()
        .to_str()
        .is_ok_and(|release| is_at_least(release, (5, 14)))
}

/// Whether a release such as `6.1.0-50-amd64` is at least that version.
fn is_at_least(release: &str, version: (u32, u32)) -> bool {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    let mut next = || numbers.next()?.parse::<u32>().ok();
    matches!((next(), next()), (Some(major), Some(minor)) if (major, minor) >= version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_compared_by_its_numbers() {
        for (release, is_newer) in [
            ("5.10.0-32-amd64", false),
            ("5.14.0", true),
            ("5.4.17-2136.el8uek", false),
            ("6.1.0-50-amd64", true),
            ("10.0", true),
            ("6", false),
            ("", false),
        ] {
            assert_eq!(is_at_least(release, (5, 14)), is_newer, "{release}");
        }
    }
}
