// Sends one GraphQL query over and over: `load.mjs URL TOKEN SECONDS CONNECTIONS QUERY`. Prints a JSON line.
import http from 'node:http';

const [url, token, seconds, connections, query] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(connections) });
const body = JSON.stringify({ query });
const options = {
  agent,
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(body) },
};

const ask = () =>
  new Promise((resolve, reject) => {
    const begin = process.hrtime.bigint();
    const request = http.request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => (text += part));
      response.on('end', () => {
        if (response.statusCode !== 200 || text.includes('"errors"')) reject(new Error(text.slice(0, 300)));
        else resolve({ milliseconds: Number(process.hrtime.bigint() - begin) / 1e6, bytes: text.length });
      });
    });
    request.on('error', reject);
    request.end(body);
  });

const end = Date.now() + Number(seconds) * 1000;
const taken = [];
let bytes = 0;
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (Date.now() < end) {
      const answer = await ask();
      taken.push(answer.milliseconds);
      bytes = answer.bytes;
    }
  }),
);
taken.sort((one, other) => one - other);
const at = (part) => taken[Math.min(taken.length - 1, Math.floor(taken.length * part))];
console.log(JSON.stringify({ perSecond: taken.length / Number(seconds), p50: at(0.5), p99: at(0.99), bytes }));
agent.destroy();
