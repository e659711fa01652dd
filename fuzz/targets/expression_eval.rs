#![no_main]

#[path = "../src/expression.rs"]
#[expect(dead_code, reason = "the other target uses the rest")]
mod expression;

libfuzzer_sys::fuzz_target!(|data: &[u8]| expression::eval(data));
