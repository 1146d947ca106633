// What an application in Relay relies on: objects that are fetched again by their id, lists that are paged both
// ways within an object and at the root, and edges that a mutation's answer is put into.
import { graphql } from 'relay-runtime';

export const page = graphql`
  query grantsPageQuery($filter: GrantFilter!, $first: Int!, $id: ID!) {
    ...grantsList @arguments(filter: $filter, first: $first)
    node(id: $id) {
      ...grantsDisbursements @alias
    }
  }
`;

export const list = graphql`
  fragment grantsList on Query
  @argumentDefinitions(
    filter: { type: "GrantFilter!" }
    first: { type: "Int", defaultValue: 20 }
    after: { type: "String" }
  )
  @refetchable(queryName: "grantsListPaginationQuery") {
    grants(first: $first, after: $after, filter: $filter) @connection(key: "grantsList_grants") {
      totalCount
      edges {
        node {
          id
          number
          amount
          signedOn
          status
          recipient {
            name
          }
        }
      }
    }
  }
`;

export const disbursements = graphql`
  fragment grantsDisbursements on Grant
  @argumentDefinitions(last: { type: "Int", defaultValue: 20 }, before: { type: "String" })
  @refetchable(queryName: "grantsDisbursementsPaginationQuery") {
    number
    disbursements(last: $last, before: $before) @connection(key: "grantsDisbursements_disbursements") {
      edges {
        node {
          ...grantsDisbursement
        }
      }
    }
  }
`;

export const disbursement = graphql`
  fragment grantsDisbursement on Disbursement @refetchable(queryName: "grantsDisbursementRefetchQuery") {
    id
    amount
    paidOn
    status
  }
`;

export const request = graphql`
  mutation grantsRequestMutation($input: RequestDisbursementInput!, $connections: [ID!]!) {
    requestDisbursement(input: $input) {
      disbursement @prependNode(connections: $connections, edgeTypeName: "DisbursementEdge") {
        ...grantsDisbursement
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;

export const changes = graphql`
  subscription grantsChangesSubscription($after: String) {
    disbursementChanged(after: $after) {
      cursor
      disbursement {
        ...grantsDisbursement
      }
    }
  }
`;
