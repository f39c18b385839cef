//! What all targets have in common.

/// The most memory that an octet may cost, in octets.
const PER_OCTET: u64 = 1_000;
/// The most memory that nothing may cost: tables, and what is made once.
const AT_REST: u64 = 8 << 20;

/// Runs a target, which may use some multiple of the memory that its input takes, and no more.
pub fn within_memory(octets: &[u8], target: fn(&[u8])) {
    let used = allocation_counter::measure(|| target(octets)).bytes_max;
    let most = PER_OCTET.saturating_mul(octets.len() as u64).saturating_add(AT_REST);
    assert!(used <= most, "{used} octets of memory for {} of input", octets.len());
}
