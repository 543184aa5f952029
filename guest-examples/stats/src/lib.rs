//! `stats`: a list in, a record or an error out.
#![no_std]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use bindings::Summary;
use runtime as _;

mod bindings {
    use super::Stats;

    wit_bindgen::generate!("stats");
    export!(Stats);
}

struct Stats;

impl bindings::Guest for Stats {
    fn stats(values: Vec<f64>) -> Result<Summary, String> {
        if values.is_empty() {
            return Err("no values".into());
        }
        let count = values.len() as u32;
        Ok(Summary {
            count,
            mean: values.iter().sum::<f64>() / f64::from(count),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}
