//! `kinds`: a function for every type of WIT, and functions of several parameters and of none.
#![no_std]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use bindings::exports::wpool::kinds::every::{Bits, Color, Guest, Permissions, Place, Shape};
use runtime as _;

mod bindings {
    use super::Kinds;

    wit_bindgen::generate!("kinds");
    export!(Kinds);
}

struct Kinds;

type Nested = Vec<Option<Result<(Shape, Color, Permissions), Vec<Place>>>>;

/// Functions that return what they are given.
macro_rules! identities {
    ($($name:ident: $type:ty,)*) => {
        $(fn $name(x: $type) -> $type { x })*
    };
}

impl Guest for Kinds {
    identities! {
        bool: bool,
        s8: i8,
        u8: u8,
        s16: i16,
        u16: u16,
        s32: i32,
        u32: u32,
        s64: i64,
        u64: u64,
        f32: f32,
        f64: f64,
        char: char,
        string: String,
        bytes: Vec<u8>,
        numbers: Vec<i64>,
        strings: Vec<String>,
        lists: Vec<Vec<u32>>,
        tuple: (u8, String, f64),
        pairs: Vec<(String, u32)>,
        record: Place,
        variant: Shape,
        enum_: Color,
        option: Option<String>,
        option_option: Option<Option<u32>>,
        result: Result<u32, String>,
        result_ok: Result<u32, ()>,
        result_err: Result<(), String>,
        result_empty: Result<(), ()>,
        results: Vec<Result<u32, String>>,
        flags: Permissions,
        flags32: Bits,
        nested: Nested,
    }

    fn nothing() {}

    fn answer() -> u32 {
        42
    }

    fn ignore(_: String) {}

    fn join(first: String, second: String) -> String {
        first + &second
    }

    fn choose(value: Option<f32>, place: Place, fallback: f32) -> f32 {
        value.or(place.height_in_meters).unwrap_or(fallback)
    }

    fn sum(
        a: u8,
        b: u16,
        c: u32,
        d: u64,
        e: i8,
        f: i16,
        g: i32,
        h: i64,
        i: u8,
        j: u16,
        k: u32,
        l: u64,
        m: i8,
        n: i16,
        o: i32,
        p: i64,
        q: f64,
    ) -> f64 {
        let unsigned = [
            a.into(),
            b.into(),
            c.into(),
            d,
            i.into(),
            j.into(),
            k.into(),
            l,
        ];
        let signed = [
            e.into(),
            f.into(),
            g.into(),
            h,
            m.into(),
            n.into(),
            o.into(),
            p,
        ];
        let unsigned: f64 = unsigned.into_iter().map(|x: u64| x as f64).sum();
        let signed: f64 = signed.into_iter().map(|x: i64| x as f64).sum();
        unsigned + signed + q
    }
}
