//! A command for everything that a program can do, and try: the first argument says which.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((_, [command, rest @ ..])) = words.split_first() else {
        return complain("which command?");
    };
    if let Some(status) = streams(command, rest).or_else(|| clocks(command, rest)) {
        return status;
    }
    match network(command).or_else(|| files(command, rest)) {
        Some(Ok(said)) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Some(Err(error)) => complain(&format!("{:?}: {error}", error.kind())),
        None => complain("no such command"),
    }
}

fn complain(message: &str) -> ExitCode {
    eprintln!("tool: {message}");
    ExitCode::FAILURE
}

/// Arguments, environment, standard streams, and ways to end.
fn streams(command: &str, rest: &[&str]) -> Option<ExitCode> {
    let number = || {
        rest.first()
            .and_then(|word| word.parse::<u64>().ok())
            .unwrap_or(0)
    };
    match command {
        "args" => println!("{:?}", std::env::args().collect::<Vec<_>>()),
        "env" => std::env::vars().for_each(|(name, value)| println!("{name}={value}")),
        "cat" => drop(io::copy(&mut io::stdin(), &mut io::stdout())),
        "count" => {
            let mut bytes = Vec::new();
            drop(io::stdin().read_to_end(&mut bytes));
            println!("{}", bytes.len());
        }
        "lines" => io::stdin().lines().map_while(Result::ok).for_each(|line| {
            println!("{line}");
        }),
        // The first line, and then nothing more of what there is.
        "head" => {
            let mut line = String::new();
            drop(io::stdin().read_line(&mut line));
            print!("{line}");
        }
        "wait" => println!(
            "{}",
            if has_input(number()) {
                "input"
            } else {
                "nothing"
            }
        ),
        "say" => {
            println!("to stdout");
            eprintln!("to stderr");
        }
        "raw" => drop(io::stdout().write_all(b"\xff\0\xfe\x1b[2J")),
        "flood" => {
            let block = [b'x'; 4096];
            for _ in 0..number() / 4096 {
                if io::stdout().write_all(&block).is_err() {
                    eprintln!("nobody reads");
                    return Some(ExitCode::from(9));
                }
            }
        }
        "flood-stderr" => (0..number() / 16).for_each(|_| eprintln!("0123456789abcde")),
        "exit" => std::process::exit(number() as i32),
        "panic" => outer(number()),
        "spin" => loop {
            std::hint::black_box(());
        },
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

/// Waits for standard input, at most so many milliseconds; whether there is some, or its end.
fn has_input(millis: u64) -> bool {
    #[repr(C)]
    struct PollFd {
        fd: i32,
        events: i16,
        revents: i16,
    }
    unsafe extern "C" {
        fn poll(fds: *mut PollFd, count: usize, millis: i32) -> i32;
    }
    const IN: i16 = 1;
    let mut stdin = PollFd {
        fd: 0,
        events: IN,
        revents: 0,
    };
    // SAFETY: of the C library that the standard library is linked with, declared as there; it writes to that one descriptor's.
    let happened = unsafe { poll(&raw mut stdin, 1, millis as i32) };
    happened == 1 && stdin.revents & IN != 0
}

#[inline(never)]
fn outer(number: u64) {
    inner(std::hint::black_box(number));
}

#[inline(never)]
fn inner(number: u64) {
    let table = [1, 2, 3];
    println!("{}", table[std::hint::black_box(number) as usize + 3]);
}

/// Time and random numbers.
fn clocks(command: &str, rest: &[&str]) -> Option<ExitCode> {
    let millis = || {
        let number = rest.first().and_then(|word| word.parse().ok());
        Duration::from_millis(number.unwrap_or(0))
    };
    match command {
        "sleep" => {
            let before = Instant::now();
            std::thread::sleep(millis());
            println!("{}", before.elapsed() >= millis());
        }
        "now" => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            println!("{}", now.map_or(0, |now| now.as_secs()));
        }
        "elapsed" => println!("{:?}", Instant::now().elapsed()),
        "random" => {
            // The standard library seeds the keys of its maps from WASI.
            let state = std::hash::RandomState::new();
            println!("{:016x}", std::hash::BuildHasher::hash_one(&state, 0));
        }
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

/// Attempts at the network, which should all be told that there is none.
fn network(command: &str) -> Option<io::Result<String>> {
    let done = |()| "reached\n".to_string();
    Some(match command {
        "connect" => TcpStream::connect(("127.0.0.1", 80)).map(drop).map(done),
        "listen" => TcpListener::bind(("127.0.0.1", 0)).map(drop).map(done),
        "udp" => UdpSocket::bind(("127.0.0.1", 0)).map(drop).map(done),
        "resolve" => std::net::ToSocketAddrs::to_socket_addrs("example.com:80")
            .map(drop)
            .map(done),
        _ => return None,
    })
}

/// Files.
fn files(command: &str, rest: &[&str]) -> Option<io::Result<String>> {
    let done = |()| "done\n".to_string();
    Some(match (command, rest) {
        ("read", [path]) => fs::read_to_string(path),
        ("size", [path]) => fs::read(path).map(|bytes| format!("{}\n", bytes.len())),
        ("write", [path, text]) => fs::write(path, text).map(done),
        ("append", [path, text]) => append(path, text).map(done),
        ("ls", [path]) => list(path),
        ("stat", [path]) => fs::metadata(path).map(|it| format!("{} {}\n", it.len(), it.is_dir())),
        ("mkdir", [path]) => fs::create_dir(path).map(done),
        ("rmdir", [path]) => fs::remove_dir(path).map(done),
        ("rm", [path]) => fs::remove_file(path).map(done),
        ("mv", [from, to]) => fs::rename(from, to).map(done),
        ("link", [from, to]) => fs::hard_link(from, to).map(done),
        ("truncate", [path]) => File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(0))
            .map(done),
        ("sync", [path]) => File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.sync_all())
            .map(done),
        ("grow", [path, bytes]) => grow(path, bytes.parse().unwrap_or(0)).map(done),
        ("readlink", [path]) => fs::read_link(path).map(|to| format!("{}\n", to.display())),
        _ => return None,
    })
}

fn append(path: &str, text: &str) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    file.write_all(text.as_bytes())
}

fn grow(path: &str, bytes: usize) -> io::Result<()> {
    let mut file = File::create(path)?;
    let block = [b'x'; 65536];
    for _ in 0..bytes / block.len() {
        file.write_all(&block)?;
    }
    Ok(())
}

fn list(path: impl AsRef<Path>) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.iter().map(|name| format!("{name}\n")).collect())
}
