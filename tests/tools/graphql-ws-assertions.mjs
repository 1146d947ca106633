// Holds a service against the protocol graphql-transport-ws, with the client that defines it and with bare sockets.
//
//   graphql-ws-assertions.mjs WS-URL TOKEN
//
// Prints a line for each assertion that fails and a summary as JSON; fails unless every one holds.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: graphql-ws-assertions.mjs WS-URL TOKEN');
  process.exit(2);
}
const PROTOCOL = 'graphql-transport-ws';
const PATIENCE = 40_000;
const authorization = { Authorization: `Bearer ${token}` };
const FOLLOW = 'subscription { disbursementChanged { cursor } }';
const assertions = [];
const assertion = (name, check) => assertions.push({ name, check });

/** A bare socket: what was said in order, and how it was closed. */
class Bare {
  constructor(protocols = PROTOCOL, options = {}) {
    this.said = [];
    this.waiting = [];
    this.socket = new WebSocket(url, protocols, options);
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
      this.socket.on('unexpected-response', (_, response) => reject(new Error(`HTTP ${response.statusCode}`)));
    });
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on('message', (data) => {
      const message = JSON.parse(data);
      const waiting = this.waiting.shift();
      if (waiting) waiting(message);
      else this.said.push(message);
    });
  }

  send(message) {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  next() {
    if (this.said.length > 0) return Promise.resolve(this.said.shift());
    return within(new Promise((resolve) => this.waiting.push(resolve)));
  }

  static async initialised(payload = authorization) {
    const bare = new Bare();
    await bare.opened;
    bare.send({ type: 'connection_init', payload });
    equal((await bare.next()).type, 'connection_ack');
    return bare;
  }

  async closesWith(code) {
    const closed = await within(this.closed);
    equal(closed.code, code);
    if (closed.reason === '') throw new Error('closed without a reason');
  }
}

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('nothing came')), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function equal(found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
  }
}

