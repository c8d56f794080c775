//! Draws without replacement: how many of them fall on each of several populations.

/// Combinations whose probability is below this are left out: all of them together weigh less than the last digit of one.
const NEGLIGIBLE: f64 = 1e-30;

/// How many of `draws` without replacement are among the first `a` of `a + b`: the least number, and the probabilities from
/// there on. They sum to 1.
pub(crate) fn hypergeometric(a: u64, b: u64, draws: u64) -> (u64, Vec<f64>) {
    let (least, most) = (draws.saturating_sub(b), draws.min(a));
    let ratio = |i: u64| {
        // Of the probability of i + 1 to that of i.
        let (a, b, n, i) = (a as f64, b as f64, draws as f64, i as f64);
        (a - i) * (n - i) / ((i + 1.0) * (b - n + i + 1.0))
    };
    let mode = ((draws as f64 + 1.0) * (a as f64 + 1.0) / ((a + b) as f64 + 2.0)) as u64;
    let mode = mode.clamp(least, most);
    let mut weight = vec![1.0; (most - least + 1) as usize];
    for i in mode..most {
        weight[(i + 1 - least) as usize] = weight[(i - least) as usize] * ratio(i);
    }
    for i in (least..mode).rev() {
        weight[(i - least) as usize] = weight[(i + 1 - least) as usize] / ratio(i);
    }
    let total: f64 = weight.iter().sum();
    weight.iter_mut().for_each(|weight| *weight /= total);
    (least, weight)
}

/// Calls `visit` with every way in which `draws` without replacement fall on the populations, and its probability; ways that
/// weigh nothing are left out. Stops after `limit` of them and then says `false`.
pub(crate) fn each_draw(populations: &[u64], draws: u64, limit: u64, visit: &mut dyn FnMut(&[u64], f64)) -> bool {
    let mut rest: Vec<u64> = populations.to_vec();
    // The population behind each one.
    for at in (0..rest.len()).rev() {
        rest[at] = rest.get(at + 1).map_or(0, |behind| behind + populations[at + 1]);
    }
    let mut walk = Walk {
        populations,
        rest: &rest,
        // Of every population and number of draws that are left.
        known: vec![vec![None; draws as usize + 1]; populations.len()],
        numbers: vec![0; populations.len()],
        left: limit,
        visit,
    };
    walk.step(0, draws, 1.0)
}

/// The least number, and the probabilities from there on.
type Table = (u64, Vec<f64>);

struct Walk<'a> {
    populations: &'a [u64],
    rest: &'a [u64],
    known: Vec<Vec<Option<std::rc::Rc<Table>>>>,
    numbers: Vec<u64>,
    left: u64,
    visit: &'a mut dyn FnMut(&[u64], f64),
}

impl Walk<'_> {
    fn step(&mut self, at: usize, draws: u64, probability: f64) -> bool {
        let last = at + 1 == self.populations.len();
        if last {
            if self.left == 0 {
                return false;
            }
            self.left -= 1;
            self.numbers[at] = draws;
            (self.visit)(&self.numbers, probability);
            return true;
        }
        let table = self.known[at][draws as usize]
            .get_or_insert_with(|| hypergeometric(self.populations[at], self.rest[at], draws).into())
            .clone();
        let (least, ref weights) = *table;
        for (number, weight) in (least..).zip(weights) {
            let probability = probability * weight;
            if probability < NEGLIGIBLE {
                continue;
            }
            self.numbers[at] = number;
            if !self.step(at + 1, draws - number, probability) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against all orders of drawing.
    #[test]
    fn probabilities_are_those_of_all_subsets() {
        let owner = [0usize, 0, 0, 1, 1, 2, 2, 2, 2];
        for draws in 0..=9u32 {
            let mut expected = std::collections::BTreeMap::new();
            let mut subsets = 0.0;
            for set in 0u32..1 << 9 {
                if set.count_ones() == draws {
                    let mut numbers = vec![0u64; 3];
                    (0..9)
                        .filter(|i| set >> i & 1 == 1)
                        .for_each(|i| numbers[owner[i]] += 1);
                    *expected.entry(numbers).or_insert(0.0) += 1.0;
                    subsets += 1.0;
                }
            }
            let mut found = 0;
            let whole = each_draw(&[3, 2, 4], draws.into(), 1000, &mut |numbers, probability| {
                found += 1;
                let right: f64 = expected[numbers] / subsets;
                assert!(
                    (probability - right).abs() < 1e-15,
                    "{numbers:?}: {probability}, {right}"
                );
            });
            assert!(whole && found == expected.len());
            assert!(!each_draw(&[3, 2, 4], draws.into(), found as u64 - 1, &mut |_, _| {}));
        }
    }
}
