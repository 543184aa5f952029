//! `rules`: a user's rules for orders, a plugin of the world `wpool:plugin/plugin`. An input is lines of `ITEM COUNT`; the answer is
//! what they cost together, by the prices that the host knows, with a tenth off from a hundred up.
#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str;
use runtime as _;

mod bindings {
    use super::Rules;

    wit_bindgen::generate!({ world: "plugin", path: "../../wit" });
    export!(Rules);
}

use bindings::wpool::plugin::log::{Level, log};
use bindings::wpool::plugin::{key_value, task};

/// From this sum on there is a discount.
const DISCOUNT_FROM: u64 = 100;

struct Rules;

impl bindings::Guest for Rules {
    fn run(input: Vec<u8>) -> Result<Vec<u8>, String> {
        let text = str::from_utf8(&input).map_err(|_| String::from("the order is not text"))?;
        let lines = text.lines().count().max(1);
        let mut sum = 0_u64;
        for (index, line) in text.lines().enumerate() {
            sum = sum.saturating_add(price_of(line)?);
            task::progress((index + 1) as f64 / lines as f64);
        }
        if sum >= DISCOUNT_FROM {
            log(Level::Info, &format!("a tenth off {sum}"));
            sum -= sum / 10;
        }
        Ok(format!("{sum}").into_bytes())
    }
}

fn price_of(line: &str) -> Result<u64, String> {
    let (item, count) = line.rsplit_once(' ').unwrap_or((line, "1"));
    let count: u64 = count
        .parse()
        .map_err(|_| format!("`{count}` is not a number of {item}"))?;
    let price = key_value::get(item).ok_or_else(|| format!("there is no {item}"))?;
    let price = str::from_utf8(&price)
        .ok()
        .and_then(|price| price.parse().ok());
    let price: u64 = price.ok_or_else(|| format!("the price of {item} is not a number"))?;
    Ok(price.saturating_mul(count))
}
