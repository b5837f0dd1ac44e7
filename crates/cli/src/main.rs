//! arachne
fn main() {}
