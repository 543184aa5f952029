//! A pool of four workers that each print a number.
//!
//! ```python
//! def show(number):
//!     print(number)
//!
//! with Pool(4) as pool:
//!     pool.map(show, [1, 2, 3, 4], chunksize=1)
//! ```

use wpool::{Error, HostCall, LogLevel, PluginHost, Pool, printable};

const HELLO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-examples/wasm/hello.wasm"
);

/// Whatever the guest says goes to standard output, a line at a time.
struct Printing;

impl PluginHost for Printing {
    fn log(&self, _: &HostCall, _: LogLevel, message: &str) {
        println!("{}", printable(message));
    }
}

fn main() -> Result<(), Error> {
    wpool::init();
    let pool = Pool::builder(HELLO)
        .workers(4)
        .chunk_size(1)
        .plugin_host(Printing)
        .build()?;
    pool.map::<_, ()>("show", 1..=4)?;
    Ok(())
}
