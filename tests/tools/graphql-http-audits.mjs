// Runs the GraphQL-over-HTTP audits against the URL given and fails unless every one is ok.
import { auditServer } from 'graphql-http';

const url = process.argv[2];
if (!url) {
  console.error('usage: graphql-http-audits.mjs URL');
  process.exit(2);
}

const results = await auditServer({ url });
const summary = { audits: results.length, ok: 0, notice: 0, warn: 0, error: 0 };
for (const { status, id, name, reason } of results) {
  summary[status] += 1;
  if (status !== 'ok') console.log(`${status} ${id} ${name} - ${reason}`);
}
console.log(JSON.stringify(summary));
process.exitCode = summary.audits > 0 && summary.ok === summary.audits ? 0 : 1;
