//! What happens in a history, before anybody knows what there is: which thing is meant, and how
//! much of it, is pointed at and resolved when its turn comes.

use proptest::{
    prelude::*,
    sample::Index,
    strategy::{NewTree, ValueTree},
    test_runner::TestRunner,
};

use crate::money_model::{Afterwards, Cents, Kind};

pub const GRANTS: usize = 3;
const COMMANDS: usize = 200;
/// From here on people settle what is open and end grants.
const LATE: usize = 60;

#[derive(Clone, Copy, Debug)]
pub enum Act {
    Spend,
    ReverseCost,
    Encumber,
    Liquidate,
    CancelOrder,
    Request(Kind),
    Return,
    Resubmit,
    Approve,
    Reject,
    Cancel,
    Schedule,
    Unschedule,
    Pay,
    Reverse,
    Adjust(Afterwards),
    Release,
    Transfer,
    ProposeAward,
    ProposeBudget,
    Decide,
    Suspend,
    Resume,
    StartCloseout,
    /// Whatever is the next thing to do before the grant can be ended.
    Settle,
}

/// How much of what there is.
#[derive(Clone, Copy, Debug)]
pub enum Share {
    Thousandths(Cents),
    All,
    /// A cent more than all.
    Over,
    Nothing,
}

impl Share {
    pub fn of(self, all: Cents) -> Cents {
        match self {
            Self::Thousandths(part) => (all * part / 1000).max(1),
            Self::All => all,
            Self::Over => all + 1,
            Self::Nothing => 0,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Op {
    pub days: i64,
    pub grant: usize,
    pub act: Act,
    /// Which of the two people of the role.
    pub who: usize,
    pub which: Index,
    pub other: Index,
    pub share: Share,
    /// How many lines are named.
    pub named: usize,
    /// So many days ago.
    pub back: i64,
    /// Whatever is there, and not what the act is for.
    pub wild: bool,
    /// Sent twice under one key.
    pub twice: bool,
}

fn early() -> impl Strategy<Value = Act> {
    use Act::*;
    prop_oneof![
        9 => Just(Spend),
        2 => Just(ReverseCost),
        4 => Just(Encumber),
        4 => Just(Liquidate),
        2 => Just(CancelOrder),
        9 => Just(Request(Kind::Reimbursement)),
        2 => Just(Request(Kind::Milestone)),
        4 => Just(Request(Kind::Advance)),
        3 => Just(Return),
        3 => Just(Resubmit),
        13 => Just(Approve),
        1 => Just(Reject),
        3 => Just(Cancel),
        2 => Just(Schedule),
        1 => Just(Unschedule),
        13 => Just(Pay),
        2 => Just(Reverse),
        3 => Just(Adjust(Afterwards::Refund)),
        4 => Just(Adjust(Afterwards::Disallowance)),
        4 => Just(Adjust(Afterwards::Accounting)),
        4 => Just(Release),
        4 => Just(Transfer),
        3 => Just(ProposeAward),
        2 => Just(ProposeBudget),
        5 => Just(Decide),
        1 => Just(Suspend),
        3 => Just(Resume),
        1 => Just(StartCloseout),
    ]
}

fn op(act: impl Strategy<Value = Act>) -> impl Strategy<Value = Op> {
    let share = prop_oneof![
        20 => (1_i64..700).prop_map(Share::Thousandths),
        6 => Just(Share::All),
        2 => Just(Share::Over),
        1 => Just(Share::Nothing),
    ];
    let days = prop_oneof![12 => Just(0_i64), 3 => 1_i64..3, 1 => 3_i64..9];
    let back = prop_oneof![3 => Just(0_i64), 1 => 1_i64..40, 1 => -2_i64..6];
    let who = (0_usize..2, any::<Index>(), any::<Index>());
    let odd = (prop::bool::weighted(0.06), prop::bool::weighted(0.05));
    (days, 0..GRANTS, act, who, share, 0_usize..3, back, odd).prop_map(
        |(days, grant, act, (who, which, other), share, named, back, (wild, twice))| Op {
            days,
            grant,
            act,
            who,
            which,
            other,
            share,
            named,
            back,
            wild,
            twice,
        },
    )
}

#[derive(Clone, Debug)]
pub struct History {
    /// What each grant is awarded.
    pub awards: [Cents; GRANTS],
    /// How many days each grant's period goes on.
    pub days: [i64; GRANTS],
    pub ops: Vec<Op>,
}

fn histories() -> impl Strategy<Value = History> {
    let late = prop_oneof![1 => early(), 3 => Just(Act::Settle)];
    let terms = (
        prop::array::uniform3(50_000_i64..5_000_000),
        prop::array::uniform3(prop_oneof![Just(30_i64), Just(90), Just(400)]),
    );
    let ops = (
        prop::collection::vec(op(early()), COMMANDS - LATE),
        prop::collection::vec(op(late), LATE),
    );
    (terms, ops).prop_map(|((awards, days), (mut ops, late))| {
        ops.extend(late);
        History { awards, days, ops }
    })
}

/// Histories of exactly so many commands, which are shortened from their end, in halves and ever
/// smaller pieces: what comes after a failure goes first.
#[derive(Debug)]
pub struct Histories;

pub struct Shortened {
    history: History,
    size: usize,
    /// What is after this place was tried.
    end: usize,
    removed: Option<(usize, Vec<Op>)>,
}

impl Strategy for Histories {
    type Tree = Shortened;
    type Value = History;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let history = histories().new_tree(runner)?.current();
        let all = history.ops.len();
        Ok(Shortened { history, size: all / 2, end: all, removed: None })
    }
}

impl ValueTree for Shortened {
    type Value = History;

    fn current(&self) -> History {
        self.history.clone()
    }

    fn simplify(&mut self) -> bool {
        self.removed = None;
        while self.size > 0 {
            self.end = self.end.min(self.history.ops.len());
            if self.end > 0 {
                let start = self.end.saturating_sub(self.size);
                self.removed = Some((start, self.history.ops.drain(start..self.end).collect()));
                self.end = start;
                return true;
            }
            self.size /= 2;
            self.end = self.history.ops.len();
        }
        false
    }

    /// It did not fail without them: they come back, and the next are tried.
    fn complicate(&mut self) -> bool {
        if let Some((start, ops)) = self.removed.take() {
            self.history.ops.splice(start..start, ops);
        }
        self.simplify()
    }
}
