//! What the filter of a worker takes away from that of its template, which forks inherit: short, because the kernel translates it anew
//! for each fork.

use super::{Filter, Refusal, Rules, compile, refused};
use crate::sandbox::Files;
use libc::{
    BPF_ABS, BPF_JA, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_KILL_PROCESS,
};
use seccompiler::{BpfProgram, SeccompAction, sock_filter};
use std::collections::BTreeMap;

impl Filter {
    /// What makes it the final filter of a worker where the template's is in force.
    pub(crate) fn of_forks(files: Files) -> Result<Filter, Refusal> {
        let taken = Rules::serving(files)?.but_not(&Rules::worker(files)?)?;
        let (wholly, in_part): (BTreeMap<_, _>, BTreeMap<_, _>) =
            taken.0.into_iter().partition(|(_, rules)| rules.is_empty());
        let mut program = death_at(wholly.into_keys());
        program.extend(compile(
            in_part,
            SeccompAction::Allow,
            SeccompAction::KillProcess,
        )?);
        Ok(Filter {
            programs: vec![program],
        })
    }
}

/// A call that is one of these ends the process; with others it goes on behind the program. Whose convention the number is of was
/// looked at by the template's filter.
fn death_at(calls: impl ExactSizeIterator<Item = i64>) -> BpfProgram {
    let step = |code: u32, jt, k| sock_filter {
        code: code as u16,
        jt,
        jf: 0,
        k,
    };
    let count = calls.len();
    let mut program = vec![step(BPF_LD | BPF_W | BPF_ABS, 0, 0)];
    program.extend(calls.enumerate().map(|(index, call)| {
        let to_death = (count - index) as u8;
        step(BPF_JMP | BPF_JEQ | BPF_K, to_death, call as u32)
    }));
    program.push(step(BPF_JMP | BPF_JA, 0, 1));
    program.push(step(BPF_RET | BPF_K, 0, SECCOMP_RET_KILL_PROCESS));
    program
}

impl Rules {
    /// What these let through and `others` do not.
    fn but_not(mut self, others: &Rules) -> Result<Rules, Refusal> {
        let mut is_known = true;
        self.0.retain(|call, rules| {
            let Some(others) = others.0.get(call) else {
                rules.clear();
                return true;
            };
            // No rules are a rule for everything.
            is_known &= !rules.is_empty() || others.is_empty();
            rules.retain(|rule| !others.contains(rule));
            !others.is_empty() && !rules.is_empty()
        });
        match is_known {
            true => Ok(self),
            false => Err(refused(&"no rule says what it takes away")),
        }
    }
}
