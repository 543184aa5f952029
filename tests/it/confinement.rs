//! A confined process as it looks from outside.

use crate::support::{
    Ordinary, Process, Running, TextModule, compile_bomb, eventually, guest, is_root, module, run,
    status_field, template_of, wat, workers_of, wpool,
};
use rustix::fs::{SealFlags, fcntl_get_seals};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// What holds every confined process, in lines of its `status`.
#[track_caller]
fn assert_confined(process: &Process) {
    assert_confined_but_for_threads(process);
    assert_eq!(process.status("Threads").as_deref(), Some("1"));
}

/// A compiler of a large module has threads.
fn assert_confined_but_for_threads(process: &Process) {
    let status = fs::read_to_string(process.file("status")).unwrap();
    let field = |name| status_field(&status, name).unwrap_or_else(|| panic!("{name} in {status}"));
    assert_eq!(field("Seccomp"), "2");
    assert_eq!(field("NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert!(
        field("Uid").split(' ').all(|id| id != "0"),
        "{}",
        field("Uid")
    );
    assert!(
        field("Gid").split(' ').all(|id| id != "0"),
        "{}",
        field("Gid")
    );
    // It has a number of its own in a namespace of its own.
    assert_eq!(field("NSpid").split(' ').count(), 2, "{}", field("NSpid"));
}

/// What only root may look at.
#[track_caller]
fn assert_confined_as_root_sees_it(process: &Process, descriptors: &[&str]) {
    if !is_root() {
        // A process that is not dumpable shows these files to root alone.
        return;
    }
    for namespace in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] {
        let theirs = fs::read_link(process.file(&format!("ns/{namespace}"))).unwrap();
        let ours = fs::read_link(format!("/proc/self/ns/{namespace}")).unwrap();
        assert_ne!(theirs, ours);
    }
    let mut open = names_in(&process.file("fd"));
    open.sort();
    assert_eq!(open, descriptors);
    assert_eq!(names_in(&process.file("root")), [""; 0]);
    assert_eq!(names_in(&process.file("cwd")), [""; 0]);
    assert_eq!(
        fs::read_to_string(process.file("environ")).unwrap(),
        "GLIBC_TUNABLES=glibc.pthread.rseq=0\0",
        "nothing of the supervisor's"
    );
    let mounts = fs::read_to_string(process.file("mountinfo")).unwrap();
    assert_eq!(mounts.lines().count(), 1, "{mounts}");
    assert!(
        mounts.contains(" ro,") && mounts.contains("noexec"),
        "{mounts}"
    );
}

/// Instances map their data from it anew, so it stays open; nobody can change it.
#[track_caller]
fn assert_descriptor_1_is_sealed(process: &Process, name: &str) {
    if !is_root() {
        return;
    }
    let artifact = process.file("fd/1");
    assert_eq!(fs::read_link(&artifact).unwrap().to_str(), Some(name));
    let seals = fcntl_get_seals(File::open(&artifact).unwrap()).unwrap();
    assert!(
        seals.contains(SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL),
        "{seals:?}"
    );
}

/// From Linux 6.10 on the mapping of a worker's code cannot be changed: its flags have `sl`.
#[track_caller]
fn assert_code_is_sealed(process: &Process) {
    let smaps = fs::read_to_string(process.file("smaps")).unwrap_or_default();
    let mut mappings = smaps.split("VmFlags:");
    let of_code = mappings.by_ref().position(|mapping| {
        let artifact = |line: &str| line.contains("r-xp") && line.contains("wpool-artifact");
        mapping.lines().any(artifact)
    });
    let flags = of_code
        .and_then(|_| mappings.next())
        .and_then(|rest| rest.lines().next());
    let release = rustix::system::uname();
    let release = release.release().to_string_lossy();
    let mut numbers = release
        .split('.')
        .map_while(|number| number.parse::<u32>().ok());
    let has_seals = (numbers.next(), numbers.next()) >= (Some(6), Some(10));
    match (is_root(), has_seals, flags) {
        (true, true, Some(flags)) => assert!(flags.split(' ').any(|flag| flag == "sl"), "{flags}"),
        (true, true, None) => panic!("no code of the artifact in {smaps}"),
        _ => println!("NOT CHECKED: only root sees it, from Linux 6.10 on"),
    }
}

