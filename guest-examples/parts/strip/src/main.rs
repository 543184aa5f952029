//! `strip IN OUT`: the last step of every guest. Writes the module or component IN, binary or text, to OUT in binary and
//! without its custom sections (names, producers, debug information), those of nested modules and components included.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Magic number, version and layer.
const HEADER_BYTES: usize = 8;
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

// Sections, by the number they begin with. The first means the same in modules and components.
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const NESTED_COMPONENT: u8 = 4;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("strip: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = paths.as_slice() else {
        return Err("usage: strip IN OUT".into());
    };
    fs::write(to, stripped(&wat::parse_file(from)?)?)?;
    Ok(())
}

/// `binary`, a module or a component, without custom sections.
fn stripped(binary: &[u8]) -> Result<Vec<u8>> {
    let (header, mut rest) = binary.split_at_checked(HEADER_BYTES).ok_or("no header")?;
    let mut kept = header.to_vec();
    while let Some((&section, after)) = rest.split_first() {
        let (size, after) = leb128(after)?;
        let (content, after) = after
            .split_at_checked(size)
            .ok_or("a section ends too early")?;
        rest = after;
        match section {
            CUSTOM => {}
            CORE_MODULE | NESTED_COMPONENT if header == COMPONENT => {
                append(&mut kept, section, &stripped(content)?)
            }
            _ => append(&mut kept, section, content),
        }
    }
    Ok(kept)
}

fn append(binary: &mut Vec<u8>, section: u8, content: &[u8]) {
    binary.push(section);
    let mut size = content.len();
    while size >= 0x80 {
        binary.push(size as u8 | 0x80);
        size >>= 7;
    }
    binary.push(size as u8);
    binary.extend_from_slice(content);
}

/// The number that `bytes` begin with, and what comes after it.
fn leb128(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((number, &bytes[index + 1..]));
        }
    }
    Err("a section has no size".into())
}
