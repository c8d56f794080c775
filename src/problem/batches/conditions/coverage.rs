//! Pairs of classes without an active edge.

use super::{Graph, MAX_LISTED_PAIRS, Share};

/// A set of classes as bits.
type Bits = Vec<u64>;

/// A batch with more classes than a set of bits has words is met as bits.
struct Dense {
    all: Bits,
    positive: Bits,
}

/// The first missing pairs of classes, and how many there are. For every class the classes are gathered that it meets in an
/// active edge: all of a batch in which it has a positive, and those with a positive of any other. A batch with `c` of the
/// `k` classes costs `c min(c, k/64)`.
pub(super) fn missing_pairs(graph: &Graph, classes: usize) -> (Vec<(u32, u32)>, u64) {
    let words = classes.div_ceil(64);
    let batches: Vec<&[Share]> = graph.batches().collect();
    let bits = |shares: &mut dyn Iterator<Item = &Share>| {
        let mut bits = vec![0; words];
        for share in shares {
            insert(&mut bits, share.class as usize);
        }
        bits
    };
    let dense: Vec<Option<Dense>> = batches
        .iter()
        .map(|shares| {
            (shares.len() > words).then(|| Dense {
                all: bits(&mut shares.iter()),
                positive: bits(&mut shares.iter().filter(|share| share.positive)),
            })
        })
        .collect();
    // The batches of every class, and whether it has a positive there.
    let mut of_class: Vec<Vec<(u32, bool)>> = vec![Vec::new(); classes];
    for (batch, shares) in (0..).zip(&batches) {
        for share in *shares {
            of_class[share.class as usize].push((batch, share.positive));
        }
    }
    let mut listed = Vec::new();
    let mut twice = 0u64;
    let mut met = vec![0u64; words];
    let mut touched: Vec<u32> = Vec::new();
    for (class, own) in of_class.iter().enumerate() {
        let mut count = 0;
        // Whether all that was met is in `touched`.
        let mut sparse = true;
        insert(&mut met, class);
        touched.push(class as u32);
        for &(batch, positive) in own {
            if positive && batches[batch as usize].len() == classes {
                count = classes - 1;
                break;
            }
            if let Some(dense) = &dense[batch as usize] {
                let source = if positive { &dense.all } else { &dense.positive };
                met.iter_mut().zip(source).for_each(|(word, more)| *word |= more);
                sparse = false;
                continue;
            }
            for share in batches[batch as usize]
                .iter()
                .filter(|share| positive || share.positive)
            {
                if insert(&mut met, share.class as usize) {
                    touched.push(share.class);
                }
            }
        }
        if count == 0 {
            count = if sparse {
                touched.len() - 1
            } else {
                met.iter().map(|word| word.count_ones() as usize).sum::<usize>() - 1
            };
        }
        if count < classes - 1 {
            twice += (classes - 1 - count) as u64;
            let others = (class + 1..classes).filter(|&other| met[other / 64] & (1 << (other % 64)) == 0);
            listed.extend(
                others
                    .map(|other| (class as u32, other as u32))
                    .take(MAX_LISTED_PAIRS - listed.len()),
            );
        }
        if sparse {
            touched.iter().for_each(|&class| met[class as usize / 64] = 0);
        } else {
            met.fill(0);
        }
        touched.clear();
    }
    (listed, twice / 2)
}

/// Whether the class was not in the set.
fn insert(bits: &mut [u64], class: usize) -> bool {
    let (word, bit) = (&mut bits[class / 64], 1 << (class % 64));
    let new = *word & bit == 0;
    *word |= bit;
    new
}