fn names_in(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory}: {error}"));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The soft and hard limit in a line of `limits`.
fn limit(process: &Process, name: &str) -> [Option<u64>; 2] {
    let limits = fs::read_to_string(process.file("limits")).unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    let mut values = line.split_whitespace().map(|value| value.parse().ok());
    [values.next().unwrap(), values.next().unwrap()]
}

/// A component that computes until it is stopped, and has a memory with something in it.
const SPINNING_COMPONENT: &str = r#"(component
    (core module $m
        (memory (export "memory") 1) (data (i32.const 0) "something")
        (func (export "spin") (param i32) (loop (br 0))))
    (core instance $i (instantiate $m))
    (func (export "spin") (param "n" s32) (canon lift (core func $i "spin"))))"#;

/// What each kind of module that computes looks like in a worker.
struct Spinning {
    module: PathBuf,
    /// What lies behind descriptor 1: instances map their data from it.
    data: &'static str,
    _file: Option<TextModule>,
}

/// A core module and a component, in files that everybody can read.
fn spinning(user: &Ordinary) -> [Spinning; 2] {
    let component = wat(SPINNING_COMPONENT);
    let directory = component.path().parent().unwrap();
    fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    [
        Spinning {
            module: user.guest("spin"),
            data: "/memfd:wpool-artifact (deleted)",
            _file: None,
        },
        Spinning {
            module: component.path().into(),
            data: "/memfd:wasm-memory-image (deleted)",
            _file: Some(component),
        },
    ]
}

/// Two workers that compute, and their template.
fn two_workers(wpool: &mut Command, spin: &std::path::Path) -> (Running, [Process; 2], Process) {
    let running = Running::start(
        wpool
            .args(["map", "-j", "2", "--timeout", "none"])
            .arg(spin)
            .args(["-1", "-1"]),
    );
    let workers = eventually("two workers compute", || {
        let workers = workers_of(&running.process);
        let workers = <[Process; 2]>::try_from(workers).ok()?;
        workers
            .iter()
            .all(|worker| worker.cpu_ticks() > 1)
            .then_some(workers)
    });
    let template = template_of(&running.process).unwrap();
    (running, workers, template)
}

#[test]
fn a_worker_has_no_privilege_no_files_and_no_descriptor_that_it_does_not_need() {
    for spinning in spinning(&Ordinary::user()) {
        let (_running, workers, template) = two_workers(&mut wpool(), &spinning.module);
        for process in workers.iter().chain([&template]) {
            assert_confined(process);
            assert_confined_as_root_sees_it(process, &["0", "1"]);
            assert_descriptor_1_is_sealed(process, spinning.data);
        }
    }
}

#[test]
fn a_worker_has_a_filter_that_its_template_has_not() {
    for spinning in spinning(&Ordinary::user()) {
        let (_running, workers, template) = two_workers(&mut wpool(), &spinning.module);
        let filters = |process: &Process| {
            let count = process.status("Seccomp_filters").unwrap();
            count.parse::<u32>().unwrap()
        };
        for worker in &workers {
            let (own, templates) = (filters(worker), filters(&template));
            assert!(own > templates, "{own} and {templates}");
        }
    }
}

#[test]
fn workers_of_an_ordinary_user_are_confined_just_the_same() {
    let user = Ordinary::user();
    for spinning in spinning(&user) {
        let (_running, workers, template) = two_workers(&mut user.wpool(), &spinning.module);
        for process in workers.iter().chain([&template]) {
            assert_confined(process);
            assert_confined_as_root_sees_it(process, &["0", "1"]);
            assert_descriptor_1_is_sealed(process, spinning.data);
            assert_code_is_sealed(process);
        }
    }
}

