// Mercurius over Thrive's tables: graphql-jit, a DataLoader for each level, the client `postgres`. It asks nobody who they are.
// Environment: PORT, and SOCKET and PGPORT of PostgreSQL.
import { makeExecutableSchema } from '@graphql-tools/schema';
import DataLoader from 'dataloader';
import fastify from 'fastify';
import mercurius from 'mercurius';
import postgres from 'postgres';

const text = (oid) => ({ to: oid, from: [oid], serialize: String, parse: (value) => value });
const sql = postgres({
  path: `${process.env.SOCKET}/.s.PGSQL.${process.env.PGPORT}`,
  user: 'thrive_app', database: 'thrive', max: 16, idle_timeout: 0, max_lifetime: null,
  types: { date: text(1082), numeric: text(1700) },
});

const typeDefs = /* GraphQL */ `
  type Stream { id: ID! code: String! name: String! }
  type Organization { id: ID! name: String! }
  type Grant {
    id: ID! number: String! title: String! status: String! amount: String! signedOn: String
    recipient: Organization! stream: Stream! disbursements(first: Int!): [Disbursement!]!
  }
  type Disbursement { id: ID! amount: String! paidOn: String status: String! grant: Grant! }
  type Deadline { id: ID! kind: String! title: String! dueOn: String! grant: Grant }
  type Total { stream: Stream! fiscalYear: Int! awarded: String! disbursed: String! availableToDisburse: String! }
  type Edge { cursor: String! node: Disbursement! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type Page { edges: [Edge!]! pageInfo: PageInfo! }
  type Query {
    grant(id: ID!): Grant
    grants(recipient: ID!, first: Int!): [Grant!]!
    disbursements(stream: String!, from: String!, to: String!, first: Int!, after: String): Page!
    totals: [Total!]!
    deadlines(from: String!, to: String!, first: Int!): [Deadline!]!
  }`;

const inOrder = (keys, rows) => {
  const found = new Map(rows.map((row) => [row.id, row]));
  return keys.map((key) => found.get(key) ?? null);
};
const columns = sql`g.id, g.number, g.title, g.status, g.amount, g.signed_on as "signedOn", g.recipient_id, g.stream_id`;

const loaders = () => ({
  stream: new DataLoader(async (ids) => inOrder(ids, await sql`select id, code, name from funding_streams where id = any(${ids}::uuid[])`)),
  recipient: new DataLoader(async (ids) => inOrder(ids, await sql`select id, name from organizations where id = any(${ids}::uuid[])`)),
  grant: new DataLoader(async (ids) => inOrder(ids, await sql`select ${columns} from grants g where g.id = any(${ids}::uuid[])`)),
  lastPaid: new DataLoader(async (keys) => {
    const found = new Map(keys.map((key) => [key.grant, []]));
    const rows = await sql`
      select d.* from unnest(${keys.map((key) => key.grant)}::uuid[]) g (id)
       cross join lateral (select id, grant_id, amount, paid_on as "paidOn", status from disbursements x
                            where x.grant_id = g.id order by coalesce(x.paid_on, '-infinity') desc, x.id desc limit ${keys[0].first}) d`;
    for (const row of rows) found.get(row.grant_id).push(row);
    return keys.map((key) => found.get(key.grant));
  }, { cacheKeyFn: (key) => `${key.grant}/${key.first}` }),
});

const cursorOf = (row) => Buffer.from(`${row.paidOn}|${row.id}`).toString('base64url');

const page = async (_, { stream, from, to, first, after }) => {
  const [day, id] = after ? Buffer.from(after, 'base64url').toString().split('|') : [to, 'ffffffff-ffff-ffff-ffff-ffffffffffff'];
  const rows = await sql`
    select d.id, d.grant_id, d.amount, d.paid_on as "paidOn", d.status from disbursements d
     where d.stream_id = (select id from funding_streams where code = ${stream})
       and coalesce(d.paid_on, '-infinity') >= ${from} and (coalesce(d.paid_on, '-infinity'), d.id) < (${day}::date, ${id}::uuid)
     order by coalesce(d.paid_on, '-infinity') desc, d.id desc limit ${first + 1}`;
  const edges = rows.slice(0, first).map((node) => ({ cursor: cursorOf(node), node }));
  return { edges, pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor ?? null } };
};

const resolvers = {
  Grant: {
    recipient: (grant, _, { load }) => load.recipient.load(grant.recipient_id),
    stream: (grant, _, { load }) => load.stream.load(grant.stream_id),
    disbursements: (grant, { first }, { load }) => load.lastPaid.load({ grant: grant.id, first }),
  },
  Disbursement: { grant: (disbursement, _, { load }) => load.grant.load(disbursement.grant_id) },
  Deadline: { grant: (deadline, _, { load }) => deadline.grant_id && load.grant.load(deadline.grant_id) },
  Total: { stream: (total, _, { load }) => load.stream.load(total.stream_id) },
  Query: {
    grant: async (_, { id }) => (await sql`select ${columns} from grants g where g.id = ${id}`)[0] ?? null,
    grants: (_, { recipient, first }) => sql`select ${columns} from grants g where g.recipient_id = ${recipient} order by g.id desc limit ${first}`,
    disbursements: page,
    totals: () => sql`
      select stream_id, fiscal_year as "fiscalYear", awarded, disbursed, available_to_disburse as "availableToDisburse"
        from bench_totals order by fiscal_year, awarded desc`,
    deadlines: (_, { from, to, first }) => sql`
      select id, grant_id, kind, title, due_on as "dueOn" from deadlines
       where status = 'OPEN' and due_on >= ${from} and due_on <= ${to} order by due_on, id limit ${first}`,
  },
};

const server = fastify();
await server.register(mercurius, {
  schema: makeExecutableSchema({ typeDefs, resolvers }), jit: 1, graphiql: false, context: () => ({ load: loaders() }),
});
await server.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
