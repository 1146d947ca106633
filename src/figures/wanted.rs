//! What an answer shows, so that nothing else is read: rules and recent costs take longer than all other figures.

use super::summary::FundingDimension;

/// Figures, and what they are made of, as bits; the first twelve are columns of totals, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown(pub i32);

impl Shown {
    pub const AWARDED: Self = Self(1);
    pub const AVAILABLE: Self = Self(1 << 1);
    pub const REQUESTED: Self = Self(1 << 2);
    pub const APPROVED: Self = Self(1 << 3);
    pub const RETAINED: Self = Self(1 << 4);
    pub const DISBURSED: Self = Self(1 << 5);
    pub const LAPSED: Self = Self(1 << 6);
    pub const UNOBLIGATED: Self = Self(1 << 7);
    pub const ENCUMBERED: Self = Self(1 << 8);
    pub const EXPENDED: Self = Self(1 << 9);
    pub const ADVANCE_OUTSTANDING: Self = Self(1 << 10);
    pub const MATCH_MET: Self = Self(1 << 11);
    /// Of each grant by itself: what it has above its costs, or its costs above that.
    pub const CASH: Self = Self(1 << 12);
    pub const DUE: Self = Self(1 << 13);
    /// From rules, facts and overrides.
    pub const RULES: Self = Self(1 << 14);
    /// From the costs of three months.
    pub const BURN: Self = Self(1 << 15);
    pub const ALL: Self = Self((1 << 16) - 1);

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}

/// By the names of fields, in the order of `FundingFigures`.
pub const FIGURES: [(&str, Shown); 18] = {
    const ACCOUNTS: Shown = Shown::DISBURSED.and(Shown::EXPENDED);
    [
        ("awarded", Shown::AWARDED),
        ("encumbered", Shown::ENCUMBERED),
        ("expended", Shown::EXPENDED),
        ("requested", Shown::REQUESTED),
        ("approved", Shown::APPROVED),
        ("disbursed", Shown::DISBURSED),
        ("retained", Shown::RETAINED),
        ("lapsed", Shown::LAPSED),
        ("availableToDisburse", Shown::AVAILABLE),
        ("unobligated", Shown::UNOBLIGATED),
        ("cashOnHand", Shown::CASH.and(ACCOUNTS)),
        ("reimbursementDue", Shown::DUE.and(ACCOUNTS)),
        ("advanceOutstanding", Shown::ADVANCE_OUTSTANDING),
        ("matchRequired", Shown::RULES.and(Shown::AWARDED)),
        ("matchMet", Shown::MATCH_MET),
        ("matchGap", Shown::RULES.and(Shown::AWARDED).and(Shown::MATCH_MET)),
        ("burnRate", Shown::BURN),
        ("spentPercent", Shown::EXPENDED.and(Shown::AWARDED)),
    ]
};

/// What of a summary is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub total: Shown,
    /// None where no groups are.
    pub groups: Option<Shown>,
    /// Of how many grants it is not known what match is required.
    pub match_unknown: bool,
}

impl Wanted {
    pub const ALL: Self = Self { total: Shown::ALL, groups: Some(Shown::ALL), match_unknown: true };

    /// As a document selects it: `shows` tells whether it selects a field, by its path.
    pub fn of(shows: impl Fn(&[&str]) -> bool, by: &[FundingDimension]) -> Self {
        let figures = |path: &[&str]| {
            let shown = FIGURES.iter().filter(|(name, _)| shows(&[path, &[name]].concat()));
            shown.fold(Shown::default(), |all, (_, figure)| all.and(*figure))
        };
        let unknown = "unknownMatchCount";
        let grouped = !by.is_empty() && shows(&["groups"]);
        Self {
            total: figures(&["total"]),
            // They are ordered by what was awarded.
            groups: grouped.then(|| figures(&["groups", "figures"]).and(Shown::AWARDED)),
            match_unknown: shows(&[unknown]) || shows(&["groups", unknown]),
        }
    }

    /// Of total and groups together. By fiscal year there is no burn rate.
    pub fn figures(self, by: &[FundingDimension]) -> Shown {
        let of_year = by.contains(&FundingDimension::FiscalYear);
        let groups = self.groups.unwrap_or_default();
        let groups = if of_year { groups.without(Shown::BURN) } else { groups };
        let rules = if self.match_unknown { Shown::RULES } else { Shown::default() };
        self.total.and(groups).and(rules)
    }
}
