//! Where code trapped: the functions that were being called, under the names that people gave them.

use wasmtime::{FrameInfo, WasmBacktrace};

/// How many functions are named, the innermost first.
const FRAMES: usize = 24;

/// How long a name may be, in bytes: a C++ template's can be thousands.
const NAME: usize = 200;

/// A line for each function, after the message; nothing where no function has a name.
pub(super) fn lines(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let frames = backtrace.frames();
    if frames.iter().all(|frame| frame.func_name().is_none()) {
        return String::new();
    }
    let mut text = String::new();
    for (number, frame) in frames.iter().take(FRAMES).enumerate() {
        text += &format!("\n{number}: {}", name(frame));
    }
    if frames.len() > FRAMES {
        text += &format!("\n… and {} more", frames.len() - FRAMES);
    }
    text
}

fn name(frame: &FrameInfo) -> String {
    let Some(name) = frame.func_name() else {
        return format!("function {}", frame.func_index());
    };
    let mut name = demangled(name).replace('\n', " ");
    if name.len() > NAME {
        name.truncate(name.floor_char_boundary(NAME));
        name.push('…');
    }
    name
}

/// As it was written in Rust or C++; others as they are.
fn demangled(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    let symbol = cpp_demangle::Symbol::new(name).ok();
    let cpp = symbol.and_then(|symbol| symbol.demangle().ok());
    cpp.unwrap_or_else(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::demangled;

    #[test]
    fn names_are_shown_as_they_were_written() {
        assert_eq!(
            demangled("_ZN4core9panicking5panic17h0123456789abcdefE"),
            "core::panicking::panic"
        );
        assert_eq!(demangled("_Z3addii"), "add(int, int)");
        assert_eq!(demangled("main"), "main");
    }
}
