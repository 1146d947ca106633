//! An amount of US dollars, to the cent. Never a float: `Money` is parsed from
//! text, and its GraphQL scalar accepts a string only.

use std::{fmt, iter::Sum, str::FromStr};

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use rust_decimal::{Decimal, RoundingStrategy};

/// The most that a `numeric(14, 2)` column holds.
const MOST: Decimal = Decimal::from_parts(276_447_231, 23_283, 0, false, 2);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct Money(Decimal);

impl Money {
    pub const ZERO: Self = Self(Decimal::ZERO);

    pub fn from_cents(cents: i64) -> Self {
        Self(Decimal::new(cents, 2))
    }

    pub fn is_positive(self) -> bool {
        self.0 > Decimal::ZERO
    }

    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// A part in basis points, rounded half up to the cent.
    pub fn part_half_up(self, basis_points: i32) -> Option<Self> {
        let part = self.0.checked_mul(Decimal::new(basis_points.into(), 4))?;
        Some(Self(part.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)))
    }

    /// This amount times `part`, divided by `of`, rounded half up to the cent; none when `of` is zero.
    pub fn ratio_half_up(self, part: i32, of: i32) -> Option<Self> {
        let ratio = self.0.checked_mul(part.into())?.checked_div(of.into())?;
        Some(Self(ratio.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)))
    }

    /// This amount times `part`, divided by `whole`, rounded half up to the cent; none when `whole` is zero.
    pub fn share_half_up(self, part: Self, whole: Self) -> Option<Self> {
        let share = self.0.checked_mul(part.0)?.checked_div(whole.0)?;
        Some(Self(share.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)))
    }

    /// Of several amounts, rounded half up to the cent; none of nothing.
    pub fn average(amounts: &[Self]) -> Option<Self> {
        let sum: Self = amounts.iter().copied().sum();
        sum.ratio_half_up(1, amounts.len().try_into().ok()?)
    }

    /// This amount in hundredths of `whole`, to two places; none of zero.
    pub fn percent_of(self, whole: Self) -> Option<Percent> {
        let ratio = self.0.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole.0)?;
        Some(Percent(ratio.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)))
    }

    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl FromStr for Money {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = !digits.is_empty()
            && digits.split('.').count() <= 2
            && digits
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if !plain {
            return Err(format!(
                "`{text}` is not an amount; write it as 1250.00, digits and a point only"
            ));
        }
        if digits.split_once('.').is_some_and(|(_, cents)| cents.len() > 2) {
            return Err(format!("`{text}` has more than two decimals; an amount is to the cent"));
        }
        let value = Decimal::from_str_exact(text).ok().filter(|value| value.abs() <= MOST);
        // However it was written, it is the same value down to its text.
        let to_the_cent = |mut value: Decimal| {
            value.rescale(2);
            Self(value)
        };
        value.map(to_the_cent).ok_or_else(|| format!("`{text}` is too large; the most is {MOST}"))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl Sum for Money {
    /// Of amounts that fit their columns: 28 digits hold ten quadrillion of them.
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

/// An amount of US dollars as a string with two decimals, such as `"1250.00"`. Never a JSON number.
#[Scalar]
impl ScalarType for Money {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => text.parse().map_err(InputValueError::custom),
            Value::Number(_) => Err(InputValueError::custom(
                "an amount is a string such as \"1250.00\", not a number: a number may lose cents",
            )),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Money {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount in the words of an announcement, as the California Grants Portal writes its `EstAmounts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    Exactly(Money),
    Between(Money, Money),
    /// Not an amount: it is not known, and not zero.
    Unparsed,
}

impl Announced {
    /// Reads `$10,000`, `Exactly $10,000` and `Between $500 and $10,000`.
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        let amount = |text: &str| dollars(text.trim());
        let between = text.strip_prefix("Between ").and_then(|rest| rest.split_once(" and "));
        let read = match between {
            Some((least, most)) => {
                amount(least).zip(amount(most)).map(|(min, max)| Self::Between(min, max))
            }
            None => amount(text.strip_prefix("Exactly ").unwrap_or(text)).map(Self::Exactly),
        };
        read.unwrap_or(Self::Unparsed)
    }
}

/// `$1,234.50`: commas stand between groups of three digits or nowhere.
fn dollars(text: &str) -> Option<Money> {
    let digits = text.strip_prefix('$')?;
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, "0"));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let grouped = whole.contains(',');
    let fits = (1..=3).contains(&first.len()) || (!grouped && !first.is_empty());
    let plain = fits && groups.all(|group| group.len() == 3);
    plain.then(|| format!("{}.{cents}", whole.replace(',', "")).parse().ok()).flatten()
}

/// Hundredths of a whole, to two places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(Decimal);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

/// Hundredths of a whole as a string with two decimals: `"62.50"` is five eighths.
#[Scalar]
impl ScalarType for Percent {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => {
                Decimal::from_str_exact(&text).map(Self).map_err(InputValueError::custom)
            }
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}
