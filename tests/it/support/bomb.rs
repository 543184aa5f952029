//! A small module that takes the compiler very long, and a lot of memory.

/// Locals of its one function. The work of the compiler grows with locals times loops: about 20 seconds and 2 GiB.
const LOCALS: u32 = 40_000;
const LOOPS: u32 = 10_000;

/// The binary of a valid module with one function `f: func(s64) -> s64`; a third of a megabyte.
pub fn compile_bomb() -> Vec<u8> {
    let mut body = vec![1];
    number(&mut body, LOCALS);
    body.push(I64);
    let mut local = 0;
    for _ in 0..LOOPS {
        body.extend([0x03, 0x40]); // loop
        for _ in 0..2 {
            local = (local * 7_919 + 104_729) % LOCALS;
            op(&mut body, LOCAL_GET, local);
            op(&mut body, LOCAL_GET, (local * 31 + 7) % LOCALS);
            body.push(0x7c); // i64.add
            op(&mut body, LOCAL_SET, (local * 17 + 3) % LOCALS);
        }
        op(&mut body, LOCAL_GET, local);
        body.push(0xa7); // i32.wrap_i64
        body.extend([0x0d, 0x00]); // br_if 0
        body.push(END);
    }
    op(&mut body, LOCAL_GET, 0);
    body.push(END);

    let mut code = vec![1];
    number(&mut code, body.len() as u32);
    code.extend(body);

    let mut binary = b"\0asm\x01\0\0\0".to_vec();
    section(&mut binary, 1, &[1, 0x60, 1, I64, 1, I64]);
    section(&mut binary, 3, &[1, 0]);
    section(&mut binary, 7, &[1, 1, b'f', 0, 0]);
    section(&mut binary, 10, &code);
    binary
}

const I64: u8 = 0x7e;
const LOCAL_GET: u8 = 0x20;
const LOCAL_SET: u8 = 0x21;
const END: u8 = 0x0b;

fn op(out: &mut Vec<u8>, opcode: u8, index: u32) {
    out.push(opcode);
    number(out, index);
}

fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    number(out, content.len() as u32);
    out.extend(content);
}

/// LEB128.
fn number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
