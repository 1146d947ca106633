//! Typed identifiers: a UUIDv7 that knows what it names. Outside the service an id is
//! `disb_0190...`: the prefix is checked on the way in, so a resolver never sees a wrong kind.

use std::{borrow::Cow, fmt, str::FromStr};

use async_graphql::{
    ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned,
    ServerResult, Value, parser::types::Field, registry::Registry,
};
use uuid::{NoContext, Timestamp, Uuid};

use crate::clock::Clock;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, serde::Deserialize,
        )]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What it begins with outside.
            pub const PREFIX: &str = $prefix;

            /// Ids made in order of time sort in order of time.
            pub fn new(clock: &Clock) -> Self {
                let now = clock.now();
                Self(Uuid::new_v7(Timestamp::from_unix(
                    NoContext,
                    now.timestamp() as u64,
                    now.timestamp_subsec_nanos(),
                )))
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = &'static str;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.strip_prefix(concat!($prefix, "_"))
                    // Not as a UUID is written elsewhere: with hyphens, in braces or as a URN.
                    .filter(|id| id.len() == 32)
                    .and_then(|id| Uuid::try_parse(id).ok())
                    .map(Self)
                    .ok_or(concat!("expected an id of the form ", $prefix, "_ and 32 hexadecimal digits"))
            }
        }

        // In the schema every typed id is the standard `ID` scalar.
        impl InputType for $name {
            type RawValueType = Self;
            fn type_name() -> Cow<'static, str> {
                <ID as InputType>::type_name()
            }
            fn create_type_info(registry: &mut Registry) -> String {
                <ID as InputType>::create_type_info(registry)
            }
            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                let id = ID::parse(value).map_err(InputValueError::propagate)?;
                id.parse().map_err(InputValueError::custom)
            }
            fn to_value(&self) -> Value {
                Value::String(self.to_string())
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        impl OutputType for $name {
            fn type_name() -> Cow<'static, str> {
                <ID as OutputType>::type_name()
            }
            fn create_type_info(registry: &mut Registry) -> String {
                <ID as OutputType>::create_type_info(registry)
            }
            async fn resolve(
                &self,
                _: &ContextSelectionSet<'_>,
                _: &Positioned<Field>,
            ) -> ServerResult<Value> {
                Ok(Value::String(self.to_string()))
            }
        }
    };
}

id!(CityId, "city");
id!(CountyId, "county");
id!(OrganizationId, "org");
id!(PersonId, "person");
id!(RoleGrantId, "role");
id!(TokenId, "token");
id!(StreamId, "stream");
id!(ProgramId, "program");
id!(GrantId, "grant");
id!(DisbursementId, "disb");
id!(DisbursementEventId, "devent");
id!(AccountId, "account");
id!(TransferId, "transfer");
id!(DeadlineId, "deadline");
id!(ReminderId, "reminder");
id!(EmailId, "email");
id!(JobRunId, "jobrun");
id!(PlanId, "plan");
id!(RuleSetId, "ruleset");
id!(RuleId, "rule");
id!(RuleOverrideId, "override");
id!(FactId, "fact");
id!(DocumentId, "document");
id!(DeadlineChangeId, "dchange");
id!(BudgetLineId, "line");
id!(BudgetTransferId, "btransfer");
id!(AmendmentId, "amendment");
id!(EncumbranceId, "encumbrance");
id!(EncumbranceCancellationId, "ecancel");
id!(ExpenditureId, "expenditure");
id!(AdjustmentId, "adjustment");
id!(ReportId, "report");
id!(ReportEventId, "revent");
id!(AllocationId, "allocation");
id!(AllocationReceiptId, "areceipt");
id!(AllocationComponentId, "acomponent");
id!(AllocationSpendId, "aspend");
id!(AllocationReversionId, "areversion");
id!(AppropriationId, "appropriation");
id!(MatchContributionId, "match");
id!(MatchAcceptanceId, "maccept");
id!(DelegationId, "delegation");
id!(PaymentImportId, "pimport");
id!(ClosedMonthId, "cmonth");
id!(AuditEntryId, "audit");
