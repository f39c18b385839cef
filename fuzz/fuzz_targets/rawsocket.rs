#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| serverwamp_fuzz::within_memory(octets, serverwamp::fuzzing::rawsocket));
