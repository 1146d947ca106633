// Lints schema.graphql by eslint.config.js, except for what known.js lists: each with its reason, and
// each still there. What was mended has to leave the list.
import { ESLint } from 'eslint';
import { fileURLToPath } from 'node:url';
import { known } from './known.js';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const eslint = new ESLint({ cwd: path('../../..'), overrideConfigFile: path('eslint.config.js') });
const [{ messages, source }] = await eslint.lintFiles([path('../../../schema.graphql')]);
const lines = (source ?? '').split('\n');

const unused = new Set(known.flatMap(({ rule, at }) => at.map((place) => `${rule}: ${place}`)));
let failed = 0;
for (const { ruleId, line, message } of messages) {
  // What the message is about, as the schema spells it: `type CityEdge`, `ruleSet: RuleSet`.
  const finding = `${ruleId?.replace('@graphql-eslint/', '')}: ${lines[line - 1]?.trim().replace(/ ?[{(].*/, '')}`;
  if (unused.delete(finding)) continue;
  failed++;
  console.error(`schema.graphql:${line}: ${message.trim()} (${finding})`);
}
for (const finding of unused) console.error(`known.js lists what is not there any more: ${finding}`);
if (failed || unused.size) process.exit(1);
console.log(`ok  graphql-eslint: schema.graphql, with ${messages.length} findings that are known`);
