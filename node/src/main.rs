//! wia
fn main() {}
