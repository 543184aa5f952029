//! Signals as they are in a fresh process, whatever the program that started this one did with its own.

/// Blocks no signal, and handles none of those that matter here in an inherited way.
pub(crate) fn restore_defaults() {
    // SAFETY: an emptied set is valid, and default actions run no code. Neither call fails for valid arguments.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        for signal in [libc::SIGALRM, libc::SIGCHLD, libc::SIGTERM, libc::SIGXCPU] {
            libc::signal(signal, libc::SIG_DFL);
        }
        // A supervisor that is gone is noticed by an error of the write, and so is a file that may not become longer.
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