#[test]
fn a_compiler_is_confined_while_it_compiles() {
    let bomb = module("bomb.wasm", compile_bomb());
    let running = Running::start(wpool().arg("map").arg(&bomb).arg("1"));
    let compiler = eventually("the compiler compiles", || {
        running
            .process
            .children()
            .into_iter()
            .find(|child| child.cpu_ticks() > 10)
    });
    assert_confined_but_for_threads(&compiler);
    // It has a thread for each CPU, or more.
    let threads: usize = compiler.status("Threads").unwrap().parse().unwrap();
    assert!(threads >= wpool::usable_cpus().min(64), "{threads}");
    // Its standard error is a pipe to the supervisor, where the runtime says why it aborts.
    assert_confined_as_root_sees_it(&compiler, &["0", "2"]);
    assert_eq!(limit(&compiler, "Max data size"), [Some(2 << 30); 2]);
    assert_eq!(limit(&compiler, "Max core file size"), [Some(0); 2]);
    assert!(limit(&compiler, "Max cpu time").iter().all(Option::is_some));
    // The template waits, and runs nothing.
    let others = running
        .process
        .children()
        .into_iter()
        .filter(|child| *child != compiler);
    assert!(
        others.clone().all(|other| other.cpu_ticks() < 10),
        "{others:?}"
    );
}

#[test]
fn a_template_runs_no_code_of_the_guest() {
    let endless =
        wat(r#"(module (start $s) (func $s (loop (br 0))) (func (export "f") (param i32)))"#);
    let running = Running::start(
        wpool()
            .args(["map", "-j", "1", "--timeout", "none"])
            .arg(&endless)
            .arg("1"),
    );
    let worker = eventually("a worker runs the start function", || {
        workers_of(&running.process)
            .into_iter()
            .find(|worker| worker.cpu_ticks() > 20)
    });
    let template = worker.parent().unwrap();
    assert!(template.cpu_ticks() < 10, "{}", template.cpu_ticks());
}

#[test]
fn a_worker_has_the_resource_limits_of_its_plugin() {
    for spinning in spinning(&Ordinary::user()) {
        let (_running, [worker, _], _) = two_workers(&mut wpool(), &spinning.module);
        assert_limits(&worker);
    }
}

fn assert_limits(worker: &Process) {
    for (name, at_most) in [
        ("Max file size", 0),
        ("Max core file size", 0),
        ("Max locked memory", 0),
        ("Max msgqueue size", 0),
        ("Max realtime priority", 0),
        // Its socket, the artifact, and an image for each memory of a component.
        ("Max open files", 96),
        // 256 MiB of memory, 64 MiB of arguments and of results, twice 256 MiB for the values of a component, and what the
        // program needs itself.
        ("Max data size", 1024 << 20),
        ("Max address space", 8 << 30),
        // As many as `-j` can ask for, and the template.
        ("Max processes", 4097),
    ] {
        for value in limit(worker, name) {
            assert!(
                value.is_some_and(|value| value <= at_most),
                "{name}: {value:?}"
            );
        }
    }
}

#[test]
fn workers_share_no_namespace_with_another_commands() {
    let user = Ordinary::user();
    let [core, component] = spinning(&user);
    let (_one, [first, _], _) = two_workers(&mut wpool(), &core.module);
    let (_other, [second, _], _) = two_workers(&mut wpool(), &component.module);
    // In both it is among the first few processes.
    let inner = |worker: &Process| {
        worker
            .status("NSpid")
            .unwrap()
            .split(' ')
            .nth(1)
            .map(str::parse::<u32>)
    };
    assert!(inner(&first).unwrap().unwrap() < 100 && inner(&second).unwrap().unwrap() < 100);
    if is_root() {
        for namespace in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] {
            let of =
                |worker: &Process| fs::read_link(worker.file(&format!("ns/{namespace}"))).unwrap();
            assert_ne!(of(&first), of(&second));
        }
    }
}

#[test]
fn the_supervisor_itself_is_not_changed() {
    let (running, ..) = two_workers(&mut wpool(), &guest("spin"));
    let ours = fs::read_to_string("/proc/self/status").unwrap();
    for field in ["Seccomp", "NoNewPrivs", "CapEff", "Uid"] {
        assert_eq!(
            running.process.status(field),
            status_field(&ours, field),
            "{field}"
        );
    }
}

#[test]
fn full_confinement_can_be_required_where_it_is_to_be_had() {
    let ran = run(wpool()
        .args(["map", "--require-full"])
        .arg(guest("square"))
        .arg("3"));
    assert_eq!((ran.results(), ran.stderr.as_str()), (vec!["9"], ""));
}
