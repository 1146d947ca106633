// What the lint says of schema.graphql and stays, place by place, with the reason.
export const known = [
  {
    rule: 'require-description',
    // True. async-graphql makes the types of connections and takes no text for them; `edges`, `nodes`, `pageInfo`,
    // `totalCount` and `totals` in them are described.
    at: [
      'type AccessTokenConnection',
      'type AllocationConnection',
      'type AllocationReceiptConnection',
      'type AllocationSpendConnection',
      'type ApprovalDelegationConnection',
      'type AuditEntryConnection',
      'type AwaitingAmendmentConnection',
      'type AwaitingDisbursementConnection',
      'type AwaitingGrantConnection',
      'type AwaitingMatchContributionConnection',
      'type AwaitingRuleOverrideConnection',
      'type CityConnection',
      'type DeadlineConnection',
      'type DisbursementConnection',
      'type EmailConnection',
      'type EncumbranceConnection',
      'type ExpenditureConnection',
      'type FactConnection',
      'type GrantConnection',
      'type GrantDocumentConnection',
      'type JobRunConnection',
      'type LedgerPeriodConnection',
      'type MatchAcceptanceConnection',
      'type MatchContributionConnection',
      'type PaymentFileRowConnection',
      'type PersonConnection',
      'type ReportConnection',
      'type SustainabilityPlanConnection',
    ],
  },
  {
    rule: 'relay-edge-types',
    // True of those with an id: they cannot be asked for by `node(id:)`. A month of the ledger has no id, nor has a line of a file.
    at: [
      'type AmendmentEdge',
      'type EncumbranceEdge',
      'type ExpenditureEdge',
      'type LedgerPeriodEdge',
      'type MatchAcceptanceEdge',
      'type PaymentFileRowEdge',
    ],
  },
  {
    rule: 'no-typename-prefix',
    // `Rule.ruleSet` is the set that a rule belongs to: a word of its own, no repeated prefix.
    at: ['ruleSet: RuleSet'],
  },
  {
    rule: 'no-unreachable-types',
    // A directive of the specification, which async-graphql prints whether a scalar has it or not.
    at: ['directive @specifiedBy'],
  },
];
