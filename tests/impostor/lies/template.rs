//! Lies about an artifact and about workers.

use super::{hang, raw, wait_for_the_end, worker};
use crate::inside::send;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use wpool::testing::impostor;
use wpool::testing::wire::{
    SupervisorToTemplate, TemplateToSupervisor, WorkerFrame, decode, encode, host_call, write_frame,
};

/// Lies as the loaded template says, or serves workers that do.
pub fn as_template(template: &impostor::Template) -> bool {
    let Some(lie) = template.function().strip_prefix("lie ") else {
        return false;
    };
    let Some(lie) = lie.strip_prefix("template ") else {
        let lie = lie.strip_prefix("worker ").unwrap_or_default();
        template.serve(&|page| worker::run(lie, page));
        return true;
    };
    match lie {
        "garbage" => send(&[0xa5; 300]),
        "giant" => raw(&u32::MAX.to_le_bytes()),
        "half" => raw(&[20, 0, 0, 0, 1, 2]),
        "calls" => send(&host_call(0, &[0; 8])),
        "exit" => {}
        "hangs" => hang(),
        "long" => send(&encode(&TemplateToSupervisor::LoadFailed(
            "\u{1b}[2J".repeat(100_000),
        ))),
        "panic" => send(&encode(&TemplateToSupervisor::Panicked("\u{1b}[2J".into()))),
        "loaded twice" => {
            send(&encode(&TemplateToSupervisor::Loaded));
            send(&encode(&TemplateToSupervisor::Loaded));
            wait_for_the_end();
        }
        "a flood" => {
            send(&encode(&TemplateToSupervisor::Loaded));
            loop {
                send(&encode(&TemplateToSupervisor::ForkFailed {
                    worker: 1,
                    errno: 11,
                }));
            }
        }
        "reaped unasked" => {
            send(&encode(&TemplateToSupervisor::Loaded));
            for worker in 0..1000 {
                send(&encode(&TemplateToSupervisor::Reaped {
                    worker,
                    signal: Some(9),
                    exit_status: None,
                }));
            }
            wait_for_the_end();
        }
        "forks fail" => {
            send(&encode(&TemplateToSupervisor::Loaded));
            while let Some((worker, _)) = next_fork() {
                send(&encode(&TemplateToSupervisor::ForkFailed {
                    worker,
                    errno: 123_456,
                }));
            }
        }
        "itself" => {
            send(&encode(&TemplateToSupervisor::Loaded));
            while let Some((_, descriptors)) = next_fork() {
                greet_over(&descriptors);
            }
        }
        "a grandchild" => {
            send(&encode(&TemplateToSupervisor::Loaded));
            while let Some((_, descriptors)) = next_fork() {
                if fork() {
                    if fork() {
                        greet_over(&descriptors);
                    }
                    hang();
                }
            }
        }
        "nobody" => {
            send(&encode(&TemplateToSupervisor::Loaded));
            // The worker's socket is closed each time.
            while next_fork().is_some() {}
        }
        "descriptors" => {
            for _ in 0..50 {
                send_with_descriptors(&encode(&TemplateToSupervisor::Loaded));
            }
            wait_for_the_end();
        }
        other => panic!("there is no lie {other}"),
    }
    true
}

/// The next worker that is wanted: its number, its socket and its page.
fn next_fork() -> Option<(u32, Vec<OwnedFd>)> {
    let mut descriptors = Vec::new();
    loop {
        // They come with the first frame that is sent together with it.
        let (frame, more) = impostor::receive_with_descriptors();
        descriptors.extend(more);
        if let SupervisorToTemplate::Fork { worker } = decode(&frame)? {
            return Some((worker, descriptors));
        }
    }
}

/// Says over a worker's socket that the worker is ready. The filter lets a process write to descriptor 0 alone.
fn greet_over(descriptors: &[OwnedFd]) {
    /// Where the own connection is meanwhile.
    const ASIDE: i32 = 60;
    let replace = |from: i32, to: i32| {
        // SAFETY: nobody else in this process uses either descriptor.
        unsafe { libc::dup3(from, to, 0) };
    };
    replace(0, ASIDE);
    replace(descriptors[0].as_raw_fd(), 0);
    send(&WorkerFrame::ready_frame());
    replace(ASIDE, 0);
}

fn send_with_descriptors(message: &[u8]) {
    let mut frame = Vec::new();
    write_frame(&mut frame, message).expect("memory");
    let own = [rustix::stdio::stdin(), rustix::stdio::stdin()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = rustix::net::SendAncillaryBuffer::new(&mut space);
    ancillary.push(rustix::net::SendAncillaryMessage::ScmRights(&own));
    let parts = [IoSlice::new(&frame)];
    let _ = rustix::net::sendmsg(
        own[0],
        &parts,
        &mut ancillary,
        rustix::net::SendFlags::empty(),
    );
}

/// Whether this is the child.
fn fork() -> bool {
    // SAFETY: this process has one thread. The C library's fork makes a call that the filter forbids.
    unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) == 0 }
}
