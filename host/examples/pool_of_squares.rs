//! A pool of four workers that maps `square` over the numbers 1 to 5.
//!
//! ```python
//! with Pool(4) as pool:
//!     print(pool.map(square, range(1, 6)))
//! ```

use wpool::{Error, Pool};

const SQUARE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-examples/wasm/square.wasm"
);

fn main() -> Result<(), Error> {
    wpool::init();
    let pool = Pool::builder(SQUARE).workers(4).build()?;
    let squares: Vec<i64> = pool.map("square", 1..=5)?;
    println!("{squares:?}");
    Ok(())
}
