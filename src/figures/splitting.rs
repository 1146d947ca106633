//! Splits an amount by shares so that the parts sum to it exactly.

use rust_decimal::Decimal;

use crate::money::Money;

/// The parts of an amount by weights, by the largest remainder: each is exact or the cent next to it, and together
/// they are the amount. What is left goes to the largest remainders, then to the heavier weight, then to whoever
/// comes first. Of an amount below zero the parts are those of its opposite. Nothing where no weight is above zero.
pub fn split(amount: Money, weights: &[i64]) -> Vec<Money> {
    let whole: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if whole <= 0 {
        return vec![Money::ZERO; weights.len()];
    }
    let cents = cents(amount);
    let sign = cents.signum();
    // Fourteen digits times the product of two shares: far from 38 digits.
    let exact = |weight: &i64| cents.abs() * i128::from(*weight);
    let mut parts: Vec<i128> = weights.iter().map(|weight| exact(weight) / whole).collect();
    let left = cents.abs() - parts.iter().sum::<i128>();
    let mut places: Vec<usize> = (0..weights.len()).collect();
    places.sort_by_key(|place| {
        let weight = weights[*place];
        (std::cmp::Reverse((exact(&weight) % whole, weight)), *place)
    });
    // Each remainder is below one cent, so that fewer are left than there are parts.
    for place in places.into_iter().take(usize::try_from(left).unwrap_or_default()) {
        parts[place] += 1;
    }
    let money = |part: i128| Money::from_cents(i64::try_from(sign * part).unwrap_or_default());
    parts.into_iter().map(money).collect()
}

fn cents(amount: Money) -> i128 {
    let mut decimal: Decimal = amount.decimal();
    decimal.rescale(2);
    decimal.mantissa()
}
