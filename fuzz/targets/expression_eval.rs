#![no_main]

#[path = "../src/mod.rs"]
#[expect(dead_code, reason = "the other targets use the rest")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::expression::eval(data));
