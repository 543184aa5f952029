//! Writes its arguments, a space between them, on one line.

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    println!("{}", words.join(" "));
}
