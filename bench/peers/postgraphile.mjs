// PostGraphile over Thrive's tables, with filters, as it reflects them. It asks nobody who they are.
// Environment: PORT, and SOCKET and PGPORT of PostgreSQL.
import http from 'node:http';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { makePgSmartTagsPlugin } from 'postgraphile/utils';
import { PostGraphileConnectionFilterPreset } from 'postgraphile-plugin-connection-filter';

// What the questions are about; some names of the other tables contradict each other in its schema.
const asked = ['grants', 'disbursements', 'deadlines', 'organizations', 'funding_programs', 'funding_streams', 'bench_totals'];
const onlyTheseTables = makePgSmartTagsPlugin([
  { kind: 'class', match: (table) => !asked.includes(table.relname), tags: { behavior: ['-*'] } },
  { kind: 'procedure', match: (one) => one.proname !== 'disbursements_paid_day', tags: { behavior: ['-*'] } },
]);

const service = postgraphile({
  extends: [PostGraphileAmberPreset, PostGraphileConnectionFilterPreset],
  plugins: [onlyTheseTables],
  // Otherwise only what an index begins with could be filtered and ordered by.
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  schema: { defaultBehavior: '+orderBy +filterBy' },
  pgServices: [makePgService({
    schemas: ['public'],
    poolConfig: { host: process.env.SOCKET, port: Number(process.env.PGPORT), user: 'thrive_app', database: 'thrive', max: 16 },
  })],
  grafserv: { watch: false, graphiql: false, graphqlPath: '/graphql' },
  grafast: { explain: false },
});
const server = http.createServer();
await service.createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT), '127.0.0.1');
if (process.env.SCHEMA) console.log((await import('graphql')).printSchema(await service.getSchema()));
