// An OpenID provider for tests: the real `oidc-provider`, on 127.0.0.1, which can be told to misbehave.
//
//   oidc-provider.mjs --redirect-uri URI
//
// It prints {"issuer": URL} and ends on SIGTERM or when its standard input closes. A browser signs in with any login:
// the login is the account, and what is told of it comes from `accounts`. POST /control takes one JSON object:
//   {"accounts": {LOGIN: CLAIMS}}     what is told of accounts, in ID tokens and in access tokens for urn:thrive
//   {"answers": "well"|"down"|"late"} how discovery and keys are answered from now on
//   {"rotate": true}                  new keys in the place of the old ones
//   {"brief": true|false}             ID tokens say who somebody is and no more; the rest is asked for
//   {"mint": {"header", "claims", "by"}}  signs anything: by "rsa", "ec", "stranger", "secret" (HMAC over the public key) or "nobody"
// and answers {"token"} or {}, with the number of times that keys were read.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import * as jose from 'jose';
import Provider from 'oidc-provider';

const { values: options } = parseArgs({ options: { 'redirect-uri': { type: 'string' } } });
const redirectUri = options['redirect-uri'];
if (!redirectUri) throw new Error('--redirect-uri is needed');

const AUDIENCE = 'urn:thrive';
let accounts = {};
let answers = 'well';
let brief = false;
let keysRead = 0;
let generation = 0;
let keys;
let provider;

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
await rotate();
console.log(JSON.stringify({ issuer }));
process.on('SIGTERM', () => process.exit(0));
process.stdin.on('close', () => process.exit(0)).resume();

async function answer(request, response) {
  if (request.url === '/control') {
    const result = await control(await json(request));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...result, keysRead }));
    return;
  }
  const published = request.url === '/jwks' || request.url.startsWith('/.well-known/');
  if (request.url === '/jwks') keysRead += 1;
  if (published && answers === 'down') {
    response.writeHead(503).end();
    return;
  }
  if (published && answers === 'late') await sleep(20_000);
  provider.callback()(request, response);
}

async function control(told) {
  if (told.accounts) accounts = told.accounts;
  if (told.answers) answers = told.answers;
  if (told.brief !== undefined) {
    brief = told.brief;
    serve();
  }
  if (told.rotate) await rotate();
  return told.mint ? { token: await mint(told.mint) } : {};
}

async function rotate() {
  generation += 1;
  const make = async (name, alg) => {
    const pair = await jose.generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await jose.exportJWK(pair.privateKey)), kid: `${name}-${generation}`, alg, use: 'sig' };
    return { ...pair, jwk, alg };
  };
  keys = { rsa: await make('rsa', 'RS256'), ec: await make('ec', 'ES256'), stranger: await make('rsa', 'RS256') };
  serve();
}

function serve() {
  provider = new Provider(issuer, {
    jwks: { keys: [keys.rsa.jwk, keys.ec.jwk] },
    clients: [
      { client_id: 'thrive', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none', response_types: ['code'] },
      {
        client_id: 'machine',
        client_secret: 'machine-secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    pkce: { required: () => true },
    conformIdTokenClaims: brief,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
    findAccount: (_context, accountId) => ({
      accountId,
      claims: () => ({ ...accounts[accountId], sub: accountId }),
    }),
    extraTokenClaims: (_context, token) => accounts[token.accountId ?? token.clientId],
    cookies: { keys: ['only for tests'] },
    ttl: { AccessToken: 600, ClientCredentials: 600, IdToken: 600, Interaction: 600, Grant: 600, Session: 600 },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: '',
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
}

async function mint({ header, claims, by }) {
  if (by === 'nobody' || by === 'secret') {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part(header)}.${part(claims)}`;
    if (by === 'nobody') return `${text}.`;
    const publicKey = await jose.exportSPKI(keys.rsa.publicKey);
    return `${text}.${createHmac('sha256', publicKey).update(text).digest('base64url')}`;
  }
  const key = keys[by];
  const whole = { alg: key.alg, kid: key.jwk.kid, typ: 'at+jwt', ...header };
  return new jose.CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader(whole)
    .sign(key.privateKey);
}
