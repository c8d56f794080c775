//! Class sizes as Python reads them.

use toml::Value;

/// Most runs of equal sizes that `repr` lists.
const MAX_RUNS: usize = 1000;

/// Lists up to this length are listed item by item.
const MAX_ITEMS: usize = 16;

/// Sizes as Python reads them; long runs of equal ones as products. None if there are too many.
pub(crate) fn listed(sizes: &[Value]) -> Option<String> {
    let item = |size: &Value| size.to_string();
    if sizes.len() <= MAX_ITEMS {
        return Some(format!("[{}]", sizes.iter().map(item).collect::<Vec<_>>().join(", ")));
    }
    let runs: Vec<&[Value]> = sizes.chunk_by(|a, b| a == b).collect();
    if runs.len() > MAX_RUNS {
        return None;
    }
    if runs.len() > sizes.len() / 4 {
        return Some(format!("[{}]", sizes.iter().map(item).collect::<Vec<_>>().join(", ")));
    }
    let product = |run: &&[Value]| match run.len() {
        1 => format!("[{}]", item(&run[0])),
        count => format!("[{}] * {count}", item(&run[0])),
    };
    Some(runs.iter().map(product).collect::<Vec<_>>().join(" + "))
}
