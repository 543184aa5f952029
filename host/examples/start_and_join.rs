//! Starting and joining: a process before, while and after it runs.
//!
//! ```python
//! p = Process(target=spin, args=(-1,))
//! print(p.is_alive(), p.exitcode)
//! p.start()
//! p.join(timeout=0.05)
//! print(p.is_alive(), p.exitcode)
//! p.terminate()
//! p.join()
//! print(p.is_alive(), p.exitcode)
//! ```

use std::time::Duration;
use wpool::{Error, Process};

const SPIN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-examples/wasm/spin.wasm"
);

fn main() -> Result<(), Error> {
    wpool::init();
    // For a negative number it never returns.
    let mut process = Process::new(SPIN, "spin", (-1,));
    println!("{} {:?}", process.is_alive(), process.exit_code());
    process.start()?;
    process.join_timeout(Duration::from_millis(50))?;
    println!("{} {:?}", process.is_alive(), process.exit_code());
    process.terminate();
    process.join()?;
    println!("{} {:?}", process.is_alive(), process.exit_code());
    Ok(())
}
