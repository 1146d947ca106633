// Follows changes of disbursements as the client graphql-ws does, and prints each message as a line of JSON:
// {"event":"connected"}, {"event":"next","payload":...}, {"event":"error",...}, {"event":"closed","code","reason"}.
// It does not connect again.
//
//   follow.mjs WS-URL TOKEN [VARIABLES]
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token, variables = '{}'] = process.argv.slice(2);
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${token}` },
  retryAttempts: 0,
  lazy: false,
  onNonLazyError: () => {},
});
client.on('connected', () => say('connected'));
client.on('closed', ({ code, reason }) => {
  say('closed', { code, reason });
  process.exit(0);
});
const query = `subscription ($grantIds: [ID!], $statuses: [DisbursementStatus!], $after: String) {
  disbursementChanged(grantIds: $grantIds, statuses: $statuses, after: $after) {
    cursor previousStatus
    event { status reason occurredAt person { name } }
    disbursement { id status amount invoiceNumber grant { number recipient { name } } }
  }
}`;
client.subscribe(
  { query, variables: JSON.parse(variables) },
  {
    next: (payload) => say('next', { payload }),
    error: (error) => say('error', { error: Array.isArray(error) ? error : String(error.reason ?? error) }),
    complete: () => say('complete'),
  },
);
process.stdin.on('close', () => process.exit(0)).resume();
