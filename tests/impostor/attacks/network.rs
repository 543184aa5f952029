//! Sockets of every family, and what can travel through the one socket that there is.

use super::{Attack, call};
use libc::{AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM};
use std::mem::size_of;

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "inet socket",
        run: |_| call!(libc::SYS_socket, AF_INET, SOCK_STREAM, 0),
    },
    Attack {
        name: "inet6 socket",
        run: |_| call!(libc::SYS_socket, AF_INET6, SOCK_DGRAM, 0),
    },
    Attack {
        name: "connect to 127.0.0.1",
        run: |_| {
            let socket = call!(libc::SYS_socket, AF_INET, SOCK_STREAM, 0);
            let address = libc::sockaddr_in {
                sin_family: AF_INET as u16,
                sin_port: 53_u16.to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
                },
                sin_zero: [0; 8],
            };
            let connected = call!(
                libc::SYS_connect,
                socket,
                &raw const address,
                size_of::<libc::sockaddr_in>()
            );
            if socket < 0 { socket } else { connected }
        },
    },
    Attack {
        name: "netlink socket",
        run: |_| call!(libc::SYS_socket, AF_NETLINK, SOCK_RAW, 0),
    },
    Attack {
        name: "packet socket",
        run: |_| call!(libc::SYS_socket, AF_PACKET, SOCK_RAW, 0),
    },
    Attack {
        name: "unix socket",
        run: |_| call!(libc::SYS_socket, AF_UNIX, SOCK_STREAM, 0),
    },
    Attack {
        name: "abstract unix socket",
        run: |target| {
            let socket = call!(libc::SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
            let mut address = libc::sockaddr_un {
                sun_family: AF_UNIX as u16,
                sun_path: [0; 108],
            };
            // An abstract name that the supervisor has bound.
            let name = format!("\0wpool-escape-{}", target.supervisor);
            for (to, from) in address.sun_path.iter_mut().zip(name.bytes()) {
                *to = from as libc::c_char;
            }
            let length = size_of::<u16>() + name.len();
            let connected = call!(libc::SYS_connect, socket, &raw const address, length);
            if socket < 0 { socket } else { connected }
        },
    },
    Attack {
        name: "socket pair",
        run: |_| {
            let mut pair = [0_i32; 2];
            call!(
                libc::SYS_socketpair,
                AF_UNIX,
                SOCK_STREAM,
                0,
                pair.as_mut_ptr()
            )
        },
    },
    Attack {
        name: "pipe",
        run: |_| {
            let mut pair = [0_i32; 2];
            call!(libc::SYS_pipe2, pair.as_mut_ptr(), 0)
        },
    },
    Attack {
        name: "who is at the other end",
        run: |_| {
            let (mut buffer, mut length) = ([0_u8; 64], 64_u32);
            call!(
                libc::SYS_getsockopt,
                0,
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                buffer.as_mut_ptr(),
                &raw mut length
            )
        },
    },
    Attack {
        name: "false credentials",
        run: |target| {
            let (pid, root) = (target.supervisor as i32, 0);
            with_credentials(libc::ucred {
                pid,
                uid: root,
                gid: root,
            })
        },
    },
];

/// Sends a byte over the own connection, as somebody else.
fn with_credentials(somebody: libc::ucred) -> i64 {
    /// A control message and its header, laid out as the kernel wants them.
    #[repr(C)]
    struct Control {
        header: libc::cmsghdr,
        credentials: libc::ucred,
    }
    let control = Control {
        header: libc::cmsghdr {
            cmsg_len: size_of::<libc::cmsghdr>() + size_of::<libc::ucred>(),
            cmsg_level: libc::SOL_SOCKET,
            cmsg_type: libc::SCM_CREDENTIALS,
        },
        credentials: somebody,
    };
    let part = libc::iovec {
        iov_base: c"x".as_ptr().cast_mut().cast(),
        iov_len: 1,
    };
    let message = [
        0,
        0,
        &raw const part as usize,
        1,
        &raw const control as usize,
        size_of::<Control>(),
        0,
    ];
    call!(libc::SYS_sendmsg, 0, message.as_ptr(), 0)
}
