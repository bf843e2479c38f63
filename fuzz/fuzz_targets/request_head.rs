//! Request heads: no panic, and the same result however they are cut.

#![no_main]

use hangup_fuzz::LIMITS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| hangup_fuzz::head(input, |scanner, buf| scanner.request(buf, &LIMITS)));
