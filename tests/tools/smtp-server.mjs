// An SMTP server for tests that keeps each message it accepts as a file and can be told to misbehave.
//
//   smtp-server.mjs --dir DIR [--port N] [--tls-cert FILE --tls-key FILE [--user NAME --password WORD]]
//                   [--fail-first N] [--delay-ms N] [--reject ADDRESS]...
//
// It listens on 127.0.0.1 (any free port unless told), prints {"port": N}, and ends on SIGTERM or when its
// standard input closes. STARTTLS is offered when there is a certificate; with a user, mail needs AUTH over TLS.
// A message is in DIR as SEQUENCE-MESSAGE-ID.eml, and its line in DIR/log.jsonl, before the client reads 250.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SMTPServer } from 'smtp-server';

const { values: options } = parseArgs({
  options: {
    dir: { type: 'string' },
    port: { type: 'string', default: '0' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    user: { type: 'string' },
    password: { type: 'string' },
    'fail-first': { type: 'string', default: '0' },
    'delay-ms': { type: 'string', default: '0' },
    reject: { type: 'string', multiple: true, default: [] },
  },
});
const tls = options['tls-cert'] !== undefined;
const auth = options.user !== undefined;
if (!options.dir) throw new Error('--dir is needed');
if (tls !== (options['tls-key'] !== undefined)) throw new Error('--tls-cert and --tls-key go together');
if (auth !== (options.password !== undefined)) throw new Error('--user and --password go together');
if (auth && !tls) throw new Error('--user needs --tls-cert: a password is taken over TLS only');

const { dir } = options;
const rejected = new Set(options.reject.map((address) => address.toLowerCase()));
let failuresLeft = count('fail-first');
const delay = count('delay-ms');
mkdirSync(dir, { recursive: true });
// A server started again in the same folder goes on counting.
let sequence = readdirSync(dir).filter((name) => name.endsWith('.eml')).length;

const server = new SMTPServer({
  name: 'localhost',
  disableReverseLookup: true,
  disabledCommands: [...(tls ? [] : ['STARTTLS']), ...(auth ? [] : ['AUTH'])],
  ...(tls && { cert: readFileSync(options['tls-cert']), key: readFileSync(options['tls-key']) }),

  onAuth({ username, password }, _session, answer) {
    if (username === options.user && password === options.password) answer(null, { user: username });
    else answer(refusal(535, 'Authentication failed'));
  },

  onRcptTo({ address }, _session, answer) {
    if (rejected.has(address.toLowerCase())) answer(refusal(550, 'No such mailbox'));
    else answer();
  },

  onData(stream, session, answer) {
    receive(stream, session).then((text) => answer(null, text), answer);
  },
});

server.on('error', (error) => console.error(error.message));
const listener = server.listen(count('port'), '127.0.0.1', () => {
  console.log(JSON.stringify({ port: listener.address().port }));
});
process.on('SIGTERM', () => process.exit(0));
process.stdin.on('close', () => process.exit(0)).resume();

/** Takes in one message; the delay comes after it is stored, so an impatient client has sent it all the same. */
async function receive(stream, session) {
  const message = await buffer(stream);
  const fails = failuresLeft > 0;
  if (fails) failuresLeft -= 1;
  else store(message, session);
  await sleep(delay);
  if (fails) throw refusal(451, 'Try again later');
  return 'Message accepted';
}

function store(message, { envelope, secure, user }) {
  sequence += 1;
  const messageId = messageIdOf(message);
  const name = `${sequence}-${(messageId ?? 'none').replace(/[^A-Za-z0-9.@_-]+/g, '_').slice(0, 150)}.eml`;
  const unfinished = join(dir, `${name}.tmp`);
  writeFileSync(unfinished, message);
  renameSync(unfinished, join(dir, name));
  const line = {
    sequence,
    from: envelope.mailFrom.address,
    to: envelope.rcptTo.map(({ address }) => address),
    messageId,
    secure,
    user: user || null,
  };
  appendFileSync(join(dir, 'log.jsonl'), `${JSON.stringify(line)}\n`);
}

/** The Message-ID without its angle brackets, or null. */
function messageIdOf(message) {
  const [headers] = message.toString().split('\r\n\r\n', 1);
  const found = /^message-id:\s*<?([^<>\s]+)/im.exec(headers.replace(/\r\n[ \t]+/g, ' '));
  return found ? found[1] : null;
}

function refusal(responseCode, text) {
  return Object.assign(new Error(text), { responseCode });
}

/** The whole number that an option was given. */
function count(option) {
  const text = options[option];
  if (!/^\d+$/.test(text)) throw new Error(`--${option} takes a whole number, not '${text}'`);
  return Number(text);
}
