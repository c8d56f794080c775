//! The script of the guide's certificate page, in Rust: where there is no NumPy the formula is still tested.

use std::io::Cursor;
use std::path::Path;

use npyz::npz::NpzArchive;

use super::transcript::{run, workspace};

/// Shape-less numbers of one array; matrices by rows.
fn array(folder: &Path, file: &str, name: &str) -> Vec<f64> {
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let mut archive = NpzArchive::new(Cursor::new(bytes)).unwrap();
    let array = archive
        .by_name(name)
        .unwrap()
        .unwrap_or_else(|| panic!("{file} has no {name}"));
    let (shape, order) = (array.shape().to_vec(), array.order());
    let values: Vec<f64> = array.into_vec().unwrap();
    match (
        shape[..].iter().map(|&n| n as usize).collect::<Vec<_>>()[..].as_ref(),
        order,
    ) {
        ([rows, columns], npyz::Order::Fortran) => (0..rows * columns)
            .map(|k| values[(k % columns) * rows + k / columns])
            .collect(),
        _ => values,
    }
}

/// Inequality (4') from `certificate.npz` alone gives the lower bound of `result.json`, with and without a floor, with
/// merged classes, probabilities and class-balanced anchors.
#[test]
fn the_stored_numbers_prove_the_stated_bound() {
    let workspace = workspace();
    let folder = workspace.path();
    for problem in [
        "step-imbalance",
        "cifar10-lt",
        "minority-collapse-unequal",
        "bcl-class-anchors",
        "population",
        "nscl",
        "nonnegative-frame",
    ] {
        run(
            &format!("ufmin solve problems/{problem}.toml --output out --quiet"),
            folder,
        )
        .unwrap();
        let result: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("out/result.json")).unwrap()).unwrap();
        let read = |name: &str| array(folder, "out/certificate.npz", name);
        let (y, nu, m, w, s, a) = (
            read("y"),
            read("nu"),
            read("multiplicity"),
            read("weight"),
            read("s"),
            read("a"),
        );
        let (tau, unit) = (read("temperature")[0], read("log_scale")[0].exp());
        let groups = m.len();
        let has_floor = s.iter().all(|&s| s > 0.0);
        let mut bound = 0.0;
        let mut excess = 0.0;
        let gram = array(folder, "out/structure.npz", "group_gram");
        for g in 0..groups {
            let (mut share, mut entropy, mut sum, mut mass) = (0.0, 0.0, 0.0, 0.0);
            for h in 0..groups {
                let partners = m[h] - f64::from(u8::from(g == h));
                let y = y[g * groups + h] * unit;
                assert!(partners == 0.0 || y >= 0.0, "{problem}: y is negative");
                mass += partners * a[h] * ((gram[g * groups + h] - 1.0) / tau).exp();
                let q = tau * y / w[g];
                if partners * q > 0.0 {
                    share += partners * q;
                    entropy += partners * q * (q / a[h] * if has_floor { s[g] } else { 1.0 }).ln();
                    sum += partners * y;
                }
            }
            if has_floor {
                entropy += (1.0 - share) * (-share).ln_1p();
                excess += m[g] * w[g] * (mass / s[g]).ln_1p();
            } else {
                assert!((share - 1.0).abs() < 1e-12, "{problem}: a row of q sums to {share}");
                excess += m[g] * w[g] * mass.ln();
            }
            bound += m[g] * (-w[g] * entropy - sum - nu[g] * unit);
        }
        let floor: f64 = (0..groups).filter(|_| has_floor).map(|g| m[g] * w[g] * s[g].ln()).sum();
        let stated = result["certificate"]["lower_bound"].as_f64().unwrap();
        let scale = if has_floor { excess } else { 1.0 };
        assert!(
            (floor + bound - stated).abs() <= 1e-13 * stated.abs().max(1.0),
            "{problem}: {} {stated}",
            floor + bound
        );
        assert!(((excess - bound) / scale).abs() < 1e-10, "{problem}: {excess} {bound}");
        if !result["problem"]["nonnegative"].as_bool().unwrap() {
            let matrix = nalgebra::DMatrix::from_fn(groups, groups, |g, h| {
                let pair = 0.5 * (y[g * groups + h] + y[h * groups + g]);
                if g == h {
                    nu[g] + (m[g] - 1.0) * pair
                } else {
                    (m[g] * m[h]).sqrt() * pair
                }
            });
            let largest = matrix.amax();
            let smallest = (0..groups)
                .filter(|&g| m[g] > 1.0)
                .map(|g| nu[g] - y[g * groups + g])
                .fold(matrix.symmetric_eigenvalues().min(), f64::min);
            assert!(
                smallest > -1e-13 * largest,
                "{problem}: eigenvalue {smallest} of {largest}"
            );
        }
    }
}
