"""The numbers of tests/it/bound.rs: equation (13) with 60 digits and exact binomials."""

from math import comb

import mpmath as mp

mp.mp.dps = 60
k, m, b, tau = 10, 5000, 512, mp.mpf(1) / 10
shift = mp.exp(-mp.mpf(k) / ((k - 1) * tau))
counts = [(l, l * k * comb(m + l - 1, l) * comb(m * (k - 1) + b - l - 1, b - l)) for l in range(2, b + 1)]
value = sum(count * mp.log(l - 1 + (b - l) * shift) for l, count in counts)
batches = comb(m * k + b - 1, b)
for number in [mp.log(value), mp.log(batches), value / sum(count for _, count in counts), value / batches]:
    print(mp.nstr(number, 20))
