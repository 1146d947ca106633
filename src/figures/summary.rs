//! The figures of many grants, summed and grouped. Pure: figures in, groups out.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use async_graphql::SimpleObject;

use super::splitting::split;
use crate::{
    fiscal_year::FiscalYear,
    grants::{ActionArea, ActionAreaShare},
    id::{CityId, CountyId, OrganizationId, ProgramId, StreamId},
    ledger::GrantBalance,
    money::{Money, Percent},
    text_enum::text_enum,
};

text_enum! {
    /// What sums over grants are grouped by.
    pub enum FundingDimension {
        /// The funding stream.
        Stream = "STREAM",
        /// The program.
        Program = "PROGRAM",
        /// The cities that a grant benefits, by their shares.
        City = "CITY",
        /// The counties of those cities, by the cities' shares.
        County = "COUNTY",
        /// The Community Action Areas that a grant serves, by their shares.
        ActionArea = "ACTION_AREA",
        /// The fiscal year, 1 July to 30 June, in which something was posted effective.
        FiscalYear = "FISCAL_YEAR",
        /// The organization that receives the money; for those who have signed in.
        Recipient = "RECIPIENT",
    }
}

/// Declares the figures that are summed: amounts of a grant's balance, in one order.
macro_rules! figures {
    ($($(#[$doc:meta])* $figure:ident,)+) => {
        /// Sums over grants, in US dollars, from posted entries only; each figure as `GrantBalance` has it. By fiscal
        /// year, awarded, expended, disbursed, lapsed and matchMet are what was posted effective in the year, and the
        /// others what there was at its end, or on `asOf` if that is earlier.
        #[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
        pub struct FundingFigures {
            $($(#[$doc])* pub $figure: Money,)+
            /// Expended in an average month of the last three whole ones; null by fiscal year.
            pub burn_rate: Option<Money>,
            /// Expended, in hundredths of what was awarded, from the sums; null where nothing was, and by fiscal year.
            pub spent_percent: Option<Percent>,
        }

        const FIGURES: usize = 1 + [$(stringify!($figure)),+].len();

        impl FundingFigures {
            /// Those that are there for years too, in their order.
            pub fn amounts(&self) -> [Money; FIGURES - 1] {
                [$(self.$figure,)+]
            }
        }

        /// The figures of a grant, or a sum of them, in the order of `FundingFigures`; the burn rate is the last.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Amounts(pub [Money; FIGURES]);

        impl From<&GrantBalance> for Amounts {
            fn from(balance: &GrantBalance) -> Self {
                Self([$(balance.$figure,)+ balance.burn_rate])
            }
        }

        impl Amounts {
            /// Of a year: what only a whole life can tell is left out.
            pub fn figures(self, of_year: bool) -> FundingFigures {
                let [$($figure,)+ burn_rate] = self.0;
                let burn_rate = (!of_year).then_some(burn_rate);
                let mut figures = FundingFigures { $($figure,)+ burn_rate, spent_percent: None };
                if !of_year {
                    figures.spent_percent = figures.expended.percent_of(figures.awarded);
                }
                figures
            }
        }
    };
}

figures! {
    /// All that was awarded, by awards and their amendments.
    awarded,
    /// Ordered by recipients and not yet a cost: open encumbrances.
    encumbered,
    /// The recipients' costs that the grants bear, paid or not.
    expended,
    /// Asked for, waiting for a decision.
    requested,
    /// Approved and not yet paid.
    approved,
    /// Paid to recipients, without what is withheld, less what came back.
    disbursed,
    /// Withheld from payments until it is released.
    retained,
    /// No longer payable.
    lapsed,
    /// What can still be requested.
    available_to_disburse,
    /// In the budgets and neither spent nor ordered.
    unobligated,
    /// What recipients hold and have not spent, summed over the grants where they do.
    cash_on_hand,
    /// What recipients have spent and were not paid, summed over the grants where they were not.
    reimbursement_due,
    /// Paid in advance and not accounted for.
    advance_outstanding,
    /// The match that rules require, where it is known.
    match_required,
    /// Contributions that were accepted as match.
    match_met,
    /// What is missing of the match, summed over the grants where it is.
    match_gap,
}

impl Amounts {
    fn add(&mut self, other: &Self) {
        for (sum, amount) in self.0.iter_mut().zip(other.0) {
            *sum = [*sum, amount].into_iter().sum();
        }
    }

    /// Every figure by itself, so that the parts of each sum to it exactly.
    fn split(&self, weights: &[i64]) -> Vec<Self> {
        if weights.len() == 1 {
            return vec![*self];
        }
        let mut parts = vec![Self::default(); weights.len()];
        for (place, amount) in self.0.iter().enumerate() {
            for (part, of) in parts.iter_mut().zip(split(*amount, weights)) {
                part.0[place] = of;
            }
        }
        parts
    }
}

/// What a group is of: nothing where it is not grouped by that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub fiscal_year: Option<FiscalYear>,
    pub stream: Option<StreamId>,
    pub program: Option<ProgramId>,
    pub city: Option<CityId>,
    pub county: Option<CountyId>,
    pub action_area: Option<ActionArea>,
    pub recipient: Option<OrganizationId>,
}

/// A grant with what it is grouped by, or all grants of a stream that are the same in that.
#[derive(Clone, Debug)]
pub struct Subject {
    pub stream: StreamId,
    /// None of grants of several, as with recipients.
    pub program: Option<ProgramId>,
    pub recipient: Option<OrganizationId>,
    /// Cities with their counties and shares, where they matter.
    pub cities: Vec<(CityId, CountyId, i32)>,
    pub areas: Vec<ActionAreaShare>,
    pub match_known: bool,
}

impl Subject {
    /// Its parts, with what each weighs: a city's share times an action area's.
    pub fn parts(&self, by: &[FundingDimension]) -> Vec<(Key, i64)> {
        use FundingDimension as By;
        let by = |dimension| by.contains(&dimension);
        let own = Key {
            stream: Some(self.stream).filter(|_| by(By::Stream)),
            program: self.program.filter(|_| by(By::Program)),
            recipient: self.recipient.filter(|_| by(By::Recipient)),
            ..Key::default()
        };
        let mut places: BTreeMap<_, i64> = BTreeMap::new();
        for (city, county, share) in &self.cities {
            let city = Some(*city).filter(|_| by(By::City));
            let county = Some(*county).filter(|_| by(By::County));
            *places.entry((city, county)).or_default() += i64::from(*share);
        }
        if !by(By::City) && !by(By::County) {
            places = [((None, None), 1)].into();
        }
        let mut areas: Vec<(Option<ActionArea>, i64)> = vec![(None, 1)];
        if by(By::ActionArea) {
            let area = |of: &ActionAreaShare| (Some(of.action_area), i64::from(of.share_bp));
            areas = self.areas.iter().map(area).collect();
        }
        let part = |((city, county), place), (action_area, area): (_, i64)| {
            (Key { city, county, action_area, ..own }, place * area)
        };
        let parts = places.into_iter();
        parts.flat_map(|place| areas.iter().map(move |area| part(place, *area))).collect()
    }
}

/// The sums of a group. A grant that is split counts in each group that it has a part in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub key: Key,
    pub grants: i64,
    /// Of these it is not known what match is required.
    pub match_unknown: i64,
    pub amounts: Amounts,
}

impl Group {
    pub fn add(&mut self, subject: &Subject, grants: i64, amounts: &Amounts) {
        self.grants += grants;
        self.match_unknown += if subject.match_known { 0 } else { grants };
        self.amounts.add(amounts);
    }
}

/// A grant, or all grants of a stream, with figures: of the whole life, or of each fiscal year.
pub type Figured = (Subject, Vec<Period>);

/// The figures of a fiscal year, or of all there was.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    pub fiscal_year: Option<FiscalYear>,
    /// Of how many grants.
    pub grants: i64,
    pub amounts: Amounts,
}

/// Groups by fiscal year, then by what was awarded, the most first.
pub fn group(grants: &[Figured], by: &[FundingDimension]) -> Vec<Group> {
    let mut groups: HashMap<Key, Group> = HashMap::new();
    for (subject, periods) in grants {
        let parts = subject.parts(by);
        let weights: Vec<i64> = parts.iter().map(|(_, weight)| *weight).collect();
        for period in periods {
            for ((key, _), part) in parts.iter().zip(period.amounts.split(&weights)) {
                let key = Key { fiscal_year: period.fiscal_year, ..*key };
                let group = groups.entry(key).or_default();
                group.key = key;
                group.add(subject, period.grants, &part);
            }
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    let place = |group: &Group| (group.key.fiscal_year, Reverse(group.amounts.0[0]));
    groups
        .sort_by(|one, other| place(one).cmp(&place(other)).then_with(|| one.key.cmp(&other.key)));
    groups
}

/// The answer to a question about many grants.
#[derive(Debug)]
pub struct Summary {
    pub total: Group,
    pub groups: Vec<Group>,
    /// Of who may do what, where one statement read it with everything else.
    pub stamp: Option<i64>,
}
