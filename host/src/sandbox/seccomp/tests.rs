//! What each filter answers to each call, by running its program: the kernel is not asked, so that this holds on every machine and
//! for the calls of the architecture that it is built for.

use super::*;
use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD,
    BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_DATA, SECCOMP_RET_ERRNO,
    SECCOMP_RET_KILL_PROCESS,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Pass,
    Error(i32),
    Death,
}
use Answer::{Death, Error, Pass};

/// A call as a filter sees it: `struct seccomp_data` in words.
type Data = [u32; 16];

fn call(number: i64, arguments: &[u64]) -> Data {
    // The number, the architecture, the instruction's address, six arguments.
    let mut data = [0; 16];
    data[0] = number as u32;
    data[1] = own_architecture();
    for (index, argument) in arguments.iter().enumerate() {
        data[4 + 2 * index] = *argument as u32;
        data[5 + 2 * index] = (*argument >> 32) as u32;
    }
    data
}

/// The kernel's number of the architecture: that of its ELF files, 64 bits, little endian.
fn own_architecture() -> u32 {
    let elf: u32 = match std::env::consts::ARCH {
        "x86_64" => 62,
        "aarch64" => 183,
        other => panic!("{other} has no filter"),
    };
    elf | 0xc000_0000
}

/// Runs a program as the kernel does.
fn run(program: &BpfProgram, data: &Data) -> u32 {
    let (mut at, mut accumulator) = (0, 0_u32);
    loop {
        let step = &program[at];
        at += 1;
        let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
        match u32::from(step.code) {
            code if code == BPF_LD | BPF_W | BPF_ABS => accumulator = data[step.k as usize / 4],
            code if code == BPF_ALU | BPF_AND | BPF_K => accumulator &= step.k,
            code if code == BPF_JMP | BPF_JA => at += step.k as usize,
            code if code == BPF_JMP | BPF_JEQ | BPF_K => at += jump(accumulator == step.k),
            code if code == BPF_JMP | BPF_JGE | BPF_K => at += jump(accumulator >= step.k),
            code if code == BPF_JMP | BPF_JGT | BPF_K => at += jump(accumulator > step.k),
            code if code == BPF_JMP | BPF_JSET | BPF_K => at += jump(accumulator & step.k != 0),
            code if code == BPF_RET | BPF_K => return step.k,
            code => panic!("an instruction {code:#x}"),
        }
    }
}

impl Filter {
    /// Of the answers of all programs the strictest, as in the kernel.
    fn answer(&self, data: &Data) -> Answer {
        let answers = self.programs.iter().map(|program| run(program, data));
        let strictness = |answer: &Answer| match answer {
            Pass => 0,
            Error(_) => 1,
            Death => 2,
        };
        let read = answers.map(|answer| match answer & !SECCOMP_RET_DATA {
            SECCOMP_RET_ALLOW => Pass,
            SECCOMP_RET_ERRNO => Error((answer & SECCOMP_RET_DATA) as i32),
            SECCOMP_RET_KILL_PROCESS => Death,
            other => panic!("an answer {other:#x}"),
        });
        read.max_by_key(strictness).unwrap()
    }
}

