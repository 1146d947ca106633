// The schema by the rules of @graphql-eslint: its recommended ones and those of Relay.
import graphql from '@graphql-eslint/eslint-plugin';
import { fileURLToPath } from 'node:url';

const schema = fileURLToPath(new URL('../../../schema.graphql', import.meta.url));

export default [
  {
    files: ['**/*.graphql'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...graphql.configs['flat/schema-recommended'].rules,
      ...graphql.configs['flat/schema-relay'].rules,
      // Connections have the shortcut `nodes` beside `edges`, as GitHub's have.
      '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
      // Not types only: fields, arguments and enum values too.
      '@graphql-eslint/require-description': [
        'error',
        {
          types: true,
          rootField: true,
          DirectiveDefinition: true,
          EnumValueDefinition: true,
          FieldDefinition: true,
          InputValueDefinition: true,
          ignoredSelectors: [
            // The directives are the specification's.
            'DirectiveDefinition > InputValueDefinition',
            // These arguments mean the same wherever they are; tests/schema.rs has the same list.
            'FieldDefinition > InputValueDefinition[name.value=/^(first|after|last|before|filter|orderBy|id|ids|input)$/]',
          ],
        },
      ],
      // Wants an id on every type. Here a thing that can be found again has one, and implements `Node`; payloads,
      // pages, totals, figures and the terms of a rule are values, which have none.
      '@graphql-eslint/strict-id-in-types': 'off',
    },
  },
];
