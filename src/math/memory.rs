//! How much memory there is, so that what does not fit is refused with its size instead of ending the process.

/// Bytes that can still be taken: the least of what the system has free and what the address-space limit of the process leaves.
/// `None` where the system does not say, as outside Linux.
pub fn available() -> Option<f64> {
    let free = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| kilobytes(&text, "MemAvailable:"));
    let limit = std::fs::read_to_string("/proc/self/limits")
        .ok()
        .and_then(|text| address_space(&text));
    let taken = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| kilobytes(&text, "VmSize:"));
    let left = limit.map(|limit| (limit - taken.unwrap_or(0.0)).max(0.0));
    match (free, left) {
        (Some(free), Some(left)) => Some(free.min(left)),
        (free, left) => free.or(left),
    }
}

/// The number after a key, which is in units of 1024 bytes.
fn kilobytes(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(1024.0 * number)
}

/// The soft limit on the address space; `None` without one.
fn address_space(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_linux_are_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max address space         204800000            unlimited            bytes     \n";
        assert_eq!(address_space(limits), Some(204_800_000.0));
        assert_eq!(address_space(&limits.replace("204800000", "unlimited")), None);
        assert_eq!(
            kilobytes("MemTotal: 9 kB\nMemAvailable:   12 kB\n", "MemAvailable:"),
            Some(12288.0)
        );
        if cfg!(target_os = "linux") {
            assert!(available().is_some_and(|bytes| bytes > 1e6));
        }
    }
}