fn filters() -> [(&'static str, Filter); 4] {
    [
        (
            "compiler",
            Filter::loading(Role::Compiler, Files::None).unwrap(),
        ),
        (
            "loading",
            Filter::loading(Role::Template, Files::None).unwrap(),
        ),
        ("serving", Filter::serving(Files::None).unwrap()),
        ("worker", Filter::worker(Files::None).unwrap()),
    ]
}

/// The answers of compiler, loading template, serving template and worker.
#[track_caller]
fn answers(number: i64, arguments: &[u64], expected: [Answer; 4]) {
    let data = call(number, arguments);
    let answers = filters().map(|(_, filter)| filter.answer(&data));
    assert_eq!(answers, expected, "call {number} {arguments:x?}");
    let of_fork = in_a_fork(Files::None).answer(&data);
    assert_eq!(of_fork, expected[3], "call {number} {arguments:x?}");
}

/// What is in force in a worker: the filter of its template, and what it adds to that.
fn in_a_fork(files: Files) -> Filter {
    stacked(
        Filter::serving(files).unwrap(),
        Filter::of_forks(files).unwrap(),
    )
}

fn stacked(below: Filter, above: Filter) -> Filter {
    Filter {
        programs: [below.programs, above.programs].concat(),
    }
}

const PRIVATE: u64 = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
const READ_EXEC: u64 = (libc::PROT_READ | libc::PROT_EXEC) as u64;
const READ_WRITE: u64 = (libc::PROT_READ | libc::PROT_WRITE) as u64;

#[test]
fn a_call_in_the_convention_of_another_architecture_is_death() {
    let of_fork = ("fork", in_a_fork(Files::None));
    for (name, filter) in filters().into_iter().chain([of_fork]) {
        for foreign in [
            3_u32 | 0x4000_0000,
            40 | 0x4000_0000,
            62 | 0xc000_0000,
            183 | 0xc000_0000,
        ] {
            let mut data = call(libc::SYS_getpid, &[]);
            assert_eq!(filter.answer(&data), Pass, "{name}");
            data[1] = foreign;
            let expected = if foreign == own_architecture() {
                Pass
            } else {
                Death
            };
            assert_eq!(filter.answer(&data), expected, "{name} {foreign:#x}");
        }
        // The numbers of the convention with short pointers on x86-64 are those of no other call.
        let data = call(libc::SYS_getpid | 0x4000_0000, &[]);
        assert_eq!(filter.answer(&data), Death, "{name}");
    }
}

#[test]
fn what_a_phase_adds_to_the_one_before_makes_all_of_its_filter() {
    for files in [Files::None, Files::Read, Files::Write] {
        let loading = Filter::loading(Role::Template, files).unwrap();
        let common = || Filter::common(files).unwrap();
        let serving = || Filter::serving(files).unwrap();
        let worker = || Filter::worker(files).unwrap();
        let is_in_force = |program| loading.programs.contains(program);
        assert!(common().programs.iter().all(is_in_force), "{files:?}");
        let phases = [
            (serving(), stacked(common(), serving().beyond(&common()))),
            (worker(), in_a_fork(files)),
        ];
        let commands = [
            libc::F_GETFD,
            libc::F_GETFL,
            libc::F_DUPFD,
            libc::MAP_SHARED,
        ];
        let arguments = commands.map(|command| command as u64);
        for (whole, stacked) in phases {
            for number in 0..1024 {
                for argument in [0, 1, 2, 4096, u64::MAX].into_iter().chain(arguments) {
                    let data = call(number, &[argument; 6]);
                    assert_eq!(stacked.answer(&data), whole.answer(&data), "{number}");
                }
            }
        }
    }
}

#[test]
fn what_a_worker_adds_is_a_small_part_of_its_filter() {
    for files in [Files::None, Files::Read, Files::Write] {
        let length = |filter: Filter| filter.programs.iter().map(Vec::len).sum::<usize>();
        let added = length(Filter::of_forks(files).unwrap());
        let whole = length(Filter::worker(files).unwrap());
        assert!(4 * added < whole, "{added} of {whole}");
    }
}

#[test]
fn a_program_fits_into_what_the_kernel_takes() {
    for (name, filter) in filters() {
        for program in &filter.programs {
            assert!(program.len() <= 4096, "{name}: {}", program.len());
        }
    }
}

/// Every call that passes with no argument, one argument that is 1, and so on, must be on a list: nothing else does, whatever the
/// architecture calls it.
#[test]
fn no_call_passes_that_is_on_no_list() {
    let conditional = [
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_setitimer,
        libc::SYS_futex,
        libc::SYS_rt_sigaction,
        libc::SYS_tgkill,
    ];
    let of_templates = [
        libc::SYS_clone,
        libc::SYS_recvmsg,
        libc::SYS_sendmsg,
        libc::SYS_fcntl,
        libc::SYS_prctl,
        libc::SYS_prlimit64,
        libc::SYS_seccomp,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_dup2,
    ];
    let lists: [&[&[i64]]; 4] = [
        &[PURE, &conditional, COMPILING],
        &[PURE, &conditional, &of_templates, FORKING, LOADING],
        &[PURE, &conditional, &of_templates, FORKING],
        &[PURE, &conditional],
    ];
    let fitting: Vec<u64> = (0..64).chain([0x80, 0x81, 0x89]).collect();
    for ((name, filter), lists) in filters().iter().zip(lists) {
        for number in 0..1024 {
            let listed = lists.iter().any(|list| list.contains(&number));
            let passes = fitting
                .iter()
                .any(|argument| filter.answer(&call(number, &[*argument; 6])) != Death);
            assert!(listed || !passes, "{name} lets call {number} pass");
        }
    }
}

#[test]
fn memory_is_mapped_executable_in_a_template_that_loads_and_becomes_executable_nowhere() {
    let only_loading = [Death, Pass, Death, Death];
    answers(libc::SYS_mmap, &[0, 4096, READ_EXEC, PRIVATE], only_loading);
    answers(libc::SYS_mprotect, &[0, 4096, READ_EXEC], [Death; 4]);
    answers(libc::SYS_mmap, &[0, 4096, READ_WRITE, PRIVATE], [Pass; 4]);
    answers(libc::SYS_mprotect, &[0, 4096, READ_WRITE], [Pass; 4]);
}

#[test]
fn only_a_template_shares_memory_and_only_pages_of_a_status() {
    let shared = libc::MAP_SHARED as u64;
    let of_templates = [Death, Pass, Pass, Death];
    answers(libc::SYS_mmap, &[0, 4096, READ_WRITE, shared], of_templates);
    answers(libc::SYS_mmap, &[0, 8192, READ_WRITE, shared], [Death; 4]);
    answers(libc::SYS_mmap, &[0, 65536, READ_WRITE, shared], [Death; 4]);
    answers(libc::SYS_mmap, &[0, 4096, READ_EXEC, shared], [Death; 4]);
}

#[test]
fn a_template_forks_and_starts_neither_threads_nor_namespaces() {
    let harmless = (libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID) as u64;
    let fork = libc::SIGCHLD as u64;
    let of_templates = [Death, Pass, Pass, Death];
    answers(libc::SYS_clone, &[fork], of_templates);
    answers(libc::SYS_clone, &[fork | harmless], of_templates);
    for flag in [
        libc::CLONE_VM,
        libc::CLONE_THREAD,
        libc::CLONE_PARENT,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_FILES,
    ] {
        answers(libc::SYS_clone, &[fork | flag as u64], [Death; 4]);
    }
    answers(libc::SYS_clone, &[fork | 1 << 32], [Death; 4]);
    answers(libc::SYS_clone, &[libc::SIGKILL as u64], [Death; 4]);
    answers(libc::SYS_clone3, &[0, 64], [Death; 4]);
}

#[test]
fn a_process_reads_and_writes_its_socket_and_last_words_go_where_they_can() {
    answers(libc::SYS_read, &[0], [Pass; 4]);
    answers(libc::SYS_read, &[1], [Death; 4]);
    answers(libc::SYS_write, &[0], [Pass; 4]);
    answers(libc::SYS_write, &[1], [Death, Pass, Death, Death]);
    let closed = Error(libc::EBADF);
    answers(libc::SYS_write, &[2], [Pass, Pass, closed, closed]);
}

#[test]
fn nothing_is_opened_signalled_or_executed() {
    answers(libc::SYS_openat, &[], [Error(libc::EACCES); 4]);
    answers(libc::SYS_tgkill, &[], [Error(libc::EPERM); 4]);
    for number in [
        libc::SYS_kill,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_socket,
        libc::SYS_connect,
        libc::SYS_io_uring_setup,
        libc::SYS_bpf,
        libc::SYS_unshare,
        libc::SYS_pidfd_open,
        libc::SYS_ioctl,
    ] {
        answers(number, &[], [Death; 4]);
    }
}