/** What the client itself makes of an operation: all results, or what it throws. */
async function byClient(query, connectionParams = authorization) {
  const client = createClient({ url, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
  const results = [];
  try {
    for await (const result of client.iterate({ query })) results.push(result);
    return { results };
  } catch (thrown) {
    return { results, thrown };
  } finally {
    await client.dispose();
  }
}

assertion('the client connects, asks and is answered', async () => {
  const { results } = await byClient('{ viewer: __typename cities(first: 1) { totalCount } }');
  equal(results.length, 1);
  equal(results[0].data.viewer, 'Query');
});
assertion('a mutation is carried out and completed', async () => {
  const { results, thrown } = await byClient('mutation { __typename }');
  equal([results, thrown], [[{ data: { __typename: 'Mutation' } }], undefined]);
});
assertion('a validation error is an error, no result', async () => {
  const { results, thrown } = await byClient('subscription { nothingLikeThis }');
  equal(results, []);
  if (!Array.isArray(thrown) || thrown.length === 0) throw new Error(`thrown was ${thrown}`);
});
assertion('a document that cannot be parsed is an error, no result', async () => {
  const { results, thrown } = await byClient('subscription {');
  equal(results, []);
  equal(thrown[0].extensions.code, 'BAD_USER_INPUT');
});
assertion('whoever has not signed in follows nothing', async () => {
  const { results, thrown } = await byClient(FOLLOW, {});
  equal(results, []);
  equal(thrown[0].extensions.code, 'UNAUTHENTICATED');
});
assertion('a cursor of something else is an error', async () => {
  const { thrown } = await byClient('subscription { disbursementChanged(after: "nonsense") { cursor } }');
  equal(thrown[0].extensions.code, 'BAD_USER_INPUT');
});
assertion('a cursor ahead of everything is an error', async () => {
  const ahead = Buffer.from('disbursement_feed:999999999').toString('base64url');
  const { thrown } = await byClient(`subscription { disbursementChanged(after: "${ahead}") { cursor } }`);
  equal(thrown[0].extensions.code, 'BAD_USER_INPUT');
});
assertion('ping is answered by pong, with its payload, before the beginning too', async () => {
  const bare = new Bare();
  await bare.opened;
  bare.send({ type: 'ping' });
  equal(await bare.next(), { type: 'pong' });
  bare.send({ type: 'ping', payload: { at: 1 } });
  equal(await bare.next(), { payload: { at: 1 }, type: 'pong' });
  bare.send({ type: 'pong' });
  bare.send({ type: 'connection_init', payload: authorization });
  equal((await bare.next()).type, 'connection_ack');
  bare.socket.close();
});
for (const [what, message] of [
  ['no JSON', 'nonsense'],
  ['an unknown type', { type: 'start' }],
  ['no id', { type: 'subscribe', payload: { query: '{ __typename }' } }],
  ['an empty id', { type: 'subscribe', id: '', payload: { query: '{ __typename }' } }],
  ['no query', { type: 'subscribe', id: '1', payload: {} }],
  ['variables that are a list', { type: 'subscribe', id: '1', payload: { query: '{ __typename }', variables: [] } }],
]) {
  assertion(`an invalid message closes with 4400: ${what}`, async () => {
    const bare = await Bare.initialised();
    bare.send(message);
    await bare.closesWith(4400);
  });
}
assertion('bytes close with 4400', async () => {
  const bare = await Bare.initialised();
  bare.socket.send(Buffer.from('{"type":"ping"}'), { binary: true });
  await bare.closesWith(4400);
});
assertion('an operation before the beginning closes with 4401', async () => {
  const bare = new Bare();
  await bare.opened;
  bare.send({ type: 'subscribe', id: '1', payload: { query: FOLLOW } });
  await bare.closesWith(4401);
});
assertion('an unknown token closes with 4403', async () => {
  const bare = new Bare();
  await bare.opened;
  bare.send({ type: 'connection_init', payload: { Authorization: 'Bearer thrive_nobody' } });
  await bare.closesWith(4403);
});
assertion('a token that is no text closes with 4403', async () => {
  const bare = new Bare();
  await bare.opened;
  bare.send({ type: 'connection_init', payload: { Authorization: 7 } });
  await bare.closesWith(4403);
});
assertion('silence closes with 4408', async () => {
  const bare = new Bare();
  await bare.opened;
  bare.send({ type: 'ping' });
  await bare.closesWith(4408);
});
assertion('an id that is in use closes with 4409', async () => {
  const bare = await Bare.initialised();
  bare.send({ type: 'subscribe', id: 'same', payload: { query: FOLLOW } });
  bare.send({ type: 'subscribe', id: 'same', payload: { query: FOLLOW } });
  await bare.closesWith(4409);
});
assertion('an id is free again when its operation is completed, by either side', async () => {
  const bare = await Bare.initialised();
  for (let time = 0; time < 3; time += 1) {
    bare.send({ type: 'subscribe', id: 'same', payload: { query: FOLLOW } });
    bare.send({ type: 'complete', id: 'same' });
    bare.send({ type: 'subscribe', id: 'same', payload: { query: '{ __typename }' } });
    equal(await bare.next(), { id: 'same', payload: { data: { __typename: 'Query' } }, type: 'next' });
    equal(await bare.next(), { id: 'same', type: 'complete' });
  }
  bare.send({ type: 'complete', id: 'never begun' });
  bare.send({ type: 'ping' });
  equal(await bare.next(), { type: 'pong' });
  bare.socket.close();
});
assertion('a second beginning closes with 4429', async () => {
  const bare = await Bare.initialised();
  bare.send({ type: 'connection_init' });
  await bare.closesWith(4429);
});
assertion('another subprotocol is refused', async () => {
  for (const protocols of [['graphql-ws'], []]) {
    const bare = new Bare(protocols);
    const refused = await bare.opened.catch((error) => error.message);
    if (!/HTTP 400|Unexpected server response: 400/.test(refused)) throw new Error(refused);
  }
});
assertion('a page of another origin is refused, and a page of the service is not', async () => {
  for (const origin of ['https://elsewhere.test', 'null', `http://${new URL(url).host}.elsewhere.test`]) {
    const bare = new Bare(PROTOCOL, { origin });
    const refused = await bare.opened.catch((error) => error.message);
    if (!/403/.test(refused)) throw new Error(`${origin}: ${refused}`);
  }
  const own = new Bare(PROTOCOL, { origin: `http://${new URL(url).host}` });
  await own.opened;
  own.socket.close();
});
assertion('the token of the request itself will do', async () => {
  const bare = new Bare(PROTOCOL, { headers: authorization });
  await bare.opened;
  bare.send({ type: 'connection_init' });
  equal((await bare.next()).type, 'connection_ack');
  bare.send({ type: 'subscribe', id: '1', payload: { query: '{ disbursementCursor }' } });
  equal((await bare.next()).payload.errors, undefined);
  bare.socket.close();
});
assertion('one operation too many is an error, and the others go on', async () => {
  const bare = await Bare.initialised();
  for (let number = 0; number < 33; number += 1) {
    bare.send({ type: 'subscribe', id: `${number}`, payload: { query: FOLLOW } });
  }
  const refused = await bare.next();
  equal([refused.type, refused.id, refused.payload[0].extensions.code], ['error', '32', 'RATE_LIMITED']);
  bare.send({ type: 'complete', id: '0' });
  bare.send({ type: 'subscribe', id: 'again', payload: { query: '{ __typename }' } });
  equal((await bare.next()).type, 'next');
  bare.socket.close();
});
assertion('a message that is too long closes with 1009', async () => {
  const bare = await Bare.initialised();
  bare.send({ type: 'ping', payload: { much: 'x'.repeat(2 * 1024 * 1024) } });
  equal((await within(bare.closed)).code, 1009);
});
assertion('a subscription of several fields is an error', async () => {
  const field = (alias) => `${alias}: disbursementChanged { cursor }`;
  for (const query of [
    `subscription { ${field('a')} ${field('b')} }`,
    `subscription { ${field('a')} ...More } fragment More on Subscription { ${field('b')} }`,
    `subscription { ...Round } fragment Round on Subscription { ...Round }`,
  ]) {
    equal((await byClient(query)).thrown[0].extensions.code, 'BAD_USER_INPUT');
  }
});
assertion('a client that takes leave is answered', async () => {
  const bare = await Bare.initialised();
  bare.send({ type: 'subscribe', id: '1', payload: { query: FOLLOW } });
  bare.socket.close(1000, 'enough');
  equal((await within(bare.closed)).code, 1000);
});
assertion('a client that does not read is given up', async () => {
  const bare = await Bare.initialised();
  bare.socket.pause();
  const fields = 'name description args { name description defaultValue type { name } }';
  const types = `types { name description fields(includeDeprecated: true) { ${fields} } }`;
  const query = `{ __schema { ${types} } }`;
  for (let id = 0; id < 32; id += 1) bare.send({ type: 'subscribe', id: `${id}`, payload: { query } });
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  bare.socket.resume();
  equal((await within(bare.closed)).code, 1006);
  // Each operation would have said two things: its answer, and that it is complete.
  if (bare.said.length >= 64) throw new Error(`everything was sent: ${bare.said.length}`);
});
assertion('a query that is too deep is an error', async () => {
  const shallow = '{ cities(first: 1) { nodes { name } } }';
  const nested = `{ __schema { types ${'{ fields { type '.repeat(9)}{ name }${' } }'.repeat(9)} } }`;
  equal((await byClient(shallow)).thrown, undefined);
  equal((await byClient(nested)).thrown[0].extensions.code, 'QUERY_TOO_COMPLEX');
});

const failed = [];
await Promise.all(
  assertions.map(async ({ name, check }) => {
    try {
      await within(check());
    } catch (error) {
      failed.push(name);
      console.log(`failed: ${name} - ${error?.message ?? JSON.stringify(error)}`);
    }
  }),
);
console.log(JSON.stringify({ assertions: assertions.length, ok: assertions.length - failed.length }));
process.exit(failed.length === 0 ? 0 : 1);
